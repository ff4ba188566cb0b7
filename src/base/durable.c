/* durable.c: see durable.h. */

#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder that a path is in. */
static int folder_of(const char *path, char ret[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? MAX((size_t)(slash - path), (size_t)1) : 1;

    if (len >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(ret, slash ? path : ".", len);
    ret[len] = '\0';
    return OK;
}

int durable_name(const char *path)
{
    char folder[PATH_MAX];
    int rc = folder_of(path, folder);
    int fd = rc == OK ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : rc;

    if (fd < 0)
        return rc < 0 ? rc : -errno;
    /* EINVAL: a file system that does not do it, and has nothing to do */
    rc = fsync(fd) < 0 && errno != EINVAL ? -errno : OK;
    close(fd);
    return rc;
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return durable_name(path);
    return errno == EEXIST ? OK : -errno;
}

int durable_folders(const char *path)
{
    char folder[PATH_MAX];
    size_t len = strlen(path);
    int rc = OK;

    if (len >= sizeof(folder))
        return -ENAMETOOLONG;
    memcpy(folder, path, len + 1);
    for (size_t i = 1; rc == OK && i < len; i++) {
        if (folder[i] != '/')
            continue;
        folder[i] = '\0';
        rc = make_folder(folder);
        folder[i] = '/';
    }
    return rc;
}

int durable_file(int fd, const char *path)
{
    return fsync(fd) < 0 ? -errno : durable_name(path);
}

int durable_rename(int fd, const char *from, const char *to)
{
    if (fsync(fd) < 0 || rename(from, to) < 0)
        return -errno;
    return durable_name(to);
}
