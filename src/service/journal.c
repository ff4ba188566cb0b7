/* journal.c: records between one writer and one reader, in a file.
 *
 * Record number s (its sequence, from 1) belongs to chunk (s - 1) / 64, and a chunk lives in one
 * segment of the file. When the writer begins a chunk it takes the lowest segment whose records are
 * all in the database. So a ledger that keeps up makes the writer use the same few segments again
 * and again: warm in the cache, few dirty pages, little resident memory; with one that is away it
 * goes on through the whole file.
 *
 *     mark   in the file: everything before it is in the database   [the reader moves it]
 *     head   the next number to be written                          [the writer moves it]
 *
 * A slot carries its number, so nothing else needs to be stored: at open the slots with numbers
 * from the mark on are the unread ones, and whatever a segment held before has lower numbers. */

#include "service/journal.h"

#include "service/journal_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    SLOTS = JOURNAL_SEGMENT_SLOTS,
    WARM_SEGMENTS = 32, /* 1.4 MB: the memory of later ones is given back when they are empty */
};

static const uint32_t nowhere = UINT32_MAX;

struct journal {
    struct journal_file file;
    uint32_t segments;
    _Atomic uint32_t *segment_of; /* [chunk % segments]; set before head moves into the chunk */

    /* the writer's */
    _Alignas(64) uint64_t next;      /* as head */
    struct journal_segment *writing; /* of next's chunk, unless that is to be begun */
    uint64_t *ends;                  /* [segment]: the number after its last record */
    _Atomic uint64_t lost;

    _Alignas(64) _Atomic uint64_t head;

    /* of journal_sync */
    uint64_t seen;   /* head, the last time */
    uint64_t synced; /* what has a lower number is on the disk */
};

static uint64_t chunk_of(uint64_t sequence)
{
    return (sequence - 1) / SLOTS;
}

static uint64_t first_of(uint64_t chunk)
{
    return chunk * SLOTS + 1;
}

static uint64_t mark_of(const struct journal *j)
{
    return atomic_load_explicit(&j->file.header->mark, memory_order_acquire);
}

static _Atomic uint32_t *place_of(const struct journal *j, uint64_t chunk)
{
    return &j->segment_of[chunk % j->segments];
}

/* --- opening: where does everything stand? --- */

/* The highest number of an unread record in a segment; 0: none. */
static uint64_t highest_unread(const struct journal_segment *segment, uint64_t mark, bool *ret_used)
{
    uint64_t highest = 0;

    *ret_used = false;
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct journal_slot *slot = &segment->slots[i];
        uint64_t n = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
        *ret_used |= n != 0;
        if (n >= mark && n > highest && (n - 1) % SLOTS == i && journal_slot_is_whole(slot, n))
            highest = n;
    }
    return highest;
}

/* Sets ends, and returns the number after the last unread record. */
static uint64_t find_head(struct journal *j, uint64_t mark)
{
    uint64_t head = mark;
    bool used = true;

    /* segments are taken lowest first: behind one that was never used there is nothing */
    for (uint32_t i = 0; used && i < j->segments; i++) {
        uint64_t n = highest_unread(&j->file.segments[i], mark, &used);
        j->ends[i] = n ? first_of(chunk_of(n) + 1) : 0;
        head = MAX(head, n + 1);
    }
    madvise(j->file.segments, j->segments * sizeof(struct journal_segment), MADV_DONTNEED);
    return head;
}

/* The writer goes on with a new chunk; the numbers left out are passed over by the reader. */
static void journal_recover(struct journal *j)
{
    uint64_t mark = mark_of(j), head = find_head(j, mark);
    bool nothing = head == mark;

    head = first_of(chunk_of(head + SLOTS - 1));
    /* after a power cut the mark may lie further back than the file is long */
    uint64_t chunks = MIN(chunk_of(head), (uint64_t)j->segments);
    mark = nothing ? head : MAX(mark, first_of(chunk_of(head) - chunks));

    for (uint32_t i = 0; i < j->segments; i++)
        atomic_init(&j->segment_of[i], nowhere);
    for (uint32_t i = 0; i < j->segments; i++) {
        if (j->ends[i] > mark)
            atomic_init(place_of(j, chunk_of(j->ends[i] - 1)), i);
    }
    atomic_store_explicit(&j->file.header->mark, mark, memory_order_relaxed);
    j->next = head;
    atomic_init(&j->head, head);
}

int journal_open(const char *path, size_t bytes, struct journal **ret)
{
    struct journal *j = aligned_alloc(_Alignof(struct journal), sizeof(*j));

    *ret = NULL;
    if (!j)
        return -ENOMEM;
    memset(j, 0, sizeof(*j));
    int rc = journal_file_open(path, bytes, &j->file);
    if (rc < 0) {
        free(j);
        return rc;
    }
    j->segments = j->file.header->segments;
    j->segment_of = calloc(j->segments, sizeof(*j->segment_of));
    j->ends = calloc(j->segments, sizeof(*j->ends));
    if (!j->segment_of || !j->ends) {
        journal_close(j);
        return -ENOMEM;
    }
    journal_recover(j);
    *ret = j;
    return OK;
}

