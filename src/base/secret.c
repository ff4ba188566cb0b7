/* secret.c: comparing secrets, forgetting what must not be found in a core dump, and blotting out
 * what others repeat. */

#include "base/secret.h"

enum { BLOT_LEAST = 8 };

bool secret_is_same(struct secret a, struct secret b)
{
    unsigned char difference = a.hidden.len != b.hidden.len;

    for (size_t i = 0; i < a.hidden.len && i < b.hidden.len; i++)
        difference |= (unsigned char)(a.hidden.at[i] ^ b.hidden.at[i]);
    return !difference;
}

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
