/* journal_folder.c: see journal_folder.h. Journals are named journal-0, journal-1 … */

#include "service/journal_folder.h"

#include "base/slice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_folders(const char *folder)
{
    char path[JOURNAL_PATH];
    size_t len = strlen(folder);

    if (len == 0 || len >= sizeof(path))
        return -ENAMETOOLONG;
    memcpy(path, folder, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char was = path[i];
        path[i] = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -errno;
        path[i] = was;
    }
    return OK;
}

int journal_folder_lock(const char *folder, int *ret_lock)
{
    char path[JOURNAL_PATH];
    int rc = make_folders(folder);

    if (rc < 0)
        return rc;
    int n = snprintf(path, sizeof(path), "%s/lock", folder);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
        return rc;
    }
    *ret_lock = fd;
    return OK;
}

int journal_folder_path(const char *folder, unsigned i, char ret[JOURNAL_PATH])
{
    int n = snprintf(ret, JOURNAL_PATH, "%s/journal-%u", folder, i);

    return n < 0 || n >= JOURNAL_PATH ? -ENAMETOOLONG : OK;
}

static bool is_left_over(const char *name, unsigned from)
{
    struct slice s = slice_str(name), prefix = SLICE("journal-");
    uint64_t n;

    return slice_starts(s, prefix) && slice_to_u64(slice_sub(s, prefix.len, s.len), &n) == OK &&
           n >= from;
}

int journal_folder_each_from(const char *folder, unsigned from,
                             int (*found)(void *arg, const char *path), void *arg)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int rc = OK;

    if (!dir)
        return -errno;
    while (rc == OK && (entry = readdir(dir))) {
        char path[JOURNAL_PATH];
        int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (is_left_over(entry->d_name, from) && n > 0 && (size_t)n < sizeof(path))
            rc = found(arg, path);
    }
    closedir(dir);
    return rc;
}
