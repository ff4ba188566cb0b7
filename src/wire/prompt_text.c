/* prompt_text.c: see prompt_text.h. */

#include "wire/prompt_text.h"

#include "codec/json_mend.h"
#include "wire/stream_text.h"

#include <errno.h>

/* What stands last in a text that was cut may be half of something that is only known whole. */
enum { DOUBTFUL = 256 };

/* --- bytes that no database takes --- */

/* Bytes of the character at the front of s; 0: there is none. */
static size_t character(struct slice s)
{
    size_t most = MIN(s.len, (size_t)4);

    if (s.at[0] == 0)
        return 0;
    for (size_t n = 1; n <= most; n++)
        if (slice_is_utf8(slice_sub(s, 0, n)))
            return n;
    return 0;
}

static int clean(struct slice *text, struct arena *a)
{
    if (slice_is_utf8(*text) && (!text->len || !memchr(text->at, 0, text->len)))
        return OK;
    struct slice copy = arena_copy(a, *text);
    if (!copy.at)
        return -ENOMEM;
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; i < copy.len;) {
        size_t n = character(slice_sub(copy, i, copy.len));
        if (n == 0)
            at[i] = '?';
        i += MAX(n, (size_t)1);
    }
    *text = copy;
    return OK;
}

/* --- redaction --- */

/* A text that was cut is made JSON again, so that escapes hide nothing in it. */
static int redact_cut(const struct redactor *r, struct slice *text, struct arena *a)
{
    struct slice mended = *text, redacted;
    int rc = json_mend(*text, a, &mended);

    if (rc == -ENOMEM)
        return rc;
    rc = redact_json(r, rc < 0 ? *text : mended, a, &redacted);
    if (rc == OK)
        *text = slice_sub(redacted, 0, redacted.len > DOUBTFUL ? redacted.len - DOUBTFUL : 0);
    return rc;
}

static int redact_whole(const struct redactor *r, struct slice *text, struct arena *a)
{
    return redact_json(r, *text, a, text);
}

static int redact_answer(const struct redactor *r, struct prompt *p, struct arena *a)
{
    bool cut = p->cut & PROMPT_ANSWER_CUT;
    int rc = OK;

    if (p->stream) {
        rc = stream_text_join(p->answer, a, &p->answer);
        cut = false; /* the text ends with a whole frame */
    }
    if (rc < 0)
        return rc;
    return cut ? redact_cut(r, &p->answer, a) : redact_whole(r, &p->answer, a);
}

static int redact_both(const struct redactor *r, struct prompt *p, struct arena *a)
{
    int rc = p->cut & PROMPT_REQUEST_CUT ? redact_cut(r, &p->request, a)
                                         : redact_whole(r, &p->request, a);

    return rc < 0 ? rc : redact_answer(r, p, a);
}

int prompt_text_make(const struct redactor *r, struct prompt *p, struct arena *a)
{
    int rc = p->mode == PROMPTS_FULL ? OK : redact_both(r, p, a);

    if (rc == OK)
        rc = clean(&p->request, a);
    return rc < 0 ? rc : clean(&p->answer, a);
}
