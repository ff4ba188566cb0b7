/* errno_text.c: "ECONNREFUSED: connection refused", made once for all errors. */

#include "base/log.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>

enum { ERRNO_LAST = 133, ERRNO_TEXT = 80 };

static char texts[ERRNO_LAST + 1][ERRNO_TEXT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void texts_fill(void)
{
    for (int e = 1; e <= ERRNO_LAST; e++) {
        const char *name = strerrorname_np(e), *text = strerrordesc_np(e);
        if (name && text)
            snprintf(texts[e], ERRNO_TEXT, "%s: %c%s", name, tolower(text[0]), text + 1);
    }
}

const char *log_errno(int rc)
{
    pthread_once(&once, texts_fill);
    if (rc >= 0)
        return "no error";
    return rc >= -ERRNO_LAST && texts[-rc][0] ? texts[-rc] : "unknown error";
}
