/* lookup.h: host name → addresses, for threads of the yard: they may wait, but not for long.
 *
 * The system's resolver knows no deadline of its caller's: with name servers that are silent it
 * takes half a minute, or what resolv.conf says. So it is asked on a thread of its own, which is
 * left behind when time is over and ends with the resolver's answer. */

#pragma once

#include "base/base.h"

enum { LOOKUP_ADDRESSES = 4, LOOKUP_TEXT = 64, LOOKUP_ASKING_MOST = 16 };

struct lookup {
    char addresses[LOOKUP_ADDRESSES][LOOKUP_TEXT]; /* "10.0.0.7", "fe80::1%eth0" */
    size_t len;
};

/* -EHOSTUNREACH: there is no such host; -ETIMEDOUT: nobody has said so in time; -EAGAIN: the
 * resolver says to come again, or LOOKUP_ASKING_MOST threads still wait for it; -ENOMEM. */
int lookup_host(const char *host, uint64_t limit_ms, struct lookup *ret);
