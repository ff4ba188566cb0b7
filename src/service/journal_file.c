/* journal_file.c: see journal_file.h.
 *
 * All blocks are allocated at open, so that a full disk is an error here and no SIGBUS on the road.
 */

#include "service/journal_file.h"

#include "service/journal_folder.h"

#include "base/durable.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'c', 'o', 'u', 'r', 'j', 'r', 'n', 'l'};

enum { LAYOUT = 1 };

_Static_assert(sizeof(struct journal_header) <= JOURNAL_HEADER_BYTES, "a page");
_Static_assert(sizeof(struct journal_segment) % 4096 == 0, "whole pages");

static size_t bytes_of(size_t segments)
{
    return JOURNAL_HEADER_BYTES + segments * sizeof(struct journal_segment);
}

static int map_file(int fd, size_t bytes, struct journal_file *ret)
{
    int error = posix_fallocate(fd, 0, (off_t)bytes);

    if (error)
        return -error;
    char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    *ret = (struct journal_file){
        .header = (struct journal_header *)(void *)at,
        .segments = (struct journal_segment *)(void *)(at + JOURNAL_HEADER_BYTES),
        .bytes = bytes,
    };
    return OK;
}

/* The magic comes last: a file without it was never finished. */
static int make_file(int fd, const char *path, size_t bytes, struct journal_file *ret)
{
    size_t segments =
        (bytes - MIN(bytes, (size_t)JOURNAL_HEADER_BYTES)) / sizeof(struct journal_segment);

    if (segments < JOURNAL_SEGMENTS_LEAST || segments > UINT32_MAX)
        return -EINVAL;
    if (ftruncate(fd, 0) < 0)
        return -errno;
    int rc = map_file(fd, bytes_of(segments), ret);
    if (rc < 0) {
        (void)!ftruncate(fd, 0);
        return rc;
    }
    struct journal_header *h = ret->header;
    h->layout = LAYOUT;
    h->record_version = RECORD_VERSION;
    h->segments = (uint32_t)segments;
    atomic_init(&h->mark, 1);
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(h->magic, magic, sizeof(magic));
    rc = durable_file(fd, path);
    if (rc < 0)
        journal_file_close(ret);
    return rc;
}

enum verdict { FRESH, OURS, FOREIGN };

static enum verdict look_at(int fd, size_t size, size_t wanted, struct journal_header *ret)
{
    static const struct journal_header nothing;

    if (pread(fd, ret, sizeof(*ret), 0) != (ssize_t)sizeof(*ret))
        return size == 0 ? FRESH : FOREIGN;
    if (memcmp(ret, &nothing, sizeof(nothing.magic)) == 0)
        return FRESH;
    if (memcmp(ret->magic, magic, sizeof(magic)) != 0)
        return FOREIGN;
    bool readable = ret->layout == LAYOUT && ret->record_version == RECORD_VERSION &&
                    ret->segments >= JOURNAL_SEGMENTS_LEAST && size == bytes_of(ret->segments);
    if (ret->clean && (!readable || bytes_of(ret->segments) > wanted ||
                       wanted - bytes_of(ret->segments) >= sizeof(struct journal_segment)))
        return FRESH;
    return readable ? OURS : FOREIGN;
}

static int put_aside(const char *path)
{
    char aside[JOURNAL_PATH];
    int rc = journal_folder_put_aside(path, aside);

    if (rc == OK)
        log_event(LOG_WARN, "a journal of another version may hold unread records: put aside",
                  LOG_STR("file", aside), LOG_END);
    return rc;
}

/* AGAIN: the file was put aside, the path is free. */
static int open_fd(int fd, const char *path, size_t bytes, struct journal_file *ret)
{
    struct journal_header header;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    switch (look_at(fd, (size_t)st.st_size, bytes, &header)) {
    case FRESH:
        return make_file(fd, path, bytes, ret);
    case OURS:
        return map_file(fd, (size_t)st.st_size, ret);
    case FOREIGN:
        break;
    }
    int rc = put_aside(path);
    return rc < 0 ? rc : AGAIN;
}

int journal_file_open(const char *path, size_t bytes, struct journal_file *ret)
{
    int rc = AGAIN;

    while (rc == AGAIN) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return -errno;
        rc = open_fd(fd, path, bytes, ret);
        close(fd);
    }
    if (rc == OK)
        ret->header->clean = 0;
    return rc;
}

void journal_file_close(struct journal_file *f)
{
    munmap(f->header, f->bytes);
}
