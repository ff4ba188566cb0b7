/* admin_logs.c: the call log and the stored prompts, to be read only: newest first. A search that
 * finds little answers after a while with what it has, and with where to go on. */

#include "base/clock.h"
#include "repository/prompt_repo.h"
#include "repository/usage_log_repo.h"
#include "service/admin_kind.h"

#include <errno.h>

/* Of both; the last two are the call log's. */
enum { FROM, TO, REQUEST_ID, MODEL, USER_ID, KEY_ID, STATUS, PROVIDER };

/* Well within the patience of those who ask, of those who wait behind them, and of the store. */
enum { SEARCH_MS = 1000 };

static struct log_wish wish_of(const struct page_wish *wish)
{
    const struct slice *filter = wish->filter;
    struct slice rest = wish->after;
    struct slice after_id = slice_cut(&rest, ' ');

    return (struct log_wish){
        .from_wall_us = admin_time(filter[FROM]),
        .to_wall_us = admin_time(filter[TO]),
        .request_id = filter[REQUEST_ID],
        .model = filter[MODEL],
        .user_id = admin_id(filter[USER_ID]),
        .key_id = admin_id(filter[KEY_ID]),
        .after = {after_id, rest},
        .limit = wish->limit,
        .until_ms = clock_now_ms() + (wish->search_ms ? wish->search_ms : SEARCH_MS),
    };
}

static int finish(const struct log_page *page, struct arena *arena, struct admin_page *ret)
{
    struct log_place next = page->next;

    *ret = (struct admin_page){.rows = page->rows, .len = page->len};
    if (!next.id.len)
        return OK;
    ret->next = arena_printf(arena, "%.*s %.*s", SLICE_FMT(next.id), SLICE_FMT(next.created_at));
    return ret->next.at ? OK : -ENOMEM;
}

static int search_calls(struct admin *a, const struct page_wish *wish, struct arena *arena,
                        struct admin_page *ret)
{
    struct log_wish calls = wish_of(wish);
    struct log_page page;

    calls.status = wish->filter[STATUS];
    calls.provider = wish->filter[PROVIDER];
    int rc = usage_log_repo_page(a->db, &calls, arena, &page);
    return rc < 0 ? rc : finish(&page, arena, ret);
}

static int search_prompts(struct admin *a, const struct page_wish *wish, struct arena *arena,
                          struct admin_page *ret)
{
    struct log_wish prompts = wish_of(wish);
    struct log_page page;
    int rc = prompt_repo_page(a->db, &prompts, arena, &page);

    return rc < 0 ? rc : finish(&page, arena, ret);
}

const struct admin_kind admin_logs = {
    .name = "log row",
    .row_size = sizeof(struct usage_log),
    .search = search_calls,
};

const struct admin_kind admin_prompts = {
    .name = "prompt",
    .row_size = sizeof(struct prompt_log),
    .search = search_prompts,
};
