/* logs.c: see logs.h. */

#include "controller/admin/logs.h"

#include "controller/admin/logs_export.h"
#include "model/outcome.h"
#include "model/usage_log.h"
#include "web/problem.h"

static const char *const states[] = {"ok",
                                     "client_error",
                                     "rate_limited",
                                     "upstream_error",
                                     "upstream_timeout",
                                     "interrupted",
                                     "client_closed",
                                     "gateway_error",
                                     NULL};
static const char *const formats[] = {"json", "jsonl", "csv", NULL};

enum { FORMAT = 8 };

/* As service/admin_objects.h has them, and the format. */
static const struct query_field filters[] = {
    {"from",       QUERY_TIME, NULL},
    {"to",        QUERY_TIME, NULL},
    {"request_id",         QUERY_TEXT, NULL},
    {"model",        QUERY_TEXT, NULL},
    {"user_id", QUERY_NUMBER, NULL},
    {"key_id",        QUERY_NUMBER, NULL},
    {"status",      QUERY_WORD, states},
    {"provider",        QUERY_TEXT, NULL},
    {"format",    QUERY_WORD, formats},
    {0       },
};

static const struct admin_view view = {
    .kind = &admin_logs,
    .json = admin_log_json,
    .row_size = sizeof(struct usage_log),
    .filters = filters,
};

/* An export asks on and on: it takes its turn with others often. */
enum { EXPORT_SEARCH_MS = 200 };

static void export(struct exchange *x)
{
    struct page_wish wish = {.limit = PAGE_ROWS_MOST, .search_ms = EXPORT_SEARCH_MS};
    struct fault fault;

    if (!query_read(x, filters, x->arena, wish.filter, &fault)) {
        problem_answer_fault(x, &fault);
        return;
    }
    bool csv = slice_eq(wish.filter[FORMAT], SLICE("csv"));
    logs_export_answer(x, &wish, csv ? LOGS_CSV : LOGS_JSONL);
}

/* What is wrong with the query is left to whoever reads the whole of it. */
static bool asks_for_file(struct exchange *x)
{
    static const struct query_field known[] = {
        {"format", QUERY_WORD, formats},
        {0},
    };
    struct slice format[1];
    struct fault unused;

    return query_read_known(x, known, x->arena, format, &unused) && format[0].len &&
           !slice_eq(format[0], SLICE("json"));
}

static void logs_handle(struct exchange *x)
{
    if (asks_for_file(x))
        export(x);
    else
        admin_list_handle(x);
}

const struct route admin_logs_route = ADMIN_ROUTE(HTTP_GET, "/admin/v1/logs", logs_handle, &view);
