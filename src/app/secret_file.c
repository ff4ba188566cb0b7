/* secret_file.c: one line of hexadecimal digits. Appears whole or not at all (written aside, then
 * linked), so that two processes that start at the same time agree. */

#include "app/secret_file.h"

#include "base/durable.h"
#include "base/fmt.h"
#include "base/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES = 32, SECRET_TEXT = 2 * SECRET_BYTES, FILE_MOST = 1024 };

static int read_text(int fd, struct arena *a, struct secret *ret)
{
    char text[FILE_MOST];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return -EACCES;
    ssize_t n = read(fd, text, sizeof(text));
    if (n < 0)
        return -errno;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n < SECRET_TEXT || n == sizeof(text))
        return -EBADMSG;
    struct slice copy = arena_copy(a, slice_of(text, (size_t)n));
    secret_wipe(text, sizeof(text));
    *ret = secret_of(copy);
    return copy.at ? OK : -ENOMEM;
}

int secret_file_read(const char *path, struct arena *a, struct secret *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int rc = read_text(fd, a, ret);
    close(fd);
    return rc;
}

static int write_new(const char *path)
{
    unsigned char bytes[SECRET_BYTES];
    char text[SECRET_TEXT + 1];
    int rc = ids_secret_bytes(bytes, sizeof(bytes));

    if (rc < 0)
        return rc;
    fmt_hex(text, bytes, sizeof(bytes));
    text[SECRET_TEXT] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (write(fd, text, sizeof(text)) != (ssize_t)sizeof(text) || fsync(fd) < 0)
        rc = -EIO;
    close(fd);
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
    return rc;
}

int secret_file_make(const char *path, struct arena *a, struct secret *ret)
{
    char random[17] = {0};

    ids_random_hex(random, sizeof(random) - 1);
    struct slice aside = arena_printf(a, "%s.%s", path, random);
    if (!aside.at)
        return -ENOMEM;
    int rc = write_new(aside.at);
    if (rc == OK && link(aside.at, path) < 0 && errno != EEXIST)
        rc = -errno;
    unlink(aside.at);
    if (rc == OK)
        rc = durable_name(path);
    return rc < 0 ? rc : secret_file_read(path, a, ret);
}
