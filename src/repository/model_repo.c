/* model_repo.c: see model_repo.h. */

#include "repository/model_repo.h"

#include "repository/columns.h"

#include <errno.h>

#define SELECT_MODEL                                                                               \
    "SELECT name, provider, upstream_model, endpoint, sealed_key, timeout_ms, retries, fallback, " \
    "fallback_on, keepalive_ms, rescue, max_tokens, context_window, modalities, cache_ms, "        \
    "cache_shared, created_at, from_file, version, updated_at FROM models "
#define SELECT_TARGET                                                                              \
    "SELECT model, provider, upstream_model, endpoint, sealed_key FROM model_targets "

static const char list_models[] = SELECT_MODEL "ORDER BY name";
static const char list_targets[] =
    SELECT_TARGET "WHERE model IN (SELECT name FROM models) ORDER BY model, position";
static const char page_of[] = SELECT_MODEL
    "WHERE name > $1 AND ($2 = 0 OR provider = $3 OR EXISTS (SELECT 1 FROM model_targets t "
    "WHERE t.model = models.name AND t.provider = $3)) ORDER BY name LIMIT $4";
static const char find_by_name[] = SELECT_MODEL "WHERE name = $1";
static const char targets_between[] =
    SELECT_TARGET "WHERE model >= $1 AND model <= $2 ORDER BY model, position";
static const char delete_by_name[] = "DELETE FROM models WHERE name = $1";
static const char of_provider[] = "SELECT name FROM models WHERE provider = $1 UNION "
                                  "SELECT model FROM model_targets WHERE provider = $1 ORDER BY 1";
static const char with_fallback[] =
    "SELECT name, fallback FROM models WHERE fallback <> '' ORDER BY name";
static const char put[] =
    "INSERT INTO models (name, provider, upstream_model, endpoint, sealed_key, timeout_ms, "
    "retries, fallback, fallback_on, keepalive_ms, rescue, max_tokens, context_window, "
    "modalities, cache_ms, cache_shared, created_at, from_file, updated_at) VALUES "
    "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) "
    "ON CONFLICT (name) DO UPDATE SET provider = excluded.provider, "
    "upstream_model = excluded.upstream_model, endpoint = excluded.endpoint, "
    "sealed_key = excluded.sealed_key, timeout_ms = excluded.timeout_ms, "
    "retries = excluded.retries, fallback = excluded.fallback, "
    "fallback_on = excluded.fallback_on, keepalive_ms = excluded.keepalive_ms, "
    "rescue = excluded.rescue, max_tokens = excluded.max_tokens, "
    "context_window = excluded.context_window, modalities = excluded.modalities, "
    "cache_ms = excluded.cache_ms, cache_shared = excluded.cache_shared, "
    "from_file = excluded.from_file, updated_at = excluded.updated_at, "
    "version = models.version + 1";
static const char drop_targets[] = "DELETE FROM model_targets WHERE model = $1";
static const char add_target[] =
    "INSERT INTO model_targets (model, position, provider, upstream_model, endpoint, sealed_key) "
    "VALUES ($1, $2, $3, $4, $5, $6)";

/* --- out --- */

/* A row of model_targets. */
struct stored_target {
    struct slice model;
    struct target_row row;
};

static void read_model(struct columns *c, void *to)
{
    struct model_row *row = to;

    row->name = columns_text(c);
    row->provider = columns_text(c);
    row->upstream_model = columns_text(c);
    row->endpoint = columns_text(c);
    row->sealed_key = columns_bytes(c);
    row->timeout_ms = columns_u64(c);
    row->retries = (unsigned)columns_u64(c);
    row->fallback = columns_text(c);
    row->fallback_on = columns_text(c);
    row->keepalive_ms = columns_u64(c);
    row->rescue = columns_bool(c);
    row->max_tokens = columns_u64(c);
    row->context_window = columns_u64(c);
    row->modalities = columns_text(c);
    row->cache_ms = columns_u64(c);
    row->cache_shared = columns_bool(c);
    row->created_wall_us = columns_time(c);
    row->from_file = columns_bool(c);
    row->version = columns_u64(c);
    row->updated_wall_us = columns_time(c);
}

