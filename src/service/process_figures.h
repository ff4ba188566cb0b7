/* process_figures.h: what the kernel tells of this process. */

#pragma once

#include "base/base.h"

struct process_figures {
    uint64_t resident_bytes, virtual_bytes;
    uint64_t fds, fds_most;
    uint64_t cpu_us;
};

/* Reads /proc: in the yard. What cannot be read is 0. */
void process_figures_take(struct process_figures *ret);
