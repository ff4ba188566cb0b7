/* config_outside.h: what a configuration takes from outside of its own text: variables of the
 * environment and files, above all secrets.
 *
 * A pair of functions, so that tests and fuzzers stay away from the real ones. */

#pragma once

#include "app/config_faults.h"

struct config_outside {
    /* NULL: not set. */
    const char *(*env)(const char *name);
    /* The file's text, in the arena, without the line ends at its end. Errors: those of
     * config_outside_why. */
    int (*file)(const char *path, struct arena *a, struct slice *ret);
};

enum { OUTSIDE_FILE_MOST = 64 * 1024 };

/* The environment and the files of this process. A file must be a regular one: a pipe would be
 * waited for. */
extern const struct config_outside config_outside_process;

/* What is wrong with a file, for people; static storage. */
const char *config_outside_why(int rc);

/* Replaces ${NAME} by a variable's value and ${file:PATH} by a file's text; $${ stands for ${. OK:
 * *ret is the outcome, NUL-terminated, in the faults' arena (or text itself, when there is nothing
 * to replace), *ret_replaced whether anything was taken from outside. -EINVAL: a fault has been
 * added. -ENOMEM. */
int config_outside_replace(const struct config_outside *outside, struct config_faults *faults,
                           unsigned line, struct slice *text, bool *ret_replaced);
