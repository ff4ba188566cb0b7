/* synced.h: what a program has made safe from a power cut so far: fsync and fdatasync as they are,
 * and the paths that they were called for. To be included by one file of a test. */

#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SYNCED_MOST = 64 };

static char synced_paths[SYNCED_MOST][PATH_MAX];
static unsigned synced_len;

static inline void synced_note(int fd)
{
    char link[40];

    if (synced_len == SYNCED_MOST)
        synced_len = 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, synced_paths[synced_len], PATH_MAX - 1);
    synced_paths[synced_len++][n < 0 ? 0 : n] = '\0';
}

int fsync(int fd)
{
    synced_note(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    synced_note(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

/* Whether PATH/NAME was, since synced_forget; name empty: the folder itself. */
static inline bool synced_has(const char *path, const char *name)
{
    char wanted[PATH_MAX];

    snprintf(wanted, sizeof(wanted), name[0] ? "%s/%s" : "%s%s", path, name);
    for (unsigned i = 0; i < synced_len; i++)
        if (strcmp(synced_paths[i], wanted) == 0)
            return true;
    return false;
}

static inline void synced_forget(void)
{
    synced_len = 0;
}
