/* postgres_copy.c: COPY … FROM STDIN, text format
 * (https://www.postgresql.org/docs/15/sql-copy.html). */

#include "store/postgres.h"

#include "base/utf8.h"

#include <errno.h>
#include <libpq-fe.h>

enum { PIECE = 32 * 1024 };

int postgres_copy_begin(struct db *base, const char *sql)
{
    struct postgres_db *pg = postgres_of(base);
    PGresult *result = NULL;
    int rc = postgres_alive(pg);

    if (rc < 0)
        return rc;
    buf_reset(&pg->copy);
    pg->copy_row = false;
    if (!PQsendQuery(pg->conn, sql))
        return postgres_lose_with_words(pg);
    rc = postgres_flush(pg);
    while (rc == OK && !pg->copying && (rc = postgres_next(pg, &result)) == OK && result) {
        pg->copying = PQresultStatus(result) == PGRES_COPY_IN;
        if (!pg->copying)
            rc = postgres_check(pg, result);
        PQclear(result);
    }
    if (pg->copying || !pg->conn)
        return rc;
    return postgres_finish(pg, rc < 0 ? rc : -EINVAL);
}

static int send_piece(struct postgres_db *pg)
{
    int sent = 0, rc = pg->copy.rc;

    while (rc == OK && pg->copy.len && sent == 0) {
        sent = PQputCopyData(pg->conn, pg->copy.at, (int)pg->copy.len);
        if (sent < 0)
            return postgres_lose_with_words(pg);
        if (sent == 0)
            rc = postgres_flush(pg);
    }
    if (rc == OK)
        buf_reset(&pg->copy);
    return rc;
}

/* A row's first value has no tab in front. */
static void begin_value(struct postgres_db *pg)
{
    if (pg->copy_row)
        buf_add_char(&pg->copy, '\t');
    pg->copy_row = true;
}

static void add_escaped(struct buf *b, char c)
{
    buf_add_char(b, '\\');
    buf_add_char(b, c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c);
}

void postgres_copy_text(struct db *base, struct slice text)
{
    struct postgres_db *pg = postgres_of(base);
    size_t n;

    begin_value(pg);
    for (size_t i = 0; i < text.len; i += MAX(n, (size_t)1)) {
        char c = text.at[i];
        n = utf8_sequence((const unsigned char *)text.at + i, text.len - i);
        if (c == '\\' || c == '\n' || c == '\r' || c == '\t')
            add_escaped(&pg->copy, c);
        else
            buf_add(&pg->copy, n && c ? slice_sub(text, i, i + n) : SLICE("\xef\xbf\xbd"));
    }
}

void postgres_copy_null(struct db *base)
{
    begin_value(postgres_of(base));
    buf_add(&postgres_of(base)->copy, SLICE("\\N"));
}

void postgres_copy_row(struct db *base)
{
    struct postgres_db *pg = postgres_of(base);

    buf_add_char(&pg->copy, '\n');
    if (pg->conn && pg->copy.len >= PIECE) {
        int rc = send_piece(pg);
        if (rc < 0)
            pg->copy.rc = rc;
    }
    pg->copy_row = false;
}

static int end_copy(struct postgres_db *pg, const char *because)
{
    int sent;

    while ((sent = PQputCopyEnd(pg->conn, because)) == 0) {
        int rc = postgres_flush(pg);
        if (rc < 0)
            return rc;
    }
    if (sent < 0)
        return postgres_lose_with_words(pg);
    int rc = postgres_flush(pg);
    return rc < 0 ? rc : postgres_finish(pg, OK);
}

int postgres_copy_end(struct db *base, int rc)
{
    struct postgres_db *pg = postgres_of(base);

    if (!pg->conn)
        return rc < 0 ? rc : pg->lost;
    if (rc == OK)
        rc = send_piece(pg);
    pg->copying = false;
    if (!pg->conn)
        return rc;
    int ended = end_copy(pg, rc < 0 ? "given up" : NULL);
    return rc < 0 ? rc : ended;
}
