/* key_gathering.c: see key_gathering.h.
 *
 * Each shard has a chain of pages with the bytes of its rows. Pages are cut from regions that
 * malloc maps: what was read is given back to the system with madvise, and the heap, from which the
 * shards come, gets no holes. */

#include "service/key_gathering.h"

#include "service/key_shard.h"
#include "service/row_coder.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, REGION_PAGES = 256, ROW_MOST = 4 << 20, NO_PAGE = UINT32_MAX };

struct page {
    uint32_t next;
    char bytes[PAGE - sizeof(uint32_t)];
};

struct region {
    void *allocated;
    struct page *pages; /* aligned within */
};

struct chain {
    uint32_t first, last; /* pages */
    uint32_t used;        /* bytes of the last */
    uint32_t rows;
};

struct key_gathering {
    struct chain chains[KEY_SHARDS];
    struct region *regions;
    size_t regions_len, regions_cap, pages_len, rows_len;
    struct buf row; /* packed */
};

struct key_gathering *key_gathering_new(void)
{
    struct key_gathering *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    for (size_t i = 0; i < KEY_SHARDS; i++)
        g->chains[i].first = NO_PAGE;
    buf_init(&g->row, ROW_MOST);
    return g;
}

void key_gathering_free(struct key_gathering *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->regions_len; i++)
        free(g->regions[i].allocated);
    free(g->regions);
    buf_free(&g->row);
    free(g);
}

size_t key_gathering_len(const struct key_gathering *g)
{
    return g->rows_len;
}

/* --- in --- */

static int add_region(struct key_gathering *g)
{
    if (g->regions_len == g->regions_cap) {
        size_t cap = MAX(g->regions_cap * 2, (size_t)16);
        struct region *regions = realloc(g->regions, cap * sizeof(*regions));
        if (!regions)
            return -ENOMEM;
        g->regions = regions;
        g->regions_cap = cap;
    }
    char *allocated = malloc((REGION_PAGES + 1) * PAGE);
    if (!allocated)
        return -ENOMEM;
    char *aligned = allocated + (PAGE - (uintptr_t)allocated % PAGE) % PAGE;
    g->regions[g->regions_len++] = (struct region){allocated, (struct page *)(void *)aligned};
    return OK;
}

static struct page *page_at(const struct key_gathering *g, uint32_t n)
{
    return &g->regions[n / REGION_PAGES].pages[n % REGION_PAGES];
}

static int add_page(struct key_gathering *g, struct chain *chain)
{
    if (g->pages_len == g->regions_len * REGION_PAGES) {
        int rc = g->pages_len < NO_PAGE - REGION_PAGES ? add_region(g) : -ENOMEM;
        if (rc < 0)
            return rc;
    }
    uint32_t n = (uint32_t)g->pages_len++;
    page_at(g, n)->next = NO_PAGE;
    if (chain->first == NO_PAGE)
        chain->first = n;
    else
        page_at(g, chain->last)->next = n;
    chain->last = n;
    chain->used = 0;
    return OK;
}

static int add_bytes(struct key_gathering *g, struct chain *chain, struct slice bytes)
{
    while (bytes.len > 0) {
        if (chain->first == NO_PAGE || chain->used == sizeof(((struct page *)0)->bytes)) {
            int rc = add_page(g, chain);
            if (rc < 0)
                return rc;
        }
        struct page *page = page_at(g, chain->last);
        size_t n = MIN(bytes.len, sizeof(page->bytes) - chain->used);
        memcpy(page->bytes + chain->used, bytes.at, n);
        chain->used += (uint32_t)n;
        bytes = slice_sub(bytes, n, bytes.len);
    }
    return OK;
}

int key_gathering_add(struct key_gathering *g, const struct key_row *row)
{
    struct chain *chain = &g->chains[key_shard_of(row->hash)];
    struct row_coder c = {.out = &g->row};
    struct key_row copy = *row;

    buf_reset(&g->row);
    row_code_key(&c, &copy);
    row_code_bool(&c, &copy.revoked);
    int rc = c.rc < 0 ? c.rc : add_bytes(g, chain, buf_slice(&g->row));
    chain->rows += rc == OK;
    g->rows_len += rc == OK;
    return rc;
}

/* --- out --- */

struct chain_reader {
    struct row_source base;
    const struct key_gathering *g;
    uint32_t page;
    size_t at; /* of the page's bytes */
};

static int chain_read(struct row_source *base, void *ret, size_t n)
{
    struct chain_reader *r = container_of(base, struct chain_reader, base);
    char *to = ret;

    while (n > 0) {
        struct page *page = page_at(r->g, r->page);
        size_t some = MIN(n, sizeof(page->bytes) - r->at);
        memcpy(to, page->bytes + r->at, some);
        to += some;
        n -= some;
        r->at += some;
        if (r->at == sizeof(page->bytes)) {
            r->page = page->next;
            r->at = 0;
        }
    }
    return OK;
}

static void give_back(const struct key_gathering *g, struct chain *chain)
{
    for (uint32_t n = chain->first; n != NO_PAGE;) {
        struct page *page = page_at(g, n);
        n = page->next;
        madvise(page, PAGE, MADV_DONTNEED);
    }
    *chain = (struct chain){.first = NO_PAGE};
}

int key_gathering_take(struct key_gathering *g, size_t shard, struct arena *a, struct key_row **ret,
                       size_t *ret_len)
{
    struct chain *chain = &g->chains[shard];
    struct chain_reader reader = {.base = {chain_read}, .g = g, .page = chain->first};
    struct row_coder c = {.in = &reader.base, .arena = a};

    *ret = NULL;
    *ret_len = chain->rows;
    if (chain->rows == 0)
        return OK;
    *ret = arena_new_array(a, struct key_row, chain->rows);
    if (!*ret)
        return -ENOMEM;
    for (size_t i = 0; c.rc == OK && i < chain->rows; i++) {
        row_code_key(&c, &(*ret)[i]);
        row_code_bool(&c, &(*ret)[i].revoked);
    }
    give_back(g, chain);
    return c.rc;
}