static void read_target(struct columns *c, void *to)
{
    struct stored_target *target = to;

    target->model = columns_text(c);
    target->row.provider = columns_text(c);
    target->row.upstream_model = columns_text(c);
    target->row.endpoint = columns_text(c);
    target->row.sealed_key = columns_bytes(c);
}

static int fill(struct db *db, const char *sql, struct row_list *list,
                void (*read)(struct columns *c, void *row))
{
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    return rc < 0 ? rc : row_list_fill(list, s, read);
}

/* Both lists are in the order of the models' names; there may be targets of models that the page
 * left out. */
static int join(struct row_list *models, const struct row_list *targets)
{
    struct model_row *m = (struct model_row *)(void *)models->at;
    const struct stored_target *t = (const struct stored_target *)(void *)targets->at;
    struct target_row *rows = arena_new_array(models->a, struct target_row, targets->len);
    size_t next = 0;

    if (!rows)
        return -ENOMEM;
    for (size_t i = 0; i < models->len; i++) {
        while (next < targets->len && slice_order(t[next].model, m[i].name) < 0)
            next++;
        m[i].targets = &rows[next];
        for (; next < targets->len && slice_eq(t[next].model, m[i].name); next++) {
            rows[next] = t[next].row;
            m[i].targets_len++;
        }
    }
    return OK;
}

int model_repo_list(struct db *db, struct arena *a, struct model_row **ret, size_t *ret_len)
{
    struct row_list models = {.a = a, .row_size = sizeof(struct model_row)};
    struct row_list targets = {.a = a, .row_size = sizeof(struct stored_target)};
    int rc = fill(db, list_models, &models, read_model);

    if (rc == OK)
        rc = fill(db, list_targets, &targets, read_target);
    if (rc == OK && targets.len)
        rc = join(&models, &targets);
    *ret = (struct model_row *)(void *)models.at;
    *ret_len = models.len;
    return rc;
}

/* The targets of a run of models that follow each other by name. */
static int add_targets(struct db *db, struct row_list *models)
{
    struct row_list targets = {.a = models->a, .row_size = sizeof(struct stored_target)};
    const struct model_row *m = (const struct model_row *)(void *)models->at;
    struct db_statement *s;

    if (models->len == 0)
        return OK;
    int rc = db_prepare(db, targets_between, &s);
    if (rc < 0)
        return rc;
    db_bind_text(s, 1, m[0].name);
    db_bind_text(s, 2, m[models->len - 1].name);
    rc = row_list_fill(&targets, s, read_target);
    return rc < 0 || targets.len == 0 ? rc : join(models, &targets);
}

int model_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                    struct model_row **ret, size_t *ret_len)
{
    struct row_list models = {.a = a, .row_size = sizeof(struct model_row)};
    struct db_statement *s;
    int rc = db_prepare(db, page_of, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, page->after);
    bind_filter(s, 2, page->filter[MODEL_FILTER_PROVIDER]);
    db_bind_u64(s, 4, page->limit);
    rc = row_list_fill(&models, s, read_model);
    if (rc == OK)
        rc = add_targets(db, &models);
    *ret = (struct model_row *)(void *)models.at;
    *ret_len = models.len;
    return rc;
}

