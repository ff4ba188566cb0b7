/* tls.h: the TLS client context of a process: verification, SNI, session reuse.
 *
 * Thread-safe after creation; TLS 1.2 and later; the system's certificate store unless a file is
 * given. Sessions are cached per host:port and offered again. */

#pragma once

#include "base/base.h"

struct tls_client;

/* ca_file: PEM; NULL: the system's store. -EINVAL: the file has no certificate. */
int tls_client_new(const char *ca_file, struct tls_client **ret);
void tls_client_free(struct tls_client *tls);
