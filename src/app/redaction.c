/* redaction.c: see redaction.h. */

#include "app/redaction.h"

#include "codec/redact.h"

#include <errno.h>

static int make(struct slice patterns, char why[REDACT_WHY], struct redactor **ret)
{
    struct slice own[REDACT_OWN_MOST + 1]; /* one too many is for the redactor to refuse */
    size_t n = 0;

    while (patterns.len && n < ARRAY_LEN(own))
        own[n++] = slice_cut(&patterns, '\n');
    return redactor_new(own, n, why, ret);
}

const char *redaction_fault(struct arena *a, struct slice patterns)
{
    char why[REDACT_WHY] = "is more than there is memory for";
    struct redactor *r;
    int rc = patterns.len ? make(patterns, why, &r) : -EINVAL;

    if (rc == OK) {
        redactor_free(r);
        return NULL;
    }
    if (!patterns.len)
        return "is empty";
    struct slice text = arena_copy(a, slice_str(why));
    return text.at ? text.at : "is wrong";
}

int redaction_new(struct slice patterns, struct redactor **ret)
{
    char why[REDACT_WHY];

    return make(patterns, why, ret);
}
