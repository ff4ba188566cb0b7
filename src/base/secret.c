/* secret.c: forgetting what must not be found in a core dump, and blotting out what others repeat.
 */

#include "base/secret.h"

enum { BLOT_LEAST = 8 };

void secret_blot(struct secret s, struct slice text)
{
    size_t len = s.hidden.len, at;

    if (len < BLOT_LEAST)
        return;
    while ((at = slice_find(text, s.hidden)) < text.len) {
        memset((char *)(uintptr_t)text.at + at, '*', len);
        text = slice_sub(text, at + len, text.len);
    }
}

void secret_wipe(void *at, size_t n)
{
    if (n)
        explicit_bzero(at, n);
}

void secret_forget(struct secret s)
{
    secret_wipe((void *)(uintptr_t)s.hidden.at, s.hidden.len);
}