void journal_close(struct journal *j)
{
    struct record left;

    if (!j)
        return;
    j->file.header->clean = j->next != 0 && journal_read(j, 0, &left, 1) == 0;
    journal_file_close(&j->file);
    free(j->segment_of);
    free(j->ends);
    free(j);
}

/* --- the writer --- */

static int begin_chunk(struct journal *j)
{
    uint64_t chunk = chunk_of(j->next), mark = mark_of(j);

    for (uint32_t i = 0; i < j->segments; i++) {
        if (j->ends[i] > mark)
            continue;
        j->ends[i] = first_of(chunk + 1);
        j->writing = &j->file.segments[i];
        atomic_store_explicit(place_of(j, chunk), i, memory_order_relaxed);
        return OK;
    }
    return -ENOSPC;
}

int journal_append(struct journal *j, const struct record *r)
{
    size_t place = (j->next - 1) % SLOTS;

    if (place == 0) {
        int rc = begin_chunk(j);
        if (rc < 0)
            return rc;
    }
    journal_slot_write(&j->writing->slots[place], j->next, r);
    j->next++;
    atomic_store_explicit(&j->head, j->next, memory_order_release);
    return OK;
}

bool journal_lose(struct journal *j)
{
    return atomic_fetch_add_explicit(&j->lost, 1, memory_order_relaxed) == 0;
}

uint64_t journal_lost(const struct journal *j)
{
    return atomic_load_explicit(&j->lost, memory_order_relaxed);
}

size_t journal_backlog(const struct journal *j)
{
    uint64_t mark = mark_of(j); /* first: the head never lies before an older mark */

    return (size_t)(atomic_load_explicit(&j->head, memory_order_acquire) - mark);
}

/* The oldest segment is in use until its last record is read. */
static size_t room_of(const struct journal *j)
{
    return (size_t)(j->segments - 1) * SLOTS;
}

bool journal_is_tight(const struct journal *j)
{
    return journal_backlog(j) >= room_of(j) / 4 * 3;
}

bool journal_is_filling(const struct journal *j)
{
    return journal_backlog(j) >= room_of(j) / 4;
}

/* --- the reader --- */

static void give_back_memory(struct journal *j, uint64_t chunk)
{
    uint32_t i = atomic_load_explicit(place_of(j, chunk), memory_order_relaxed);

    if (i != nowhere && i >= WARM_SEGMENTS)
        madvise(&j->file.segments[i], sizeof(struct journal_segment), MADV_DONTNEED);
}

static void move_mark(struct journal *j, uint64_t to)
{
    for (uint64_t c = chunk_of(mark_of(j)); first_of(c + 1) <= to; c++)
        give_back_memory(j, c);
    atomic_store_explicit(&j->file.header->mark, to, memory_order_release);
}

static int read_one(const struct journal *j, uint64_t sequence, struct record *ret)
{
    uint32_t i = atomic_load_explicit(place_of(j, chunk_of(sequence)), memory_order_relaxed);

    if (i == nowhere)
        return -EBADMSG;
    return journal_slot_read(&j->file.segments[i].slots[(sequence - 1) % SLOTS], sequence, ret);
}

size_t journal_read(struct journal *j, size_t behind, struct record *ret, size_t n)
{
    uint64_t head = atomic_load_explicit(&j->head, memory_order_acquire);
    uint64_t first = mark_of(j) + behind;
    size_t len = 0;

    if (behind == 0) {
        /* numbers that were never written, or whose pages a power cut took */
        while (first < head && n > 0 && read_one(j, first, ret) < 0)
            first++;
        move_mark(j, first);
    }
    while (len < n && first + len < head && read_one(j, first + len, &ret[len]) == OK)
        len++;
    return len;
}

/* --- the disk --- */

/* The kernel writes dirty pages when it likes: within half a minute. */
static int sync_chunk(const struct journal *j, uint64_t chunk)
{
    uint32_t i = atomic_load_explicit(place_of(j, chunk), memory_order_relaxed);

    if (i == nowhere)
        return OK;
    return msync(&j->file.segments[i], sizeof(struct journal_segment), MS_SYNC) < 0 ? -errno : OK;
}

int journal_sync(struct journal *j)
{
    uint64_t head = atomic_load_explicit(&j->head, memory_order_acquire);
    uint64_t from = MAX(mark_of(j), j->synced), to = j->seen;
    int rc = OK;

    for (uint64_t c = chunk_of(MAX(from, (uint64_t)1)); rc == OK && from < to && first_of(c) < to;
         c++)
        rc = sync_chunk(j, c);
    if (rc == OK)
        j->synced = MAX(j->synced, to);
    j->seen = head;
    return rc;
}

void journal_advance(struct journal *j, size_t n)
{
    move_mark(j, mark_of(j) + n);
}
