/* journal_folder.c: see journal_folder.h. Journals are named journal-0, journal-1 …,
 * segments of the spool spool-1, spool-2 … */

#include "service/journal_folder.h"

#include "base/clock.h"
#include "base/durable.h"
#include "base/slice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int journal_folder_lock(const char *folder, int *ret_lock)
{
    char path[JOURNAL_PATH];
    int n = snprintf(path, sizeof(path), "%s/lock", folder);

    if (folder[0] == '\0' || n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    int rc = durable_folders(path);
    if (rc < 0)
        return rc;
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

static bool is_named(const char *name, const char *prefix, uint64_t *ret_number)
{
    struct slice s = slice_str(name), p = slice_str(prefix);

    return slice_starts(s, p) && slice_to_u64(slice_sub(s, p.len, s.len), ret_number) == OK;
}

int journal_folder_each(const char *folder, const char *prefix, uint64_t from,
                        int (*found)(void *arg, const char *path, uint64_t number), void *arg)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int rc = OK;

    if (!dir)
        return -errno;
    while (rc == OK && (entry = readdir(dir))) {
        char path[JOURNAL_PATH];
        uint64_t number;
        int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (is_named(entry->d_name, prefix, &number) && number >= from && n > 0 &&
            (size_t)n < sizeof(path))
            rc = found(arg, path, number);
    }
    closedir(dir);
    return rc;
}

int journal_folder_put_aside(const char *path, char ret[JOURNAL_PATH])
{
    int n = snprintf(ret, JOURNAL_PATH, "%s.aside-%llu", path, (unsigned long long)clock_wall_us());

    if (n < 0 || n >= JOURNAL_PATH)
        return -ENAMETOOLONG;
    return rename(path, ret) < 0 ? -errno : durable_name(ret);
}
