/* sealed_file.c: see sealed_file.h. */

#include "service/sealed_file.h"

#include "base/durable.h"
#include "base/ids.h"
#include "io/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, SALT = 32, BOUND = 48 };

static const char magic[] = "courier sealed 1";

/* Before each chunk, of this machine's byte order: the file does not travel. */
enum { LAST = 1 };
struct chunk_head {
    uint32_t len; /* of the text */
    uint32_t flags;
};

struct sealed_head {
    char magic[sizeof(magic) - 1];
    unsigned char salt[SALT];
};

_Static_assert(sizeof(struct sealed_key) == SHA256_LEN, "derived keys fit");

int sealed_key_derive(struct secret secret_key, struct sealed_key *ret)
{
    return crypto_derive(secret_key, SLICE("courier sealed file"), ret->bytes);
}

/* The key of one file. */
static int derive(const struct sealed_key *key, const unsigned char salt[SALT],
                  unsigned char ret[SHA256_LEN])
{
    struct slice bytes = slice_of((const char *)key->bytes, sizeof(key->bytes));

    return crypto_derive(secret_of(bytes), slice_of((const char *)salt, SALT), ret);
}

/* What a chunk is bound to. */
static struct slice bound_text(uint64_t number, uint32_t flags, char ret[BOUND])
{
    int n = snprintf(ret, BOUND, "%llu:%u", (unsigned long long)number, flags);

    return slice_of(ret, (size_t)n);
}

/* --- writing --- */

struct sealed_writer {
    int fd, rc;
    uint64_t number; /* of the next chunk */
    size_t len;      /* gathered of it */
    unsigned char key[SHA256_LEN];
    char path[PATH_MAX], aside[PATH_MAX];
    char text[CHUNK];
    unsigned char sealed[CHUNK + SEAL_OVERHEAD];
};

static int write_all(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t wrote = write(fd, at, n);
        if (wrote < 0 && errno != EINTR)
            return -errno;
        at += MAX(wrote, 0);
        n -= (size_t)MAX(wrote, 0);
    }
    return OK;
}

static int make_aside(const char *path)
{
    int rc = durable_folders(path);
    int fd = rc == OK ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;

    return rc < 0 ? rc : fd < 0 ? -errno : fd;
}

static int begin_file(struct sealed_writer *w, const struct sealed_key *key)
{
    struct sealed_head head;

    memcpy(head.magic, magic, sizeof(head.magic));
    int rc = ids_secret_bytes(head.salt, sizeof(head.salt));
    if (rc == OK)
        rc = derive(key, head.salt, w->key);
    if (rc < 0)
        return rc;
    unlink(w->aside); /* of a writer that was killed */
    w->fd = make_aside(w->aside);
    return w->fd < 0 ? w->fd : write_all(w->fd, &head, sizeof(head));
}

static bool set_paths(struct sealed_writer *w, const char *path)
{
    int n = snprintf(w->aside, sizeof(w->aside), "%s.new", path);

    snprintf(w->path, sizeof(w->path), "%s", path);
    return n > 0 && (size_t)n < sizeof(w->aside);
}

int sealed_writer_open(const char *path, const struct sealed_key *key, struct sealed_writer **ret)
{
    struct sealed_writer *w = malloc(sizeof(*w));

    *ret = NULL;
    if (!w)
        return -ENOMEM;
    w->fd = -1;
    w->number = w->len = 0;
    w->rc = set_paths(w, path) ? begin_file(w, key) : -ENAMETOOLONG;
    if (w->rc < 0)
        return sealed_writer_end_take(w, w->rc);
    *ret = w;
    return OK;
}

static void write_chunk(struct sealed_writer *w, uint32_t flags)
{
    struct chunk_head head = {(uint32_t)w->len, flags};
    char bound[BOUND];

    if (w->rc == OK)
        w->rc = crypto_seal(w->key, slice_of(w->text, w->len), bound_text(w->number, flags, bound),
                            w->sealed);
    if (w->rc == OK)
        w->rc = write_all(w->fd, &head, sizeof(head));
    if (w->rc == OK)
        w->rc = write_all(w->fd, w->sealed, w->len + SEAL_OVERHEAD);
    w->number++;
    w->len = 0;
}

