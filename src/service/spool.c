/* spool.c: see spool.h.
 *
 *     segments   oldest first; the last one may still be written to
 *     mark       in the first segment: what stands before it is in the database
 *     reading    the segment, and reader.at the place in it, of the next record
 *
 * The mark is not kept on disk: after the death of the process the oldest segment is read from its
 * beginning. */

#include "service/spool.h"

#include "service/journal_folder.h"
#include "service/spool_file.h"

#include "base/durable.h"
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEGMENT_BYTES = 8 * 1024 * 1024 };

struct segment {
    struct spool_segment is;
    uint64_t left;  /* records that are not in the database */
    uint64_t taken; /* of them, read */
    bool damaged;
};

struct spool {
    char *folder;
    uint64_t most;
    struct segment *segments;
    size_t len, cap;
    uint64_t last_number;
    uint64_t mark;
    size_t reading;
    bool unreadable; /* told */
    struct spool_writer writer;
    struct spool_reader reader;
    _Atomic uint64_t bytes, records, damaged; /* of spool_look */
};

static int path_of(const struct spool *s, uint64_t number, char ret[JOURNAL_PATH])
{
    int n = snprintf(ret, JOURNAL_PATH, "%s/spool-%llu", s->folder, (unsigned long long)number);

    return n < 0 || n >= JOURNAL_PATH ? -ENAMETOOLONG : OK;
}

/* That there is a file of it, or none any more. */
static int sync_name(const struct spool *s, uint64_t number)
{
    char path[JOURNAL_PATH];
    int rc = path_of(s, number, path);

    return rc < 0 ? rc : durable_name(path);
}

/* --- segments --- */

