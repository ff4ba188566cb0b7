/* scratch.h: a folder of a test's own below /tmp, removed with everything in it. */

#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRATCH_PATH = 128 };

struct scratch {
    char path[SCRATCH_PATH / 2];
};

static inline void scratch_make(struct scratch *s)
{
    memcpy(s->path, "/tmp/courier-test-XXXXXX", sizeof("/tmp/courier-test-XXXXXX"));
    if (!mkdtemp(s->path))
        abort();
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind,
                                     struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void scratch_remove(struct scratch *s)
{
    nftw(s->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ret: "PREFIXfolder/NAME" */
static inline const char *scratch_path(const struct scratch *s, const char *prefix,
                                       const char *name, char ret[SCRATCH_PATH])
{
    snprintf(ret, SCRATCH_PATH, "%s%s/%s", prefix, s->path, name);
    return ret;
}
