/* sqlite_file.c: makes the file ourselves, because SQLite would make it readable by everyone; its
 * -wal and -shm files take the mode of the database.
 *
 * A file that is there must not be opened here: closing any descriptor of it drops the locks of
 * every connection that this process has (POSIX), and another process would take the database for
 * unused and throw the log away (sqlite.org/howtocorrupt.html, section 2.2). */

#include "store/sqlite_file.h"

#include "base/durable.h"

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

static int check_there(const char *path, const struct stat *there, char ret_why[DB_WHY])
{
    int rc = S_ISDIR(there->st_mode) ? -1 : access(path, R_OK | W_OK);

    if (S_ISDIR(there->st_mode))
        errno = EISDIR;
    return rc < 0 ? say(ret_why, "cannot open database", path) : OK;
}

int sqlite_file_make(const char *path, char ret_why[DB_WHY])
{
    struct stat there;

    if (path[0] == '\0' || strlen(path) >= PATH_MAX) {
        snprintf(ret_why, DB_WHY, "the store needs a path, as in sqlite:./data/courier.db");
        return -EINVAL;
    }
    if (stat(path, &there) == 0)
        return check_there(path, &there, ret_why);
    int rc = durable_folders(path);
    if (rc < 0) {
        errno = -rc;
        return say(ret_why, "cannot make the folder of", path);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? OK : say(ret_why, "cannot make database", path);
    rc = durable_file(fd, path);
    close(fd);
    if (rc == OK)
        return OK;
    errno = -rc;
    return say(ret_why, "cannot make database", path);
}
