/* postgres_statement.c: prepared statements, found again by the address of their text.
 *
 * Values go as text whose type the server infers, bytes as they are. Rows come one by one: a list
 * of a million keys is never in memory as a whole. */

#include "store/postgres.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

static struct postgres_statement *statement_of(struct db_statement *s)
{
    return container_of(s, struct postgres_statement, base);
}

static struct postgres_db *db_of(struct postgres_statement *s)
{
    return postgres_of(s->base.db);
}

/* --- making --- */

/* The highest n of the $n in a text; -EINVAL: too high. */
static int count_parameters(const char *sql)
{
    unsigned long most = 0;

    for (const char *at = strchr(sql, '$'); at; at = strchr(at + 1, '$')) {
        unsigned long n = strtoul(at + 1, NULL, 10);
        most = MAX(most, n);
    }
    return most <= POSTGRES_PARAMETERS ? (int)most : -EINVAL;
}

static int make(struct postgres_db *pg, const char *sql, struct postgres_statement **ret)
{
    int parameters = count_parameters(sql);

    if (parameters < 0) {
        db_set_error(&pg->base, "placeholders are $1 … $64");
        return parameters;
    }
    struct postgres_statement *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->base.db = &pg->base;
    s->sql = sql;
    s->parameters = (unsigned)parameters;
    snprintf(s->name, sizeof(s->name), "s%u", ++pg->names);
    arena_init_with(&s->arena, 0, s->lent, sizeof(s->lent));
    s->next = pg->statements;
    pg->statements = s;
    *ret = s;
    return OK;
}

/* Tells the server of this connection about it, once. */
static int introduce(struct postgres_db *pg, struct postgres_statement *s)
{
    if (s->epoch == pg->epoch)
        return OK;
    if (!PQsendPrepare(pg->conn, s->name, s->sql, 0, NULL))
        return postgres_lose_with_words(pg);
    int rc = postgres_flush(pg);
    if (rc == OK)
        rc = postgres_finish(pg, OK);
    if (rc == OK)
        s->epoch = pg->epoch;
    return rc;
}

/* One that cannot be prepared is not kept: its address may belong to another text later. */
static void drop_newest(struct postgres_db *pg)
{
    struct postgres_statement *s = pg->statements;

    pg->statements = s->next;
    arena_clear(&s->arena);
    free(s);
}

int postgres_prepare(struct db *base, const char *sql, struct db_statement **ret)
{
    struct postgres_db *pg = postgres_of(base);
    struct postgres_statement *s = pg->statements;
    int rc = postgres_alive(pg);
    bool fresh;

    if (rc < 0)
        return rc;
    while (s && s->sql != sql)
        s = s->next;
    fresh = !s;
    if (fresh)
        rc = make(pg, sql, &s);
    if (rc == OK) {
        rc = introduce(pg, s);
        if (rc < 0 && fresh)
            drop_newest(pg);
    }
    if (rc < 0)
        return rc;
    postgres_reset(&s->base);
    s->bind_rc = OK;
    for (unsigned i = 0; i < s->parameters; i++)
        s->values[i].is_null = true;
    *ret = &s->base;
    return OK;
}

/* --- values --- */

static struct postgres_value *value_of(struct postgres_statement *s, unsigned n)
{
    if (n == 0 || n > s->parameters) {
        db_set_error(s->base.db, "no such placeholder");
        s->bind_rc = -EINVAL;
        return NULL;
    }
    return &s->values[n - 1];
}

void postgres_bind_i64(struct db_statement *base, unsigned n, int64_t number)
{
    struct postgres_value *v = value_of(statement_of(base), n);

    if (!v)
        return;
    int len = snprintf(v->number, sizeof(v->number), "%lld", (long long)number);
    v->bytes = slice_of(v->number, (size_t)len);
    v->is_null = v->binary = false;
}

void postgres_bind_text(struct db_statement *base, unsigned n, struct slice text)
{
    struct postgres_statement *s = statement_of(base);
    struct postgres_value *v = value_of(s, n);

    if (!v)
        return;
    if (text.len && memchr(text.at, 0, text.len)) {
        db_set_error(s->base.db, "a text with a NUL in it");
        s->bind_rc = -EINVAL;
        return;
    }
    v->bytes = text;
    v->is_null = v->binary = false;
}

