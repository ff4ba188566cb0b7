/* fuzz_codec_redact.c: redacting ends, gives JSON for JSON, and a second time changes nothing. */

#include "codec/json.h"
#include "codec/redact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool true_always)
{
    if (!true_always)
        abort();
}

static struct redactor *the_redactor(void)
{
    static const struct slice own[] = {SLICE_INIT("EMP-[0-9]{4}"), SLICE_INIT("(?:x+)+y")};
    static struct redactor *r;
    char why[REDACT_WHY];

    if (!r)
        must(redactor_new(own, ARRAY_LEN(own), why, &r) == OK);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice text = slice_of((const char *)bytes, n), once, twice;
    struct json_error unused;
    struct arena a;

    if (n > 16384)
        return 0;
    arena_init(&a, 0);
    must(redact_text(the_redactor(), text, &a, &once) == OK);
    must(redact_text(the_redactor(), once, &a, &twice) == OK);
    must(slice_eq(once, twice));
    must(redact_json(the_redactor(), text, &a, &once) == OK);
    if (json_is_valid(text, &unused))
        must(json_is_valid(once, &unused));
    arena_clear(&a);
    return 0;
}
