/* secrets_admin.h: another secret_key for an installation. Blocking: for the shell. */

#pragma once

#include "service/key_admin.h"

struct secrets_rotated {
    size_t sealed;     /* providers' keys that were sealed anew */
    size_t unreadable; /* that could not be opened before either: they stay as they are */
};

/* Seals everything of the store that is sealed anew under secret_key, and lets users' keys stay
 * good. One transaction. Gateways that run go on with what they have loaded, until they are
 * restarted with the new one. -EALREADY: it is the one in use. -EKEYREJECTED: a's is not the
 * store's any more. */
int secrets_admin_rotate(struct admin *a, struct secret secret_key, struct secrets_rotated *ret);
