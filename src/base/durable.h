/* durable.h: files that a power cut leaves: their bytes, and the names by which they are found.
 *
 * A file's bytes are safe when the file was synced, its name when the folder was that it stands in
 * (fsync(2)). Blocking; -errno, with what was done so far left as it is. */

#pragma once

#include "base/base.h"

/* Makes the folders that lead to the file of that path, 0700, when they are absent. */
int durable_folders(const char *path);
/* A file that was made, linked or removed: its name, or that there is none. */
int durable_name(const char *path);
/* A file that was made and written: its bytes and its name. */
int durable_file(int fd, const char *path);
/* Gives a file that was made and written another name, in place of whatever had it: at any moment
 * that name is of the old file or of the whole new one. */
int durable_rename(int fd, const char *from, const char *to);
