/* postgres_column.c: what stands in a row, in the words that every driver uses: times as RFC 3339
 * in UTC with milliseconds (microseconds where there are any), booleans as 0 and 1, bytes as they
 * are. */

#include "store/postgres.h"

#include <libpq-fe.h>
#include <stdlib.h>

/* pg_type.dat; these numbers never change */
enum { TYPE_BOOL = 16, TYPE_BYTEA = 17, TYPE_TIMESTAMPTZ = 1184 };

static struct postgres_statement *statement_of(struct db_statement *s)
{
    return container_of(s, struct postgres_statement, base);
}

static Oid type_of(const struct postgres_statement *s, unsigned i)
{
    return s->row && (int)i < PQnfields(s->row) ? PQftype(s->row, (int)i) : 0;
}

/* As the server wrote it; NULL and no row are empty. */
static struct slice raw(const struct postgres_statement *s, unsigned i)
{
    if (!s->row || (int)i >= PQnfields(s->row) || PQgetisnull(s->row, 0, (int)i))
        return (struct slice){0};
    return slice_of(PQgetvalue(s->row, 0, (int)i), (size_t)PQgetlength(s->row, 0, (int)i));
}

int64_t postgres_column_i64(struct db_statement *base, unsigned i)
{
    struct postgres_statement *s = statement_of(base);
    struct slice text = raw(s, i);

    if (text.len == 0)
        return 0;
    if (type_of(s, i) == TYPE_BOOL)
        return text.at[0] == 't';
    return strtoll(text.at, NULL, 10); /* libpq puts a NUL behind it */
}

/* "2026-01-31 12:00:00.5+00" → "2026-01-31T12:00:00.500Z"; the session's zone is UTC. */
static struct slice time_text(struct arena *a, struct slice text)
{
    size_t zone = slice_find(text, SLICE("+")), dot = slice_find(text, SLICE("."));
    char digits[] = "000000";

    if (text.len < 19 || text.at[10] != ' ' || zone == text.len)
        return arena_copy(a, text); /* infinity, or before the year 1 */
    for (size_t i = 0; dot + 1 + i < zone && i < 6; i++)
        digits[i] = text.at[dot + 1 + i];
    if (strcmp(digits + 3, "000") == 0)
        digits[3] = '\0';
    return arena_printf(a, "%.10sT%.8s.%sZ", text.at, text.at + 11, digits);
}

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* "\x0aff…" */
static struct slice unhex(struct arena *a, struct slice text)
{
    size_t n = text.len < 2 ? 0 : (text.len - 2) / 2;
    char *at = arena_alloc(a, n);

    for (size_t i = 0; at && i < n; i++)
        at[i] = (char)(nibble(text.at[2 + 2 * i]) << 4 | nibble(text.at[3 + 2 * i]));
    return slice_of(at, at ? n : 0);
}

/* A value that is missing must not pass for one that is empty. */
static struct slice kept(struct postgres_statement *s, struct slice value)
{
    s->short_of_memory |= !value.at;
    return value.at ? value : (struct slice){0};
}

struct slice postgres_column_text(struct db_statement *base, unsigned i)
{
    struct postgres_statement *s = statement_of(base);
    struct slice text = raw(s, i);

    switch (type_of(s, i)) {
    case TYPE_BOOL:
        return text.len == 0 ? text : text.at[0] == 't' ? SLICE("1") : SLICE("0");
    case TYPE_TIMESTAMPTZ:
        return text.len == 0 ? text : kept(s, time_text(&s->arena, text));
    default:
        return text;
    }
}

struct slice postgres_column_bytes(struct db_statement *base, unsigned i)
{
    struct postgres_statement *s = statement_of(base);
    struct slice text = raw(s, i);

    return type_of(s, i) == TYPE_BYTEA && text.len ? kept(s, unhex(&s->arena, text)) : text;
}
