/* journal_slot.h: one record in the journal's file. Private to the journal. */

#pragma once

#include "model/record.h"

#include <stdatomic.h>

enum { JOURNAL_SLOT_BYTES = 704, JOURNAL_SLOT_ROOM = JOURNAL_SLOT_BYTES - 20 };

struct journal_slot {
    _Atomic uint64_t sequence; /* written last; 0: never used */
    uint64_t checksum;         /* of sequence, length and bytes */
    uint32_t length;
    unsigned char bytes[JOURNAL_SLOT_ROOM];
};

/* Packs the record into the slot; its sequence number becomes visible last. */
void journal_slot_write(struct journal_slot *slot, uint64_t sequence, const struct record *r);
/* Whether the slot holds that record, whole. */
bool journal_slot_is_whole(const struct journal_slot *slot, uint64_t sequence);
/* -EBADMSG: it is another one, or torn. */
int journal_slot_read(const struct journal_slot *slot, uint64_t sequence, struct record *ret);
