/* snapshot_file.h: everything that is needed to serve, in one sealed file of this machine, so that
 * an instance starts while the database is away. Blocking; private to the services.
 *
 * Keys are in it as hashes, providers' keys as they are sealed in the database. */

#pragma once

#include "base/buf.h"
#include "service/entries.h"
#include "service/key_table.h"
#include "service/sealed_file.h"

struct snapshot_stamp {
    uint64_t version;                     /* of the catalog */
    uint64_t true_wall_us;                /* when the database last said so */
    unsigned char hash_key[KEY_HASH_LEN]; /* that the keys are hashed under */
};

/* The rows of providers and models as a part of the file: before their keys are opened. */
int snapshot_file_pack(const struct entries *e, struct buf *ret);
/* entries: from snapshot_file_pack. -errno; nothing is there half. */
int snapshot_file_write(const char *path, const struct sealed_key *key, struct snapshot_stamp stamp,
                        struct slice entries, const struct key_table *keys);
/* Fills e, which must be begun, and makes the table. -ENOENT; -EBADMSG: damaged, sealed under
 * another secret_key, or of another release. */
int snapshot_file_read(const char *path, const struct sealed_key *key,
                       struct snapshot_stamp *ret_stamp, struct entries *e,
                       struct key_table **ret_keys);
