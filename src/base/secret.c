/* secret.c: forgetting what must not be found in a core dump. */

#include "base/secret.h"

void secret_wipe(void *at, size_t n)
{
    if (n)
        explicit_bzero(at, n);
}

void secret_forget(struct secret s)
{
    secret_wipe((void *)(uintptr_t)s.hidden.at, s.hidden.len);
}
