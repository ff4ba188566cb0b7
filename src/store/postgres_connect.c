/* postgres_connect.c: from a URL to a session in which all of courier's SQL means what it says.
 *
 * The URL goes to libpq as it is (https://www.postgresql.org/docs/15/libpq-connect.html): TLS,
 * several hosts, target_session_attrs are libpq's. What stands in front of it here are defaults
 * that the URL may change, and behind it addresses for its hosts' names. */

#include "store/postgres.h"

#include "base/clock.h"
#include "codec/store_url.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

enum { CONNECT_MS = 5000, VERSION_LEAST = 150000 };

/* What is committed must survive the server: journals are advanced over it. */
static const char session[] = "SET timezone = 'UTC'; SET datestyle = 'ISO'; "
                              "SET bytea_output = 'hex'; SET standard_conforming_strings = on; "
                              "SET client_min_messages = error; "
                              "SET jit = off; " /* takes longer than any statement of ours */
                              "SET default_transaction_isolation = 'read committed'; "
                              "SELECT set_config('synchronous_commit', 'on', false) "
                              "WHERE current_setting('synchronous_commit') = 'off'";

/* A courier that hangs must not hold locks for ever, nor a server work for one that is gone; a
 * server that cannot see to it will do all the same (not every system tells it of a closed
 * connection). */
static const char *const wishes[] = {
    "SET idle_in_transaction_session_timeout = '60s'",
    ("SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; "
     "SET tcp_keepalives_count = 3; SET tcp_user_timeout = '60s'"),
    "SET client_connection_check_interval = '10s'",
};

static PGconn *begin_connect(const char *url, const struct postgres_lists *hosts)
{
    /* whoever only reads is as good as away: of several hosts another may write */
    const char *const names[] = {"application_name",
                                 "client_encoding",
                                 "gssencmode",
                                 "target_session_attrs",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "tcp_user_timeout",
                                 "dbname",
                                 "host",
                                 "hostaddr",
                                 "port",
                                 NULL};
    const char *const values[] = {
        "courier", "UTF8", "disable",    "read-write",     "10",         "5", "3",
        "15000",   url,    hosts->names, hosts->addresses, hosts->ports, NULL};

    return PQconnectStartParams(names, values, 1);
}

/* "connection to server at … failed: FATAL:  28P01: password …": the five characters, or NULL. */
static const char *find_state(const char *text)
{
    for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  ")) {
        const char *state = at + 3;
        if (strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && state[5] == ':')
            return state;
    }
    return NULL;
}

/* Server and libpq say why in words only; of the server's the code is asked for. */
static int connect_failed(struct postgres_db *pg)
{
    const char *text = PQerrorMessage(pg->conn), *state = find_state(text);
    char words[DB_WHY];

    if (!state) {
        postgres_set_error(pg, text);
        return postgres_lose(pg, -ECONNREFUSED);
    }
    int rc = postgres_errno(state);
    snprintf(words, sizeof(words), "%.*s%s", (int)(state - text), text, state + 7);
    postgres_set_error(pg, words);
    /* there and refusing, or not there for now */
    bool refused = slice_starts(slice_str(state), SLICE("28")) ||
                   slice_starts(slice_str(state), SLICE("3D")) || rc == -EACCES;
    return postgres_lose(pg, refused ? -EACCES : -ECONNREFUSED);
}

static int poll_until(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    do {
        uint64_t now = clock_now_ms();
        if (now >= deadline_ms)
            return -ETIMEDOUT;
        n = poll(&p, 1, (int)(deadline_ms - now));
    } while (n == 0 || (n < 0 && errno == EINTR));
    return n < 0 ? -errno : OK;
}

static int drive_connect(struct postgres_db *pg, uint64_t limit_ms)
{
    uint64_t deadline = clock_now_ms() + limit_ms;
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;

    while (want != PGRES_POLLING_OK) {
        int rc = poll_until(PQsocket(pg->conn), want == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                            deadline);
        if (rc == -ETIMEDOUT)
            postgres_set_error(pg, "the server does not answer");
        if (rc < 0)
            return postgres_lose(pg, rc);
        want = PQconnectPoll(pg->conn);
        if (want == PGRES_POLLING_FAILED)
            return connect_failed(pg);
    }
    return OK;
}