static int add_segment(struct spool *s, const struct spool_segment *is)
{
    if (s->len == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct segment *grown = realloc(s->segments, cap * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        s->segments = grown;
        s->cap = cap;
    }
    s->segments[s->len++] = (struct segment){.is = *is, .left = is->records};
    s->bytes += is->bytes;
    s->records += is->records;
    return OK;
}

static void remove_file(const struct spool *s, uint64_t number)
{
    char path[JOURNAL_PATH];
    int rc = path_of(s, number, path);

    if (rc == OK && unlink(path) < 0 && errno != ENOENT)
        rc = -errno;
    if (rc < 0)
        log_event(LOG_WARN, "a spool segment that is done cannot be deleted", LOG_STR("file", path),
                  LOG_RC(rc), LOG_END);
}

static void put_aside(struct spool *s, const struct segment *g)
{
    char path[JOURNAL_PATH], aside[JOURNAL_PATH] = "";
    int rc = path_of(s, g->is.number, path);

    if (rc == OK)
        rc = journal_folder_put_aside(path, aside);
    s->damaged += g->left;
    log_event(LOG_ERROR, "a damaged spool segment was put aside; the rest of it is written",
              LOG_STR("file", rc == OK ? aside : path), LOG_U64("records_lost", g->left), LOG_END);
}

/* Everything that can be read of a segment is in the database. */
static void finish(struct spool *s, const struct segment *g)
{
    s->bytes -= g->is.bytes;
    s->records -= g->left;
    if (g->damaged || g->left)
        put_aside(s, g);
    else
        remove_file(s, g->is.number);
}

/* --- the writer --- */

static struct segment *last_of(struct spool *s)
{
    return &s->segments[s->len - 1];
}

static bool is_writing(const struct spool *s)
{
    return s->writer.fd >= 0;
}

size_t spool_room(const struct spool *s)
{
    uint64_t used =
        s->bytes + (is_writing(s) ? s->writer.bytes - s->writer.safe.bytes : SPOOL_HEADER_BYTES);

    return used < s->most ? (size_t)((s->most - used) / SPOOL_FRAME_MOST) : 0;
}

static int begin_segment(struct spool *s)
{
    struct spool_segment fresh = {.number = s->last_number + 1, .bytes = SPOOL_HEADER_BYTES};
    char path[JOURNAL_PATH];
    int rc = path_of(s, fresh.number, path);

    if (rc == OK)
        rc = add_segment(s, &fresh);
    if (rc < 0)
        return rc;
    s->last_number++;
    rc = spool_writer_begin(&s->writer, path, fresh.number);
    if (rc < 0) {
        s->len--;
        s->bytes -= fresh.bytes;
    }
    return rc;
}

int spool_append(struct spool *s, const struct record *records, size_t n)
{
    int rc = OK;

    if (n && !is_writing(s))
        rc = begin_segment(s);
    for (size_t i = 0; rc == OK && i < n; i++)
        rc = spool_writer_append(&s->writer, &records[i]);
    return rc;
}

/* What the file holds may be anything after a failed write: nothing more is written behind it. */
void spool_undo(struct spool *s)
{
    if (!is_writing(s))
        return;
    spool_writer_end(&s->writer);
    if (last_of(s)->is.records)
        return;
    s->len--;
    s->bytes -= s->segments[s->len].is.bytes;
    remove_file(s, s->segments[s->len].is.number);
}

static void note_saved(struct spool *s)
{
    struct segment *g = last_of(s);

    s->bytes += s->writer.safe.bytes - g->is.bytes;
    s->records += s->writer.safe.records - g->is.records;
    g->left += s->writer.safe.records - g->is.records;
    g->is = s->writer.safe;
    if (g->is.bytes >= SEGMENT_BYTES)
        spool_writer_end(&s->writer);
}

int spool_save(struct spool *s)
{
    if (!is_writing(s))
        return OK;
    bool fresh = s->writer.safe.records == 0;
    int rc = spool_writer_sync(&s->writer);
    if (rc == OK && fresh)
        rc = sync_name(s, last_of(s)->is.number);
    if (rc < 0)
        spool_undo(s);
    else
        note_saved(s);
    return rc;
}

/* --- the reader --- */

bool spool_is_empty(const struct spool *s)
{
    return s->len == 0;
}

/* False: not now. */
static bool open_reader(struct spool *s, struct segment *g)
{
    char path[JOURNAL_PATH];

    if (s->reader.fd >= 0)
        return true;
    int rc = path_of(s, g->is.number, path);
    if (rc == OK)
        rc = spool_reader_begin(&s->reader, path, g->is.number,
                                s->reading == 0 ? s->mark : SPOOL_HEADER_BYTES);
    if (rc == -ENOENT) /* somebody deleted it: there is nothing to wait for */
        rc = spool_reader_begin(&s->reader, "/dev/null", g->is.number, SPOOL_HEADER_BYTES);
    if (rc < 0 && !s->unreadable)
        log_event(LOG_ERROR, "spool segment cannot be opened", LOG_STR("file", path), LOG_RC(rc),
                  LOG_END);
    s->unreadable = rc < 0;
    return rc == OK;
}

static bool read_one(struct spool *s, struct record *ret)
{
    struct segment *g = &s->segments[s->reading];

    s->reader.end = g->is.bytes;
    bool got = spool_reader_next(&s->reader, ret);
    g->damaged |= s->reader.damaged;
    g->taken += got;
    return got;
}

/* On to the next segment, unless this is the last. */
static bool turn_page(struct spool *s)
{
    if (s->reading + 1 >= s->len)
        return false;
    spool_reader_end(&s->reader);
    s->reading++;
    return true;
}

size_t spool_read(struct spool *s, struct record *ret, size_t n)
{
    size_t len = 0;

    while (len < n && s->reading < s->len && open_reader(s, &s->segments[s->reading])) {
        if (read_one(s, &ret[len]))
            len++;
        else if (!turn_page(s))
            break;
    }
    return len;
}

void spool_rewind(struct spool *s)
{
    for (size_t i = 0; i < s->len && i <= s->reading; i++)
        s->segments[i].taken = 0;
    if (s->reading != 0)
        spool_reader_end(&s->reader);
    s->reading = 0;
    s->reader.at = s->mark;
}

static void drop_first(struct spool *s, size_t n)
{
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        finish(s, &s->segments[i]);
    memmove(s->segments, s->segments + n, (s->len - n) * sizeof(*s->segments));
    s->len -= n;
    /* a power cut must not bring back what newer rows have replaced since */
    int rc = s->len == 0 ? sync_name(s, s->last_number) : OK;
    if (rc < 0)
        log_event(LOG_WARN, "the spool's folder cannot be synced", LOG_RC(rc), LOG_END);
}

/* Whether the last segment was read to its end, and nothing is on the way into it. */
static bool all_is_read(const struct spool *s)
{
    return s->reading + 1 == s->len && s->reader.fd >= 0 && s->reader.at >= s->reader.end &&
           s->reader.end == s->segments[s->reading].is.bytes &&
           (!is_writing(s) || s->writer.bytes == s->writer.safe.bytes);
}

void spool_advance(struct spool *s)
{
    for (size_t i = 0; i < s->len && i <= s->reading; i++) {
        struct segment *g = &s->segments[i];
        s->records -= g->taken;
        g->left -= g->taken;
        g->taken = 0;
    }
    if (all_is_read(s)) {
        spool_reader_end(&s->reader);
        spool_writer_end(&s->writer);
        drop_first(s, s->len);
    } else {
        drop_first(s, s->reading);
    }
    s->reading = 0;
    s->mark = s->reader.fd >= 0 ? s->reader.at : SPOOL_HEADER_BYTES;
}

/* --- opening, looking --- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct segment *)a)->is.number, y = ((const struct segment *)b)->is.number;

    return (x > y) - (x < y);
}

static int found_segment(void *arg, const char *path, uint64_t number)
{
    struct spool *s = arg;
    struct spool_segment is;
    char aside[JOURNAL_PATH];
    int rc = spool_file_recover(path, number, &s->reader, &is);

    s->last_number = MAX(s->last_number, number);
    if (rc == -EBADMSG) {
        rc = journal_folder_put_aside(path, aside);
        log_event(LOG_ERROR, "a spool segment that is damaged or of another version: put aside",
                  LOG_STR("file", rc == OK ? aside : path), LOG_END);
        return rc;
    }
    if (rc < 0) {
        log_event(LOG_ERROR, "spool segment cannot be opened", LOG_STR("file", path), LOG_RC(rc),
                  LOG_END);
        return rc;
    }
    if (is.records == 0) {
        remove_file(s, number);
        return OK;
    }
    return add_segment(s, &is);
}

static int open_files(struct spool *s)
{
    int rc = journal_folder_each(s->folder, "spool-", 0, found_segment, s);
    if (rc == OK && s->len)
        qsort(s->segments, s->len, sizeof(*s->segments), by_number);
    return rc;
}

int spool_open(const char *folder, uint64_t most, struct spool **ret)
{
    struct spool *s = calloc(1, sizeof(*s));

    *ret = NULL;
    if (!s)
        return -ENOMEM;
    s->most = most;
    s->mark = SPOOL_HEADER_BYTES;
    s->folder = strdup(folder);
    int rc = s->folder ? OK : -ENOMEM;
    /* both, so that both may be freed */
    int writer_rc = spool_writer_init(&s->writer), reader_rc = spool_reader_init(&s->reader);
    if (rc == OK)
        rc = writer_rc < 0 ? writer_rc : reader_rc;
    if (rc == OK)
        rc = open_files(s);
    if (rc < 0) {
        spool_close(s);
        return rc;
    }
    *ret = s;
    return OK;
}

void spool_close(struct spool *s)
{
    if (!s)
        return;
    spool_writer_free(&s->writer);
    spool_reader_free(&s->reader);
    free(s->segments);
    free(s->folder);
    free(s);
}

void spool_look(const struct spool *s, struct spool_state *ret)
{
    *ret = (struct spool_state){
        .records = s->records,
        .bytes = s->bytes,
        .most = s->most,
        .damaged = s->damaged,
    };
}
