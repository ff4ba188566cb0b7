/* sqlite_file.c: makes the file ourselves, because SQLite would make it readable by everyone; its
 * -wal and -shm files take the mode of the database. */

#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int say(char ret_why[DB_WHY], const char *what, const char *path)
{
    int error = errno;

    snprintf(ret_why, DB_WHY, "%s %s: %s", what, path, strerror(error));
    return -error;
}

/* path is changed during the call and whole again after it */
static int make_folders(char *path, char ret_why[DB_WHY])
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        int rc = mkdir(path, 0700) < 0 && errno != EEXIST ? say(ret_why, "cannot make folder", path)
                                                          : OK;
        *at = '/';
        if (rc < 0)
            return rc;
    }
    return OK;
}

int sqlite_file_make(const char *path, char ret_why[DB_WHY])
{
    char folders[PATH_MAX];

    if (path[0] == '\0' || strlen(path) >= sizeof(folders)) {
        snprintf(ret_why, DB_WHY, "the store needs a path, as in sqlite:./data/courier.db");
        return -EINVAL;
    }
    memcpy(folders, path, strlen(path) + 1);
    int rc = access(path, F_OK) < 0 ? make_folders(folders, ret_why) : OK;
    if (rc < 0)
        return rc;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return say(ret_why, "cannot open database", path);
    close(fd);
    return OK;
}
