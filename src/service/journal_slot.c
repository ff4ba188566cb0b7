/* journal_slot.c: see journal_slot.h. */

#include "service/journal_slot.h"

#include "service/record_bytes.h"

#include <errno.h>

_Static_assert(sizeof(struct journal_slot) == JOURNAL_SLOT_BYTES, "no padding");
_Static_assert((int)RECORD_BYTES_MOST <= (int)JOURNAL_SLOT_ROOM, "a record fits");

void journal_slot_write(struct journal_slot *slot, uint64_t sequence, const struct record *r)
{
    slot->length = (uint32_t)record_pack(slot->bytes, r);
    slot->checksum = record_sum(sequence, slot->bytes, slot->length);
    atomic_store_explicit(&slot->sequence, sequence, memory_order_release);
}

bool journal_slot_is_whole(const struct journal_slot *slot, uint64_t sequence)
{
    return atomic_load_explicit(&slot->sequence, memory_order_acquire) == sequence &&
           slot->length <= sizeof(slot->bytes) &&
           slot->checksum == record_sum(sequence, slot->bytes, slot->length);
}

int journal_slot_read(const struct journal_slot *slot, uint64_t sequence, struct record *ret)
{
    return journal_slot_is_whole(slot, sequence) ? record_unpack(slot->bytes, slot->length, ret)
                                                 : -EBADMSG;
}
