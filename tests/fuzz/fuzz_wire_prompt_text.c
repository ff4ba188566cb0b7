/* fuzz_wire_prompt_text.c: whatever a prompt and its answer are, what is kept of them is text that
 * a database takes; a beginning of JSON is mended to JSON; a joined stream is JSON. */

#include "codec/json.h"
#include "codec/json_mend.h"
#include "wire/prompt_text.h"
#include "wire/stream_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool true_always)
{
    if (!true_always)
        abort();
}

static struct redactor *the_redactor(void)
{
    static struct redactor *r;
    char why[REDACT_WHY];

    if (!r)
        must(redactor_new(NULL, 0, why, &r) == OK);
    return r;
}

static bool is_clean(struct slice s)
{
    return slice_is_utf8(s) && (!s.len || !memchr(s.at, 0, s.len));
}

/* Every beginning of a good text becomes good. */
static void check_mending(struct slice text, size_t cut, struct arena *a)
{
    struct json_error unused;
    struct slice mended;

    if (!json_is_valid(text, &unused))
        return;
    must(json_mend(slice_sub(text, 0, cut), a, &mended) == OK);
    must(json_is_valid(mended, &unused));
}

/* The first byte: mode, stream, what is cut, and where. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct json_error unused;
    struct slice joined;
    struct arena a;

    if (n == 0 || n > 16384)
        return 0;
    struct slice text = slice_of((const char *)bytes + 1, n - 1);
    struct prompt p = {
        .mode = bytes[0] & 1 ? PROMPTS_FULL : PROMPTS_REDACTED,
        .stream = bytes[0] & 2,
        .cut = bytes[0] >> 2 & 3,
        .request = text,
        .answer = text,
    };
    arena_init(&a, 0);
    must(prompt_text_make(the_redactor(), &p, &a) == OK);
    must(is_clean(p.request) && is_clean(p.answer));
    must(stream_text_join(text, &a, &joined) == OK);
    if (slice_is_utf8(text))
        must(json_is_valid(joined, &unused));
    check_mending(text, text.len * (bytes[0] >> 4) / 16, &a);
    arena_clear(&a);
    return 0;
}
