/* provider_repo.c: see provider_repo.h. */

#include "repository/provider_repo.h"

#include "repository/columns.h"

#define SELECT_PROVIDER                                                                            \
    "SELECT name, type, base_url, sealed_key, from_file, version, created_at, updated_at "         \
    "FROM providers "

static const char list_all[] = SELECT_PROVIDER "ORDER BY name";
static const char page_of[] =
    SELECT_PROVIDER "WHERE name > $1 AND ($2 = 0 OR type = $3) ORDER BY name LIMIT $4";
static const char find_by_name[] = SELECT_PROVIDER "WHERE name = $1";
static const char delete_by_name[] = "DELETE FROM providers WHERE name = $1";
static const char put[] =
    "INSERT INTO providers (name, type, base_url, sealed_key, from_file, created_at, "
    "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (name) DO UPDATE SET type = "
    "excluded.type, "
    "base_url = excluded.base_url, sealed_key = excluded.sealed_key, "
    "from_file = excluded.from_file, updated_at = excluded.updated_at, "
    "version = providers.version + 1";

static void read_provider(struct columns *c, void *to)
{
    struct provider_row *row = to;

    row->name = columns_text(c);
    row->type = columns_text(c);
    row->base_url = columns_text(c);
    row->sealed_key = columns_bytes(c);
    row->from_file = columns_bool(c);
    row->version = columns_u64(c);
    row->created_wall_us = columns_time(c);
    row->updated_wall_us = columns_time(c);
}

int provider_repo_list(struct db *db, struct arena *a, struct provider_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct provider_row)};
    struct db_statement *s;
    int rc = db_prepare(db, list_all, &s);

    if (rc == OK)
        rc = row_list_fill(&list, s, read_provider);
    *ret = (struct provider_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

int provider_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                       struct provider_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct provider_row)};
    struct db_statement *s;
    int rc = db_prepare(db, page_of, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, page->after);
    bind_filter(s, 2, page->filter[PROVIDER_FILTER_TYPE]);
    db_bind_u64(s, 4, page->limit);
    rc = row_list_fill(&list, s, read_provider);
    *ret = (struct provider_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

int provider_repo_find(struct db *db, struct slice name, struct arena *a, struct provider_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_by_name, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    return row_read_one(s, a, read_provider, ret);
}

int provider_repo_delete(struct db *db, struct slice name)
{
    struct db_statement *s;
    int rc = db_prepare(db, delete_by_name, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    return run_on_row(db, s);
}

int provider_repo_put(struct db *db, const struct provider_row *row, uint64_t now_wall_us)
{
    char created[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, put, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, row->name);
    db_bind_text(s, 2, row->type);
    db_bind_text(s, 3, row->base_url);
    bind_bytes_or_null(s, 4, row->sealed_key);
    db_bind_i64(s, 5, row->from_file);
    bind_time(s, 6, now_wall_us, created);
    return db_run(s);
}
