/* spool_file.c: see spool_file.h. */

#include "service/spool_file.h"

#include "service/record_bytes.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'c', 'o', 'u', 'r', 's', 'p', 'o', 'l'};

enum { LAYOUT = 1, FRAME_MARK = 0x72637264, BUFFER = 64 * 1024, WINDOW = 64 * 1024 };

struct header {
    char magic[8];
    uint32_t layout, record_version;
    uint64_t number;
    uint64_t records, bytes; /* once closed */
    uint64_t checksum;       /* of both; wrong: not closed */
    uint64_t unused[2];
};

struct frame {
    uint32_t mark, length;
    uint64_t checksum;
};

_Static_assert(sizeof(struct header) == SPOOL_HEADER_BYTES, "no padding");
_Static_assert(sizeof(struct frame) == 16, "no padding");

static size_t frame_bytes(size_t length)
{
    return (sizeof(struct frame) + length + 7) / 8 * 8;
}

static uint64_t frame_sum(uint64_t number, uint64_t at, const unsigned char *bytes, size_t length)
{
    return record_sum(number << 32 ^ at, bytes, length);
}

static uint64_t header_sum(const struct header *h)
{
    const uint64_t sealed[] = {h->records, h->bytes};

    return record_sum(h->number, (const unsigned char *)sealed, sizeof(sealed));
}

/* --- writing --- */

static int write_all(int fd, const void *bytes, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t wrote = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(at + done));
        if (wrote < 0 && errno != EINTR)
            return -errno;
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
    return OK;
}

int spool_writer_init(struct spool_writer *w)
{
    *w = (struct spool_writer){.fd = -1, .buffer = malloc(BUFFER)};
    return w->buffer ? OK : -ENOMEM;
}

static struct header header_of(const struct spool_segment *s)
{
    struct header h = {.layout = LAYOUT, .record_version = RECORD_VERSION, .number = s->number};

    memcpy(h.magic, magic, sizeof(magic));
    return h;
}

/* Ends a header with what is in the segment. */
static int seal(int fd, const struct spool_segment *s)
{
    struct header h = header_of(s);

    h.records = s->records;
    h.bytes = s->bytes;
    h.checksum = header_sum(&h);
    return write_all(fd, &h, sizeof(h), 0);
}

int spool_writer_begin(struct spool_writer *w, const char *path, uint64_t number)
{
    w->safe = (struct spool_segment){.number = number};
    w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (w->fd < 0)
        return -errno;
    struct header h = header_of(&w->safe);
    int rc = write_all(w->fd, &h, sizeof(h), 0);
    if (rc < 0) {
        close(w->fd);
        unlink(path);
        w->fd = -1;
        return rc;
    }
    w->safe.bytes = w->bytes = SPOOL_HEADER_BYTES;
    w->records = 0;
    w->buffered = 0;
    return OK;
}

static int flush(struct spool_writer *w)
{
    int rc = write_all(w->fd, w->buffer, w->buffered, w->bytes - w->buffered);

    if (rc == OK)
        w->buffered = 0;
    return rc;
}

int spool_writer_append(struct spool_writer *w, const struct record *r)
{
    int rc = w->buffered + SPOOL_FRAME_MOST > BUFFER ? flush(w) : OK;
    if (rc < 0)
        return rc;

    unsigned char *at = w->buffer + w->buffered, *bytes = at + sizeof(struct frame);
    size_t length = record_pack(bytes, r), whole = frame_bytes(length);
    struct frame f = {FRAME_MARK, (uint32_t)length,
                      frame_sum(w->safe.number, w->bytes, bytes, length)};

    memcpy(at, &f, sizeof(f));
    memset(bytes + length, 0, whole - sizeof(f) - length);
    w->buffered += whole;
    w->bytes += whole;
    w->records++;
    return OK;
}

int spool_writer_sync(struct spool_writer *w)
{
    int rc = flush(w);

    if (rc == OK && fdatasync(w->fd) < 0)
        rc = -errno;
    if (rc == OK) {
        w->safe.bytes = w->bytes;
        w->safe.records = w->records;
    }
    return rc;
}

/* Failing here is no loss: the next start looks the file through. */
void spool_writer_end(struct spool_writer *w)
{
    if (w->fd < 0)
        return;
    if (ftruncate(w->fd, (off_t)w->safe.bytes) == 0)
        (void)!seal(w->fd, &w->safe);
    close(w->fd);
    w->fd = -1;
}