static int check_server(struct postgres_db *pg)
{
    const char *encoding = PQparameterStatus(pg->conn, "server_encoding");
    char words[DB_WHY];

    if (PQserverVersion(pg->conn) < VERSION_LEAST)
        snprintf(words, sizeof(words), "the server is PostgreSQL %d: 15 or newer is needed",
                 PQserverVersion(pg->conn) / 10000);
    else if (!encoding || strcmp(encoding, "UTF8") != 0)
        snprintf(words, sizeof(words),
                 "the database's encoding is %.40s: make it with ENCODING 'UTF8'",
                 encoding ? encoding : "not known");
    else
        return OK;
    postgres_set_error(pg, words);
    return postgres_lose(pg, -EPROTONOSUPPORT);
}

static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

static int set_up(struct postgres_db *pg)
{
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
    if (PQsetnonblocking(pg->conn, 1) < 0)
        return postgres_lose_with_words(pg);
    pg->epoch++;
    pg->patience_told = pg->listening = pg->leading = false;
    int rc = check_server(pg);
    if (rc == OK)
        rc = postgres_query(pg, session);
    for (size_t i = 0; rc == OK && i < ARRAY_LEN(wishes); i++)
        if (postgres_query(pg, wishes[i]) < 0 && !pg->conn)
            rc = pg->lost;
    if (rc == OK)
        db_set_error(&pg->base, "");
    return rc;
}

static int connect_hosts(struct postgres_db *pg, const struct postgres_lists *hosts,
                         uint64_t limit_ms)
{
    pg->conn = begin_connect(pg->url, hosts);
    if (!pg->conn)
        return -ENOMEM;
    if (PQstatus(pg->conn) == CONNECTION_BAD) /* the host's name, a parameter's value */
        return connect_failed(pg);
    PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
    return drive_connect(pg, limit_ms);
}

/* The time is shared among the hosts: behind a silent one the next may stand. */
static int connect_any(struct postgres_db *pg, const PQconninfoOption *options)
{
    struct postgres_lists lists;
    struct postgres_hosts hosts;
    struct arena arena;

    arena_init(&arena, 0);
    int found = postgres_find_hosts(pg, &arena, options, &hosts), rc = -ETIMEDOUT;
    size_t n = MAX(hosts.len, (size_t)1);
    for (size_t i = 0; found == OK && rc == -ETIMEDOUT && i < n; i++) {
        rc = postgres_list_hosts(&arena, &hosts, i, &lists);
        if (rc == OK)
            rc = connect_hosts(pg, &lists, CONNECT_MS / n);
    }
    arena_clear(&arena);
    return found < 0 ? postgres_lose(pg, found) : rc;
}

int postgres_connect(struct postgres_db *pg)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(pg->url, &why);

    PQfreemem(why); /* what libpq cannot read it repeats, and it may be a part of the password */
    if (!options) {
        postgres_set_error(pg, "the URL or one of its parameters is not understood by libpq");
        return -EINVAL;
    }
    int rc = connect_any(pg, options);
    PQconninfoFree(options);
    return rc < 0 ? rc : set_up(pg);
}

/* So that the server gives up a little before we do; within a transaction it would not last. */
static int tell_patience(struct postgres_db *pg)
{
    char sql[128];

    if (pg->patience_told || pg->in_transaction)
        return OK;
    snprintf(sql, sizeof(sql), "SET lock_timeout = %u; SET statement_timeout = %u",
             MAX(pg->base.patience_ms, 1u), MAX(pg->base.patience_ms, 30000u) * 2);
    pg->patience_told = true;
    pg->told_ms = pg->base.patience_ms;
    return postgres_query(pg, sql);
}

/* A server that ended, or ended this session, has said so by now: then nobody need hear of it. */
static void notice_end(struct postgres_db *pg)
{
    struct pollfd p = {.fd = PQsocket(pg->conn), .events = POLLIN};

    while (pg->conn && !pg->active && poll(&p, 1, 0) > 0)
        if (!PQconsumeInput(pg->conn))
            postgres_lose_with_words(pg);
}

int postgres_alive(struct postgres_db *pg)
{
    int rc = OK;

    if (pg->conn && !pg->in_transaction)
        notice_end(pg);
    if (!pg->conn && pg->in_transaction)
        return pg->lost;
    if (!pg->conn)
        rc = postgres_connect(pg);
    if (rc == OK)
        rc = postgres_settle(pg);
    return rc < 0 ? rc : tell_patience(pg);
}
