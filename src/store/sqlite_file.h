/* sqlite_file.h: the database's file and the folder it lives in. */

#pragma once

#include "store/db.h"

/* Makes missing folders (0700) and the file (0600, empty). What is there keeps its mode. -errno
 * with a text. */
int sqlite_file_make(const char *path, char ret_why[DB_WHY]);
