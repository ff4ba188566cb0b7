/* journal_file.h: the journal's file: made, checked, mapped.
 *
 *     page 0   header
 *     then     segments of 64 slots (11 pages each)
 *
 * Private to the journal. */

#pragma once

#include "service/journal_slot.h"

enum { JOURNAL_SEGMENT_SLOTS = 64, JOURNAL_HEADER_BYTES = 4096, JOURNAL_SEGMENTS_LEAST = 4 };

struct journal_segment {
    struct journal_slot slots[JOURNAL_SEGMENT_SLOTS];
};

/* The members up to `clean` stay where they are in every layout to come. */
struct journal_header {
    char magic[8];
    uint32_t layout;
    uint32_t record_version;
    uint32_t clean; /* closed with nothing unread */
    uint32_t segments;
    _Alignas(64) _Atomic uint64_t mark; /* records before it are in the database */
};

struct journal_file {
    struct journal_header *header;
    struct journal_segment *segments;
    size_t bytes; /* mapped */
};

/* Opens or makes; what is unread stays, with the size that the file has. A file that this courier
 * cannot read is renamed aside (path.aside-MICROSECONDS) and logged, unless it was closed clean.
 * -errno: -ENOSPC the disk has no room, -EINVAL bytes are too few for JOURNAL_SEGMENTS_LEAST. */
int journal_file_open(const char *path, size_t bytes, struct journal_file *ret);
void journal_file_close(struct journal_file *f);
