/* secret_file.h: the file with the secret key that an installation made for itself. */

#pragma once

#include "base/arena.h"
#include "base/secret.h"

/* -ENOENT; -EACCES: others may read it; -EBADMSG: there is no key in it. */
int secret_file_read(const char *path, struct arena *a, struct secret *ret);
/* Makes a key and the file, mode 0600; when another process was faster, its key is returned. */
int secret_file_make(const char *path, struct arena *a, struct secret *ret);
