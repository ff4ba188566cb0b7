/* postgres_wait.c: sends and receives with a limit, and says how it went. */

#include "store/postgres.h"

#include "base/clock.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* What a server may be silent for beyond its wait for locks: a slow disk, a large sort. */
enum { GRACE_MS = 3000, LOOK_MS = 200 };

/* --- errors --- */

/* Lines become one: it is for a log. */
void postgres_set_error(struct postgres_db *pg, const char *text)
{
    char line[DB_WHY];
    size_t n = 0;

    while (text && *text && n < sizeof(line) - 1) {
        char c = *text++;
        if (c == '\n' && (!*text || strncmp(text, "LOCATION", 8) == 0))
            break;
        line[n++] = (char)(c == '\n' || c == '\t' ? ' ' : c);
    }
    line[n] = '\0';
    db_set_error(&pg->base, line);
}

/* https://www.postgresql.org/docs/15/errcodes-appendix.html; the first that begins so. */
int postgres_errno(const char *state)
{
    static const struct {
        const char *begin;
        int rc;
    } table[] = {
        {"23",    -EEXIST },
        {"55P03", -EBUSY  }, /* lock_not_available */
        {"40",    -EBUSY  }, /* serialization_failure, deadlock_detected */
        {"57014", -EBUSY  }, /* query_canceled: statement_timeout */
        {"25006", -EROFS  },
        {"53100", -ENOSPC },
        {"53200", -ENOMEM },
        {"53",    -EBUSY  },
        {"42501", -EACCES },
        {"28",    -EACCES },
        {"08",    -EPIPE  },
        {"57P",   -EPIPE  }, /* the server ends, or is not up yet */
        {"25P03", -EPIPE  }, /* idle_in_transaction_session_timeout */
        {"XX001", -EBADMSG},
        {"XX002", -EBADMSG},
        {"58",    -EIO    },
        {"XX",    -EIO    },
    };

    for (size_t i = 0; state && i < ARRAY_LEN(table); i++)
        if (strncmp(state, table[i].begin, strlen(table[i].begin)) == 0)
            return table[i].rc;
    return -EINVAL;
}

int postgres_lose(struct postgres_db *pg, int rc)
{
    postgres_forget_active(pg);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->lost = rc;
    pg->copying = false;
    return rc;
}

int postgres_lose_with_words(struct postgres_db *pg)
{
    postgres_set_error(pg, PQerrorMessage(pg->conn));
    return postgres_lose(pg, -EPIPE);
}

/* --- waiting --- */

/* Whether something came or may go; -ETIMEDOUT, -errno. */
static int poll_socket(struct postgres_db *pg, short events)
{
    struct pollfd p = {.fd = PQsocket(pg->conn), .events = events};
    uint64_t limit = (uint64_t)pg->base.patience_ms + GRACE_MS, deadline = clock_now_ms() + limit;
    int n;

    do {
        uint64_t now = clock_now_ms();
        if (atomic_load(&pg->base.interrupted))
            return -ECANCELED;
        if (now >= deadline)
            return -ETIMEDOUT;
        n = poll(&p, 1, (int)MIN(deadline - now, (uint64_t)LOOK_MS));
    } while (n == 0 || (n < 0 && errno == EINTR));
    return n < 0 ? -errno : p.revents;
}

int postgres_wait(struct postgres_db *pg, bool to_write)
{
    int rc = poll_socket(pg, to_write ? POLLIN | POLLOUT : POLLIN);

    if (rc < 0) {
        if (rc == -ETIMEDOUT)
            postgres_set_error(pg, "the server has stopped answering");
        if (rc == -ECANCELED)
            postgres_set_error(pg, "interrupted");
        return postgres_lose(pg, rc);
    }
    if ((rc & ~POLLOUT) && !PQconsumeInput(pg->conn))
        return postgres_lose_with_words(pg);
    return OK;
}

int postgres_flush(struct postgres_db *pg)
{
    int left, rc = OK;

    while (rc == OK && (left = PQflush(pg->conn)) != 0)
        rc = left < 0 ? postgres_lose_with_words(pg) : postgres_wait(pg, true);
    return rc;
}

int postgres_next(struct postgres_db *pg, PGresult **ret)
{
    int rc = OK;

    *ret = NULL;
    while (rc == OK && PQisBusy(pg->conn))
        rc = postgres_wait(pg, false);
    if (rc == OK)
        *ret = PQgetResult(pg->conn);
    return rc;
}

/* --- results --- */

static void count_changes(struct postgres_db *pg, const PGresult *result)
{
    /* these do not change what they are given */
    PGresult *r = (PGresult *)(uintptr_t)result;
    struct slice command = slice_str(PQcmdStatus(r));

    if (slice_starts(command, SLICE("INSERT")) || slice_starts(command, SLICE("UPDATE")) ||
        slice_starts(command, SLICE("DELETE")))
        pg->changes = strtoull(PQcmdTuples(r), NULL, 10);
}

int postgres_check(struct postgres_db *pg, const PGresult *result)
{
    const char *state, *words;

    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        count_changes(pg, result);
        return OK;
    case PGRES_SINGLE_TUPLE:
    case PGRES_EMPTY_QUERY:
        return OK;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        db_set_error(&pg->base, "a COPY that nobody asked for");
        return postgres_lose(pg, -EINVAL);
    default:
        state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        postgres_set_error(pg, words ? words : PQresultErrorMessage(result));
        return state ? postgres_errno(state) : -EPIPE; /* libpq's own: the connection */
    }
}

int postgres_finish(struct postgres_db *pg, int rc)
{
    PGresult *result;

    while (pg->conn) {
        int next = postgres_next(pg, &result);
        if (next < 0)
            return next;
        if (!result)
            break;
        rc = rc < 0 ? rc : postgres_check(pg, result);
        PQclear(result);
    }
    if (pg->conn && PQstatus(pg->conn) == CONNECTION_BAD)
        return postgres_lose(pg, -EPIPE);
    return rc;
}

int postgres_query(struct postgres_db *pg, const char *sql)
{
    if (!PQsendQuery(pg->conn, sql))
        return postgres_lose_with_words(pg);
    int rc = postgres_flush(pg);
    return rc < 0 ? rc : postgres_finish(pg, OK);
}
