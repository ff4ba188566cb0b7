/* sealed_file.h: a file that only this installation can read, and that is read whole or not at all.
 *
 *     "courier sealed 1" | salt | chunk …       chunk: length | AES-256-GCM of up to 64 KB
 *
 * The key comes from the secret_key and the file's salt. A chunk is bound to its number and to
 * whether it is the last one, so bytes that were changed, cut off, moved or added do not open.
 * Neither side holds more than a chunk. Blocking; private to the services. */

#pragma once

#include "base/secret.h"

struct sealed_key {
    unsigned char bytes[32];
};
int sealed_key_derive(struct secret secret_key, struct sealed_key *ret);

struct sealed_writer;
struct sealed_reader;

/* Writes aside: "PATH.new", mode 0600; folders that are not there are made, 0700. -errno. */
int sealed_writer_open(const char *path, const struct sealed_key *key, struct sealed_writer **ret);
/* A failure is told at the end. */
void sealed_write(struct sealed_writer *w, struct slice bytes);
/* rc OK: the file takes its place, whole and on the disk; else nothing stays. Frees w (NULL: only
 * returns rc). Returns rc, or the first failure. */
int sealed_writer_end_take(struct sealed_writer *w, int rc);

/* -ENOENT, -errno; -EBADMSG: damaged, sealed under another secret_key, or no such file. */
int sealed_reader_open(const char *path, const struct sealed_key *key, struct sealed_reader **ret);
/* Exactly n bytes. -EBADMSG: damaged, or there are fewer. */
int sealed_read(struct sealed_reader *r, void *ret, size_t n);
/* OK: all of it was read. -EBADMSG: there is more. */
int sealed_reader_at_end(struct sealed_reader *r);
void sealed_reader_close(struct sealed_reader *r);