void postgres_bind_bytes(struct db_statement *base, unsigned n, struct slice bytes)
{
    struct postgres_value *v = value_of(statement_of(base), n);

    if (!v)
        return;
    v->bytes = bytes;
    v->is_null = false;
    v->binary = true;
}

void postgres_bind_null(struct db_statement *base, unsigned n)
{
    struct postgres_value *v = value_of(statement_of(base), n);

    if (v)
        v->is_null = true;
}

/* --- running --- */

/* As libpq takes them: a text ends with NUL. */
struct wire_values {
    const char *at[POSTGRES_PARAMETERS];
    int len[POSTGRES_PARAMETERS], format[POSTGRES_PARAMETERS];
};

static int gather(struct postgres_statement *s, struct wire_values *ret)
{
    for (unsigned i = 0; i < s->parameters; i++) {
        const struct postgres_value *v = &s->values[i];
        struct slice copy = {0};
        if (!v->is_null && !v->binary) {
            copy = arena_copy(&s->arena, v->bytes);
            if (!copy.at)
                return -ENOMEM;
        }
        ret->at[i] = v->is_null ? NULL : v->binary ? (v->bytes.at ? v->bytes.at : "") : copy.at;
        ret->len[i] = (int)v->bytes.len;
        ret->format[i] = v->binary;
    }
    return OK;
}

static void clear_row(struct postgres_statement *s)
{
    PQclear(s->row);
    s->row = NULL;
    s->short_of_memory = false;
    arena_clear(&s->arena);
    arena_init_with(&s->arena, 0, s->lent, sizeof(s->lent));
}

static int start(struct postgres_db *pg, struct postgres_statement *s)
{
    struct wire_values values;
    int rc = postgres_alive(pg);

    if (rc == OK && s->epoch != pg->epoch) /* a new connection since it was prepared */
        rc = introduce(pg, s);
    if (rc == OK)
        rc = s->bind_rc;
    if (rc == OK)
        rc = gather(s, &values);
    if (rc < 0)
        return rc;
    int sent = PQsendQueryPrepared(pg->conn, s->name, (int)s->parameters, values.at, values.len,
                                   values.format, 0);
    clear_row(s);
    if (!sent)
        return postgres_lose_with_words(pg);
    PQsetSingleRowMode(pg->conn);
    pg->active = s;
    return postgres_flush(pg);
}

/* The result that ends the statement, and the nothing behind it. */
static int end(struct postgres_db *pg, int rc)
{
    pg->active = NULL;
    return postgres_finish(pg, rc);
}

/* Rows were still to come, and something else has taken their connection. */
static int cut_short(struct postgres_db *pg)
{
    if (!pg->conn)
        return pg->lost;
    db_set_error(&pg->base, "another statement was begun before the last row was read");
    return -EINVAL;
}

int postgres_step(struct db_statement *base)
{
    struct postgres_statement *s = statement_of(base);
    struct postgres_db *pg = db_of(s);
    PGresult *result = NULL;
    int rc = OK;

    if (s->short_of_memory) {
        postgres_reset(base);
        db_set_error(&pg->base, "out of memory");
        return -ENOMEM;
    }
    if (pg->active != s)
        rc = s->row ? cut_short(pg) : start(pg, s);
    clear_row(s);
    if (rc == OK)
        rc = postgres_next(pg, &result);
    if (rc < 0)
        return rc;
    if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
        s->row = result;
        return DB_ROW;
    }
    rc = result ? postgres_check(pg, result) : OK;
    PQclear(result);
    return end(pg, rc);
}

int postgres_settle(struct postgres_db *pg)
{
    if (!pg->active)
        return OK;
    pg->active = NULL;
    return postgres_finish(pg, OK);
}

void postgres_forget_active(struct postgres_db *pg)
{
    pg->active = NULL;
}

void postgres_reset(struct db_statement *base)
{
    struct postgres_statement *s = statement_of(base);

    if (db_of(s)->active == s)
        (void)postgres_settle(db_of(s));
    clear_row(s);
}

void postgres_free_statements(struct postgres_db *pg)
{
    while (pg->statements) {
        struct postgres_statement *s = pg->statements;
        clear_row(s);
        drop_newest(pg);
    }
}