void sealed_write(struct sealed_writer *w, struct slice bytes)
{
    while (bytes.len > 0 && w->rc == OK) {
        size_t n = MIN(bytes.len, sizeof(w->text) - w->len);
        memcpy(w->text + w->len, bytes.at, n);
        w->len += n;
        bytes = slice_sub(bytes, n, bytes.len);
        if (w->len == sizeof(w->text))
            write_chunk(w, 0);
    }
}

static int put_in_place(struct sealed_writer *w)
{
    write_chunk(w, LAST);
    return w->rc == OK ? durable_rename(w->fd, w->aside, w->path) : w->rc;
}

int sealed_writer_end_take(struct sealed_writer *w, int rc)
{
    if (!w)
        return rc;
    if (rc == OK)
        rc = put_in_place(w);
    if (w->fd >= 0) {
        close(w->fd);
        if (rc < 0)
            unlink(w->aside);
    }
    secret_wipe(w->key, sizeof(w->key));
    free(w);
    return rc;
}

/* --- reading --- */

struct sealed_reader {
    int fd;
    uint64_t number; /* of the next chunk */
    bool last;       /* the chunk at hand is the last */
    size_t at, len;  /* of the chunk at hand: read, and there */
    unsigned char key[SHA256_LEN];
    unsigned char text[CHUNK];
    char sealed[CHUNK + SEAL_OVERHEAD];
};

/* -EBADMSG: the file ends before. */
static int read_all(int fd, void *ret, size_t n)
{
    char *at = ret;

    while (n > 0) {
        ssize_t got = read(fd, at, n);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return -EBADMSG;
        at += MAX(got, 0);
        n -= (size_t)MAX(got, 0);
    }
    return OK;
}

static int begin_reading(struct sealed_reader *r, const struct sealed_key *key)
{
    struct sealed_head head;
    int rc = read_all(r->fd, &head, sizeof(head));

    if (rc == OK && memcmp(head.magic, magic, sizeof(head.magic)) != 0)
        rc = -EBADMSG;
    return rc < 0 ? rc : derive(key, head.salt, r->key);
}

int sealed_reader_open(const char *path, const struct sealed_key *key, struct sealed_reader **ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *ret = NULL;
    if (fd < 0)
        return -errno;
    struct sealed_reader *r = malloc(sizeof(*r));
    if (!r) {
        close(fd);
        return -ENOMEM;
    }
    r->fd = fd;
    r->number = r->at = r->len = 0;
    r->last = false;
    int rc = begin_reading(r, key);
    if (rc < 0) {
        sealed_reader_close(r);
        return rc;
    }
    *ret = r;
    return OK;
}

static int read_chunk(struct sealed_reader *r)
{
    struct chunk_head head;
    char bound[BOUND];
    int rc = r->last ? -EBADMSG : read_all(r->fd, &head, sizeof(head));

    if (rc == OK && (head.len > CHUNK || (head.flags != 0 && head.flags != LAST)))
        rc = -EBADMSG;
    if (rc == OK)
        rc = read_all(r->fd, r->sealed, head.len + SEAL_OVERHEAD);
    if (rc == OK)
        rc = crypto_open(r->key, slice_of(r->sealed, head.len + SEAL_OVERHEAD),
                         bound_text(r->number, head.flags, bound), r->text, &r->len);
    if (rc < 0)
        return rc;
    r->number++;
    r->last = head.flags == LAST;
    r->at = 0;
    return OK;
}

int sealed_read(struct sealed_reader *r, void *ret, size_t n)
{
    char *to = ret;

    while (n > 0) {
        int rc = r->at == r->len ? read_chunk(r) : OK;
        if (rc < 0)
            return rc;
        size_t some = MIN(n, r->len - r->at);
        memcpy(to, r->text + r->at, some);
        r->at += some;
        to += some;
        n -= some;
    }
    return OK;
}

int sealed_reader_at_end(struct sealed_reader *r)
{
    char more;
    int rc = r->at == r->len && !r->last ? read_chunk(r) : OK;

    if (rc < 0)
        return rc;
    return r->last && r->at == r->len && read(r->fd, &more, 1) == 0 ? OK : -EBADMSG;
}

void sealed_reader_close(struct sealed_reader *r)
{
    if (!r)
        return;
    close(r->fd);
    secret_wipe(r->key, sizeof(r->key));
    secret_wipe(r->text, sizeof(r->text));
    free(r);
}
