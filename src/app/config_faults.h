/* config_faults.h: everything that is wrong with a configuration, gathered, then told in one go. */

#pragma once

#include "base/arena.h"

#include <stdio.h>

enum { CONFIG_FAULTS_MAX = 100 };

struct config_fault {
    struct slice where;   /* the file, or the name of an environment variable */
    unsigned line;        /* in the file, from 1; 0: not of a file */
    struct slice message; /* what is wrong */
    struct slice allowed; /* what is allowed; may be empty */
};

struct config_faults {
    struct arena *arena; /* of the texts */
    struct slice file;   /* where faults with a line are */
    struct config_fault at[CONFIG_FAULTS_MAX];
    size_t len;
    size_t untold; /* beyond CONFIG_FAULTS_MAX */
};

void config_faults_init(struct config_faults *f, struct arena *arena, struct slice file);
/* A fault in the file. allowed may be empty; it must live as long as the arena. */
void config_fault_at(struct config_faults *f, unsigned line, struct slice allowed, const char *fmt,
                     ...) PRINTF_LIKE(4, 5);
/* A fault of an environment variable. */
void config_fault_env(struct config_faults *f, const char *name, struct slice allowed,
                      const char *message);
/* There is no memory for more: says so without taking any. */
void config_fault_memory(struct config_faults *f);
/* A value as it may be shown in a message: quoted, cut, controls escaped; in the arena. */
struct slice config_shown(struct config_faults *f, struct slice value);
/* By line. */
void config_faults_sort(struct config_faults *f);
/* "FILE:LINE: message; allowed: …" per fault. */
void config_faults_print(const struct config_faults *f, FILE *out);
