/* config_outside.c: see config_outside.h. */

#include "app/config_outside.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MOST = 256, REPLACED_MOST = 1 << 20 };

static const char *process_env(const char *name)
{
    return getenv(name);
}

/* Reads up to size bytes; the caller sees by their number that there are more than allowed. */
static ssize_t read_most(int fd, char *text, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t n = read(fd, text + have, size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

static int take_text(char *text, size_t n, struct arena *a, struct slice *ret)
{
    if (n > OUTSIDE_FILE_MOST)
        return -EFBIG;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n == 0)
        return -ENODATA;
    if (memchr(text, 0, n))
        return -EBADMSG;
    *ret = arena_copy(a, slice_of(text, n));
    return ret->at ? OK : -ENOMEM;
}

static int read_regular(int fd, struct arena *a, struct slice *ret)
{
    const size_t size = OUTSIDE_FILE_MOST + 3; /* a CR LF at its end does not count */
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -ENOTSUP;
    char *text = malloc(size);
    if (!text)
        return -ENOMEM;
    ssize_t n = read_most(fd, text, size);
    int rc = n < 0 ? (int)n : take_text(text, (size_t)n, a, ret);
    secret_wipe(text, size);
    free(text);
    return rc;
}

static int process_file(const char *path, struct arena *a, struct slice *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return -errno;
    int rc = read_regular(fd, a, ret);
    close(fd);
    return rc;
}

const struct config_outside config_outside_process = {process_env, process_file};

const char *config_outside_why(int rc)
{
    switch (rc) {
    case -ENODATA:
        return "the file is empty";
    case -EFBIG:
        return "the file is larger than 64KB";
    case -EBADMSG:
        return "the file is not text";
    case -ENOTSUP:
        return "it is no regular file";
    default:
        return log_errno(rc);
    }
}

static bool is_variable_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0 && name.len < NAME_MOST;
}

struct replacing {
    const struct config_outside *outside;
    struct config_faults *faults;
    unsigned line;
};

static int replace_file(struct replacing *r, struct slice path, struct slice *ret)
{
    struct slice copy = arena_copy(r->faults->arena, path);
    int rc = copy.at ? r->outside->file(copy.at, r->faults->arena, ret) : -ENOMEM;

    if (rc == OK || rc == -ENOMEM)
        return rc;
    config_fault_at(r->faults, r->line, (struct slice){0}, "the file %s cannot be used: %s",
                    copy.at, config_outside_why(rc));
    return -EINVAL;
}

static int replace_variable(struct replacing *r, struct slice name, struct slice *ret)
{
    char text[NAME_MOST];

    memcpy(text, name.at, name.len);
    text[name.len] = 0;
    *ret = slice_str(r->outside->env(text));
    if (ret->at)
        return OK;
    config_fault_at(r->faults, r->line, (struct slice){0}, "the environment variable %s is not set",
                    text);
    return -EINVAL;
}

/* What the braces at the beginning of *rest ("${…}…") stand for; they are taken off. */
static int take_braces(struct replacing *r, struct slice *rest, struct slice *ret)
{
    size_t end = slice_find(*rest, SLICE("}"));
    struct slice name = slice_sub(*rest, 2, MAX(end, 2));
    bool closed = end < rest->len, file = slice_starts(name, SLICE("file:"));
    struct slice path = slice_sub(name, strlen("file:"), name.len);

    *rest = slice_sub(*rest, end + closed, rest->len);
    if (closed && file && path.len > 0)
        return replace_file(r, path, ret);
    if (closed && !file && is_variable_name(name))
        return replace_variable(r, name, ret);
    config_fault_at(r->faults, r->line, SLICE("${NAME}, ${file:PATH}, or $${ for a plain ${"),
                    "a variable is not written as it should be");
    return -EINVAL;
}

static int replace_all(struct replacing *r, struct slice rest, struct buf *out, bool *ret_replaced)
{
    while (rest.len) {
        size_t at = slice_find(rest, SLICE("${"));
        bool escaped = at < rest.len && at > 0 && rest.at[at - 1] == '$';
        struct slice value = SLICE("${");
        buf_add(out, slice_sub(rest, 0, escaped ? at - 1 : at));
        rest = slice_sub(rest, at, rest.len);
        if (escaped) {
            rest = slice_sub(rest, 2, rest.len);
        } else if (rest.len == 0) {
            break;
        } else {
            int rc = take_braces(r, &rest, &value);
            if (rc < 0)
                return rc;
            *ret_replaced = true;
        }
        buf_add(out, value);
    }
    return out->rc < 0 ? -ENOMEM : OK;
}

int config_outside_replace(const struct config_outside *outside, struct config_faults *faults,
                           unsigned line, struct slice *text, bool *ret_replaced)
{
    struct replacing r = {outside, faults, line};
    struct buf out;

    *ret_replaced = false;
    if (slice_find(*text, SLICE("${")) == text->len)
        return OK;
    buf_init(&out, REPLACED_MOST);
    int rc = replace_all(&r, *text, &out, ret_replaced);
    if (rc == OK) {
        *text = arena_copy(faults->arena, buf_slice(&out));
        rc = text->at ? OK : -ENOMEM;
    }
    buf_free(&out);
    return rc;
}