int model_repo_find(struct db *db, struct slice name, struct arena *a, struct model_row *ret)
{
    struct row_list one = {a, sizeof(*ret), (char *)ret, 1, 1};
    struct db_statement *s;
    int rc = db_prepare(db, find_by_name, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    rc = row_read_one(s, a, read_model, ret);
    return rc < 0 ? rc : add_targets(db, &one);
}

/* --- who needs whom --- */

/* Adds a name to a list of at most MODEL_REPO_NAMES. */
static int add_name(struct slice *list, size_t *n, struct slice name, struct arena *a)
{
    if ((*n)++ >= MODEL_REPO_NAMES)
        return OK;
    *list = arena_printf(a, "%.*s%s%.*s", SLICE_FMT(*list), list->len ? "," : "", SLICE_FMT(name));
    return list->at ? OK : -ENOMEM;
}

int model_repo_of_provider(struct db *db, struct slice provider, struct arena *a, struct slice *ret)
{
    struct db_statement *s;
    size_t n = 0;
    int rc = db_prepare(db, of_provider, &s), added = OK;

    *ret = SLICE("");
    if (rc < 0)
        return rc;
    db_bind_text(s, 1, provider);
    while (added == OK && (rc = db_step(s)) == DB_ROW)
        added = add_name(ret, &n, db_column_text(s, 0), a);
    db_reset(s);
    return added < 0 ? added : rc;
}

static bool has_name(struct slice list, struct slice name)
{
    while (list.len)
        if (slice_eq(slice_trim(slice_cut(&list, ',')), name))
            return true;
    return false;
}

int model_repo_falling_back_on(struct db *db, struct slice model, struct arena *a,
                               struct slice *ret)
{
    struct db_statement *s;
    size_t n = 0;
    int rc = db_prepare(db, with_fallback, &s), added = OK;

    *ret = SLICE("");
    if (rc < 0)
        return rc;
    while (added == OK && (rc = db_step(s)) == DB_ROW)
        if (has_name(db_column_text(s, 1), model))
            added = add_name(ret, &n, db_column_text(s, 0), a);
    db_reset(s);
    return added < 0 ? added : rc;
}

/* --- in --- */

static int put_model(struct db *db, const struct model_row *row)
{
    char created[TIME_TEXT], updated[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, put, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, row->name);
    db_bind_text(s, 2, row->provider);
    db_bind_text(s, 3, row->upstream_model);
    db_bind_text(s, 4, row->endpoint);
    bind_bytes_or_null(s, 5, row->sealed_key);
    db_bind_u64(s, 6, row->timeout_ms);
    db_bind_i64(s, 7, row->retries);
    db_bind_text(s, 8, row->fallback);
    db_bind_text(s, 9, row->fallback_on);
    db_bind_u64(s, 10, row->keepalive_ms);
    db_bind_i64(s, 11, row->rescue);
    db_bind_u64(s, 12, row->max_tokens);
    db_bind_u64(s, 13, row->context_window);
    db_bind_text(s, 14, row->modalities);
    db_bind_u64(s, 15, row->cache_ms);
    db_bind_i64(s, 16, row->cache_shared);
    bind_time(s, 17, row->created_wall_us, created);
    db_bind_i64(s, 18, row->from_file);
    bind_time(s, 19, row->updated_wall_us, updated);
    return db_run(s);
}

static int clear_targets(struct db *db, struct slice model)
{
    struct db_statement *s;
    int rc = db_prepare(db, drop_targets, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, model);
    return db_run(s);
}

static int put_target(struct db *db, struct slice model, size_t position,
                      const struct target_row *row)
{
    struct db_statement *s;
    int rc = db_prepare(db, add_target, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, model);
    db_bind_u64(s, 2, position);
    db_bind_text(s, 3, row->provider);
    db_bind_text(s, 4, row->upstream_model);
    db_bind_text(s, 5, row->endpoint);
    bind_bytes_or_null(s, 6, row->sealed_key);
    return db_run(s);
}

int model_repo_put(struct db *db, const struct model_row *row)
{
    int rc = put_model(db, row);

    if (rc == OK)
        rc = clear_targets(db, row->name);
    for (size_t i = 0; rc == OK && i < row->targets_len; i++)
        rc = put_target(db, row->name, i + 1, &row->targets[i]);
    return rc;
}

int model_repo_delete(struct db *db, struct slice name)
{
    struct db_statement *s;
    int rc = db_prepare(db, delete_by_name, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    return run_on_row(db, s);
}