void spool_writer_free(struct spool_writer *w)
{
    spool_writer_end(w);
    free(w->buffer);
}

/* --- reading --- */

int spool_reader_init(struct spool_reader *r)
{
    *r = (struct spool_reader){.fd = -1, .window = malloc(WINDOW)};
    return r->window ? OK : -ENOMEM;
}

int spool_reader_begin(struct spool_reader *r, const char *path, uint64_t number, uint64_t at)
{
    spool_reader_end(r);
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return -errno;
    r->number = number;
    r->at = r->end = at;
    r->damaged = false;
    r->window_len = 0;
    return OK;
}

/* The n bytes at r->at; NULL: the file does not have them. */
static const unsigned char *look(struct spool_reader *r, size_t n)
{
    if (r->at < r->window_at || r->at + n > r->window_at + r->window_len) {
        ssize_t got = pread(r->fd, r->window, WINDOW, (off_t)r->at);
        r->window_at = r->at;
        r->window_len = got < 0 ? 0 : (size_t)got;
    }
    return n <= r->window_len - (r->at - r->window_at) ? r->window + (r->at - r->window_at) : NULL;
}

/* Bytes of the whole frame at r->at; 0: there is none. */
static size_t read_frame(struct spool_reader *r, struct record *ret)
{
    const unsigned char *at = look(r, sizeof(struct frame));
    struct frame f;

    if (!at) {
        r->damaged = true;
        r->at = r->end; /* cut off, or unreadable from here on */
        return 0;
    }
    memcpy(&f, at, sizeof(f));
    if (f.mark != FRAME_MARK || f.length > RECORD_BYTES_MOST ||
        r->at + frame_bytes(f.length) > r->end)
        return 0;
    at = look(r, frame_bytes(f.length));
    if (!at)
        return 0;
    at += sizeof(f);
    if (frame_sum(r->number, r->at, at, f.length) != f.checksum ||
        record_unpack(at, f.length, ret) < 0)
        return 0;
    return frame_bytes(f.length);
}

bool spool_reader_next(struct spool_reader *r, struct record *ret)
{
    while (r->at + sizeof(struct frame) <= r->end) {
        size_t n = read_frame(r, ret);
        r->at += n;
        if (n)
            return true;
        r->damaged = true;
        r->at += 8; /* frames begin at multiples of it */
    }
    r->damaged |= r->at != r->end;
    r->at = r->end;
    return false;
}

void spool_reader_end(struct spool_reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

void spool_reader_free(struct spool_reader *r)
{
    spool_reader_end(r);
    free(r->window);
}

/* --- what an earlier process left --- */

/* What is whole, and where it ends. */
static void count(struct spool_reader *r, struct spool_segment *ret)
{
    struct record unused;

    ret->bytes = SPOOL_HEADER_BYTES;
    while (spool_reader_next(r, &unused)) {
        ret->records++;
        ret->bytes = r->at;
    }
}

static int recover_open_one(int fd, uint64_t size, struct spool_reader *r,
                            struct spool_segment *ret)
{
    r->end = size;
    count(r, ret);
    if (ret->bytes < size) {
        if (ftruncate(fd, (off_t)ret->bytes) < 0)
            return -errno;
        log_event(LOG_INFO, "the torn end of a spool segment was cut off: its journal has it still",
                  LOG_U64("segment", ret->number), LOG_U64("bytes", size - ret->bytes), LOG_END);
    }
    return seal(fd, ret);
}

static int recover_fd(int fd, struct spool_reader *r, struct spool_segment *ret)
{
    struct header h;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size < sizeof(h))
        return OK; /* ended while it began: nothing was ever in it */
    if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
        return -EIO;
    if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.layout != LAYOUT ||
        h.record_version != RECORD_VERSION || h.number != ret->number)
        return -EBADMSG;
    if (h.checksum != header_sum(&h))
        return recover_open_one(fd, (uint64_t)st.st_size, r, ret);
    ret->records = h.records;
    ret->bytes = h.bytes;
    return OK;
}

int spool_file_recover(const char *path, uint64_t number, struct spool_reader *scratch,
                       struct spool_segment *ret)
{
    *ret = (struct spool_segment){.number = number};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = spool_reader_begin(scratch, path, number, SPOOL_HEADER_BYTES);
    if (rc == OK)
        rc = recover_fd(fd, scratch, ret);
    spool_reader_end(scratch);
    close(fd);
    return rc;
}
