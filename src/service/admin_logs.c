/* admin_logs.c: the call log, to be read only: newest first. */

#include "repository/usage_log_repo.h"
#include "service/admin_kind.h"

enum { FROM, TO, STATUS, MODEL, PROVIDER, USER_ID, KEY_ID, REQUEST_ID };

static int page(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len)
{
    const struct slice *filter = wish->filter;
    struct slice rest = wish->after;
    struct slice after_id = slice_cut(&rest, ' ');
    const struct usage_log_wish logs = {
        .from_wall_us = admin_time(filter[FROM]),
        .to_wall_us = admin_time(filter[TO]),
        .status = filter[STATUS],
        .model = filter[MODEL],
        .provider = filter[PROVIDER],
        .user_id = admin_id(filter[USER_ID]),
        .key_id = admin_id(filter[KEY_ID]),
        .request_id = filter[REQUEST_ID],
        .after_id = after_id,
        .after_created_at = rest,
        .limit = wish->limit,
    };
    struct usage_log *rows;

    int rc = usage_log_repo_page(a->db, &logs, arena, &rows, ret_len);
    *ret = rows;
    return rc;
}

static struct slice key_of(const void *row, struct arena *arena)
{
    const struct usage_log *log = row;

    return arena_printf(arena, "%.*s %.*s", SLICE_FMT(log->at[USAGE_LOG_ID]),
                        SLICE_FMT(log->at[USAGE_LOG_CREATED_AT]));
}

const struct admin_kind admin_logs = {
    .name = "log row",
    .row_size = sizeof(struct usage_log),
    .page = page,
    .key = key_of,
};
