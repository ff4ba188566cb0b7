/* prompts.c: see prompts.h. */

#include "controller/admin/prompts.h"

#include "model/prompt.h"

/* As service/admin_objects.h has them. */
static const struct query_field filters[] = {
    {"from",       QUERY_TIME, NULL},
    {"to",        QUERY_TIME, NULL},
    {"request_id",         QUERY_TEXT, NULL},
    {"model",        QUERY_TEXT, NULL},
    {"user_id", QUERY_NUMBER, NULL},
    {"key_id",        QUERY_NUMBER, NULL},
    {0     },
};

/* They are long: a page is made in memory. */
enum { PROMPTS_MOST = 20 };

static const struct admin_view view = {
    .kind = &admin_prompts,
    .json = admin_prompt_json,
    .row_size = sizeof(struct prompt_log),
    .filters = filters,
    .page_most = PROMPTS_MOST,
    .audited = true,
};

const struct route admin_prompts_route =
    ADMIN_ROUTE(HTTP_GET, "/admin/v1/prompts", admin_list_handle, &view);
