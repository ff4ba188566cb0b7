/* process_figures.c: see process_figures.h. */

#include "service/process_figures.h"

#include "base/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* proc(5), /proc/pid/statm: total and resident, in pages */
static void take_memory(struct process_figures *ret)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long total = 0, resident = 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    if (!f)
        return;
    if (fscanf(f, "%lu %lu", &total, &resident) == 2) {
        ret->virtual_bytes = total * page;
        ret->resident_bytes = resident * page;
    }
    fclose(f);
}

static void take_fds(struct process_figures *ret)
{
    struct rlimit limit;
    DIR *folder = opendir("/proc/self/fd");

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        ret->fds_most = limit.rlim_cur;
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder));)
        ret->fds += entry->d_name[0] != '.';
    closedir(folder);
    ret->fds -= ret->fds > 0; /* the one that was just read by */
}

void process_figures_take(struct process_figures *ret)
{
    *ret = (struct process_figures){.cpu_us = clock_cpu_us()};
    take_memory(ret);
    take_fds(ret);
}
