/* usage.c: see usage.h. A cursor is how many groups were told before. Without `from` the last 24
 * hours are told, without `to` until now. */

#include "controller/admin/usage.h"

#include "base/clock.h"
#include "controller/admin/task.h"
#include "service/usage_stats.h"
#include "wire/usage_sums_writer.h"

#include <errno.h>

enum { FROM, TO, GROUP_BY, LIMIT, CURSOR, MODEL, PROVIDER, USER_ID, KEY_ID, FIELDS };
enum { LIMIT_DEFAULT = 1000, LIMIT_MOST = 10000 };

static const uint64_t day_us = 24ull * 3600 * 1000000;

#define COMMON_FIELDS                                                                              \
    {"from", QUERY_TIME, NULL}, {"to", QUERY_TIME, NULL},                                          \
        {"group_by", QUERY_WORD, usage_group_words}, {"limit", QUERY_NUMBER, NULL},                \
        {"cursor", QUERY_NUMBER, NULL},                                                            \
    {                                                                                              \
        "model", QUERY_TEXT, NULL                                                                  \
    }

static const struct query_field admin_fields[] = {
    COMMON_FIELDS,
    {"provider", QUERY_TEXT, NULL},
    {"user_id",      QUERY_NUMBER, NULL},
    {"key_id",  QUERY_NUMBER, NULL},
    {0     },
};
static const struct query_field own_fields[] = {COMMON_FIELDS, {0}};

static int run_usage(struct admin_task *t, struct admin *a)
{
    struct usage_sums *rows;
    size_t n;
    int rc = usage_stats(a, &t->sums, &t->arena, &rows, &n);

    if (rc < 0)
        return rc;
    t->answer.status = 200;
    t->answer.body = usage_sums_json(&t->sums, rows, n, &t->arena);
    return t->answer.body.at ? OK : -ENOMEM;
}

/* --- reading --- */

static enum usage_group group_of(struct slice word)
{
    for (unsigned i = 0; usage_group_words[i]; i++)
        if (slice_eq(word, slice_str(usage_group_words[i])))
            return (enum usage_group)i;
    return USAGE_BY_NOTHING;
}

static uint64_t time_or(struct slice text, uint64_t otherwise)
{
    uint64_t wall_us;

    return text.len && clock_parse_rfc3339(text, &wall_us) == OK ? wall_us : otherwise;
}

static int64_t number_of(struct slice text)
{
    uint64_t n = 0;

    return text.len && slice_to_u64(text, &n) == OK ? (int64_t)n : 0;
}

static bool refuse(struct fault *fault, const char *param, const char *message)
{
    *fault = (struct fault){
        .kind = FAULT_INVALID_VALUE, .param = slice_str(param), .message = slice_str(message)};
    return false;
}

static bool read_wish(const struct slice values[FIELDS], struct arena *a,
                      struct usage_sums_wish *wish, struct fault *fault)
{
    uint64_t now = clock_wall_us(), limit = LIMIT_DEFAULT;

    if (!query_limit(values[LIMIT], LIMIT_MOST, a, &limit, fault))
        return false;
    *wish = (struct usage_sums_wish){
        .group = group_of(values[GROUP_BY]),
        .to_wall_us = time_or(values[TO], now),
        .model = values[MODEL],
        .provider = values[PROVIDER],
        .user_id = number_of(values[USER_ID]),
        .key_id = number_of(values[KEY_ID]),
        .limit = (size_t)limit,
        .skip = (size_t)number_of(values[CURSOR]),
    };
    uint64_t before = wish->to_wall_us - MIN(wish->to_wall_us, day_us);
    wish->from_wall_us = time_or(values[FROM], before);
    if (wish->from_wall_us >= wish->to_wall_us)
        return refuse(fault, "from", "Invalid value for 'from': it must be before 'to'.");
    return true;
}

static struct admin_task *begin(struct exchange *x, const struct query_field *fields)
{
    struct slice values[FIELDS] = {{0}};
    struct admin_task *t = admin_task_new(x);
    struct fault fault;

    if (!t)
        return NULL;
    t->run = run_usage;
    if (query_read(x, fields, &t->arena, values, &fault) &&
        read_wish(values, &t->arena, &t->sums, &fault))
        return t;
    admin_task_refuse(t, &fault);
    return NULL;
}

static void admin_usage_handle(struct exchange *x)
{
    struct admin_task *t = begin(x, admin_fields);

    if (t)
        admin_task_start(t);
}

/* A key sees what it used itself, and nothing else. */
static void usage_handle(struct exchange *x)
{
    struct admin_task *t = begin(x, own_fields);

    if (!t)
        return;
    t->sums.key_id = x->principal->key_id;
    t->job.guest = !x->principal->admin;
    admin_task_start(t);
}

const struct route admin_usage_route =
    ADMIN_ROUTE(HTTP_GET, "/admin/v1/usage", admin_usage_handle, NULL);

const struct route route_usage = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/v1/usage"),
    .handle = usage_handle,
};
