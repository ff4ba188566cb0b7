/* record_bytes.h: a record as it lies in a file.
 *
 * Only the used bytes of its texts are stored: less to write, less to sum up, and what happens to
 * stand behind a text in memory never reaches the disk. Private to the journal and the spool. */

#pragma once

#include "model/record.h"

enum { RECORD_BYTES_MOST = sizeof(struct record) };

/* Returns the bytes written, RECORD_BYTES_MOST at most. */
size_t record_pack(unsigned char *to, const struct record *r);
/* -EBADMSG: these are not the bytes of a record. */
int record_unpack(const unsigned char *from, size_t length, struct record *ret);
/* A checksum that differs for another seed: it guards against torn pages and old ones, not against
 * people. */
uint64_t record_sum(uint64_t seed, const unsigned char *at, size_t length);
