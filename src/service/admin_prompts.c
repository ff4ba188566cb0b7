/* admin_prompts.c: stored prompts and answers, to be read only: newest first. */

#include "repository/prompt_repo.h"
#include "service/admin_kind.h"

enum { FROM, TO, MODEL, USER_ID, KEY_ID, REQUEST_ID };

static int page(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len)
{
    const struct slice *filter = wish->filter;
    struct slice rest = wish->after;
    struct slice after_id = slice_cut(&rest, ' ');
    const struct prompt_log_wish prompts = {
        .from_wall_us = admin_time(filter[FROM]),
        .to_wall_us = admin_time(filter[TO]),
        .model = filter[MODEL],
        .user_id = admin_id(filter[USER_ID]),
        .key_id = admin_id(filter[KEY_ID]),
        .request_id = filter[REQUEST_ID],
        .after_id = after_id,
        .after_created_at = rest,
        .limit = wish->limit,
    };
    struct prompt_log *rows;

    int rc = prompt_repo_page(a->db, &prompts, arena, &rows, ret_len);
    *ret = rows;
    return rc;
}

static struct slice key_of(const void *row, struct arena *arena)
{
    const struct prompt_log *log = row;

    return arena_printf(arena, "%.*s %.*s", SLICE_FMT(log->at[PROMPT_LOG_ID]),
                        SLICE_FMT(log->at[PROMPT_LOG_CREATED_AT]));
}

const struct admin_kind admin_prompts = {
    .name = "prompt",
    .row_size = sizeof(struct prompt_log),
    .page = page,
    .key = key_of,
};
