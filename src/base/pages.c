/* pages.c: see pages.h. */

#include "base/pages.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n)   ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

enum {
    SLAB_PAGES = 256,
    WARM_PAGES = 256, /* so many idle ones keep their memory: the swings of a usual load */
};

void pages_init(struct pages *p)
{
    *p = (struct pages){.size = (size_t)sysconf(_SC_PAGESIZE)};
}

void pages_free(struct pages *p)
{
    for (size_t i = 0; i < p->slabs_len; i++) {
        ASAN_UNPOISON_MEMORY_REGION(p->slabs[i],
                                    SLAB_PAGES * p->size); /* others may get the place */
        munmap(p->slabs[i], SLAB_PAGES * p->size);
    }
    free(p->slabs);
    free(p->idle);
    pages_init(p);
}

/* Room in the stack for all pages that there are, so that giving back cannot fail. */
static bool pages_reserve(struct pages *p)
{
    size_t slabs = p->slabs_len + 1;
    void **list = realloc(p->slabs, slabs * sizeof(*list));

    if (!list)
        return false;
    p->slabs = list;
    void **idle = realloc(p->idle, slabs * SLAB_PAGES * sizeof(*idle));
    if (!idle)
        return false;
    p->idle = idle;
    return true;
}

static bool pages_map(struct pages *p)
{
    size_t bytes = SLAB_PAGES * p->size;

    if (!pages_reserve(p))
        return false;
    char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return false;
    ASAN_POISON_MEMORY_REGION(at, bytes);
    p->slabs[p->slabs_len++] = at;
    for (size_t i = 0; i < SLAB_PAGES; i++)
        p->idle[p->len++] = at + i * p->size;
    p->cold = p->len;
    return true;
}

void *pages_take(struct pages *p)
{
    if (p->len == 0 && !pages_map(p))
        return NULL;
    void *page = p->idle[--p->len];
    p->cold = MIN(p->cold, p->len);
    ASAN_UNPOISON_MEMORY_REGION(page, p->size);
    return page;
}

void pages_give(struct pages *p, void *page)
{
    ASAN_POISON_MEMORY_REGION(page, p->size);
    p->idle[p->len++] = page;
    if (p->len - p->cold > WARM_PAGES) /* the one that has lain there longest */
        madvise(p->idle[p->cold++], p->size, MADV_DONTNEED);
}
