/* process.c: see process.h. */

#include "app/process.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

void process_prepare(void)
{
    struct rlimit limit;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error like a full disk */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The default gives the top of the heap back after each large body and faults it in again with the
 * next: 13 to 22 page faults a request at 128 KB. One arena for each worker, so that they share no
 * lock; the few threads of the yard share with them. */
void process_tune_malloc(unsigned workers)
{
    mallopt(M_ARENA_MAX, (int)workers + 1);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
}
