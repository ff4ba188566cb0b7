/* usage_stats.c: see usage_stats.h. */

#include "service/usage_stats.h"

#include "base/clock.h"
#include "repository/key_repo.h"
#include "repository/rollup_repo.h"
#include "repository/user_repo.h"
#include "service/admin.h"

#include <errno.h>

static const enum rollup_group groups[] = {
    [USAGE_BY_NOTHING] = ROLLUP_TOTAL,     [USAGE_BY_HOUR] = ROLLUP_HOUR,
    [USAGE_BY_DAY] = ROLLUP_DAY,           [USAGE_BY_MODEL] = ROLLUP_MODEL,
    [USAGE_BY_PROVIDER] = ROLLUP_PROVIDER, [USAGE_BY_USER] = ROLLUP_USER,
    [USAGE_BY_KEY] = ROLLUP_KEY,
};

static const uint64_t hour_us = 3600ull * 1000000;

static void cut_times(struct usage_sums_wish *wish)
{
    wish->from_wall_us -= wish->from_wall_us % hour_us;
    wish->to_wall_us += hour_us - 1;
    wish->to_wall_us -= wish->to_wall_us % hour_us;
}

static struct usage_times times_of(const uint64_t buckets[ROLLUP_BUCKETS], uint64_t total)
{
    return (struct usage_times){
        .p50 = rollup_percentile(buckets, total, 0.50),
        .p95 = rollup_percentile(buckets, total, 0.95),
        .p99 = rollup_percentile(buckets, total, 0.99),
    };
}

/* A name that is gone from the store is empty: the id tells. */
static int name_of(struct admin *a, enum usage_group group, int64_t id, struct arena *arena,
                   struct slice *ret)
{
    struct user_row user = {0};
    struct key_row key = {0};
    int rc = group == USAGE_BY_USER ? user_repo_find_by_id(a->db, id, arena, &user)
                                    : key_repo_find_by_id(a->db, id, arena, &key);

    *ret = group == USAGE_BY_USER ? user.name : key.name;
    return rc == -ENOENT ? OK : rc;
}

static int group_of(struct admin *a, enum usage_group group, const struct rollup_row *row,
                    struct arena *arena, struct slice *ret)
{
    char at[CLOCK_RFC3339_LEN + 1];

    switch (group) {
    case USAGE_BY_HOUR:
    case USAGE_BY_DAY:
        clock_rfc3339(row->start_wall_us, at);
        *ret = group == USAGE_BY_DAY ? arena_copy(arena, slice_of(at, strlen("2030-01-31")))
                                     : arena_printf(arena, "%.19sZ", at);
        return ret->at ? OK : -ENOMEM;
    case USAGE_BY_USER:
    case USAGE_BY_KEY:
        return name_of(a, group, row->id, arena, ret);
    default:
        *ret = row->name;
        return OK;
    }
}

static void copy_sums(struct usage_sums *to, const struct rollup_sums *from)
{
    to->requests = from->requests;
    to->errors = from->errors;
    to->prompt_tokens = from->prompt_tokens;
    to->completion_tokens = from->completion_tokens;
    to->total_tokens = from->total_tokens;
    to->cached_tokens = from->cached_tokens;
    to->cache_write_tokens = from->cache_write_tokens;
    to->reasoning_tokens = from->reasoning_tokens;
    to->latency = times_of(from->latency, from->requests);
    to->first_token = times_of(from->first, from->first_tokens);
}

int usage_stats(struct admin *a, struct usage_sums_wish *wish, struct arena *arena,
                struct usage_sums **ret, size_t *ret_len)
{
    struct rollup_row *rows;

    cut_times(wish);
    const struct rollup_query query = {
        .group = groups[wish->group],
        .from_wall_us = wish->from_wall_us,
        .until_wall_us = wish->to_wall_us,
        .user_id = wish->user_id,
        .key_id = wish->key_id,
        .model = wish->model,
        .provider = wish->provider,
        .limit = wish->limit + 1, /* tells whether there is a next page */
        .skip = wish->skip,
    };
    int rc = rollup_repo_sum(a->db, &query, arena, &rows, ret_len);
    if (rc < 0)
        return rc;
    wish->next = *ret_len > wish->limit ? wish->skip + wish->limit : 0;
    *ret_len = MIN(*ret_len, wish->limit);
    *ret = arena_new_array(arena, struct usage_sums, *ret_len + 1);
    if (!*ret)
        return -ENOMEM;
    for (size_t i = 0; rc == OK && i < *ret_len; i++) {
        struct usage_sums *to = &(*ret)[i];
        to->id = rows[i].id;
        copy_sums(to, &rows[i].sums);
        rc = group_of(a, wish->group, &rows[i], arena, &to->group);
    }
    return rc;
}
