/* test_postgres.c: what only a server can do: types of its own, COPY, refusing, going away, being
 * silent. */

#include "support/db_rig.h"

#include "store/migrate.h"

#include "support/alloc_fail.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>

static void types_read_as_everywhere(void **state)
{
    struct db_rig *f = *state;
    struct db_statement *s = db_rig_prepare(
        f->db, "SELECT true, false, timestamptz '2026-01-31 13:00:00.5+01', timestamptz "
               "'2026-01-31 12:00:00.123456Z', 12345678901234567890::numeric, '\\x00ff'::bytea, "
               "NULL::timestamptz, NULL::bytea, NULL::boolean, timestamptz 'infinity', 'a'::text");

    assert_int_equal(db_step(s), DB_ROW);
    assert_int_equal(db_column_i64(s, 0), 1);
    assert_true(slice_eq(db_column_text(s, 1), SLICE("0")));
    assert_true(slice_eq(db_column_text(s, 2), SLICE("2026-01-31T12:00:00.500Z")));
    assert_true(slice_eq(db_column_text(s, 3), SLICE("2026-01-31T12:00:00.123456Z")));
    assert_true(slice_eq(db_column_text(s, 4), SLICE("12345678901234567890")));
    assert_true(slice_eq(db_column_bytes(s, 5), slice_of("\x00\xff", 2)));
    for (unsigned i = 6; i < 9; i++) {
        assert_int_equal(db_column_text(s, i).len, 0);
        assert_int_equal(db_column_bytes(s, i).len, 0);
        assert_int_equal(db_column_i64(s, i), 0);
    }
    assert_true(slice_eq(db_column_text(s, 9), SLICE("infinity")));
    assert_true(slice_eq(db_column_bytes(s, 10), SLICE("a")));
    assert_int_equal(db_column_text(s, 11).len, 0); /* there is none */
    assert_int_equal(db_step(s), OK);
}

static void rows_that_nobody_reads_harm_nobody(void **state)
{
    struct db_rig *f = *state;
    struct db_statement *many = db_rig_prepare(f->db, "SELECT generate_series(1, 100000)");

    assert_int_equal(db_step(many), DB_ROW);
    db_reset(many);
    assert_int_equal(db_step(many), DB_ROW);
    assert_int_equal(db_column_i64(many, 0), 1);
    assert_int_equal(db_rig_count(f->db), 0);
    assert_int_equal(db_step(many), -EINVAL); /* cut short is not the end */
    assert_int_equal(db_run(many), OK);
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_step(many), DB_ROW);
    assert_int_equal(db_end(f->db, OK), OK);
}

static void values_that_cannot_be_are_told(void **state)
{
    struct db_rig *f = *state;
    struct db_statement *s = db_rig_prepare(f->db, "INSERT INTO t (id, name) VALUES (1, $1)");

    db_bind_text(s, 1, slice_of("a\0b", 3));
    assert_int_equal(db_run(s), -EINVAL);
    s = db_rig_prepare(f->db, "INSERT INTO t (id, name) VALUES (2, $1)");
    db_bind_text(s, 1, SLICE("\xff"));
    assert_int_equal(db_run(s), -EINVAL);
    assert_int_equal(db_rig_count(f->db), 0);
}

static void a_failed_transaction_does_not_commit(void **state)
{
    struct db_rig *f = *state;

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_begin(f->db), -EINVAL);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
    assert_int_equal(db_rig_insert(f->db, 1, "two"), -EEXIST);
    assert_int_equal(db_commit(f->db), -EINVAL);
    assert_int_equal(db_rig_count(f->db), 0);
}

static void writers_that_only_append_do_not_wait(void **state)
{
    struct db_rig *f = *state;
    struct db *other = db_rig_open(f);

    db_set_patience(f->db, 1);
    assert_int_equal(db_begin(other), OK);
    assert_int_equal(db_begin(f->db), -EBUSY);
    assert_int_equal(db_begin_append(f->db), OK);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
    assert_int_equal(db_end(f->db, OK), OK);
    assert_int_equal(db_begin_still(f->db), OK);
    assert_int_equal(db_rig_count(f->db), 1);
    assert_int_equal(db_rig_insert(other, 2, "two"), OK);
    assert_int_equal(db_end(other, OK), OK);
    assert_int_equal(db_rig_count(f->db), 1);
    assert_int_equal(db_end(f->db, OK), OK);
    db_close(other);
}

/* Each allocation of ours fails once: told, and never a value that is not there. */
static void out_of_memory_is_told(void **state)
{
    static const char sql[] = "SELECT decode(repeat('ab', 400), 'hex'), now(), $1";
    struct db_rig *f = *state;

    for (unsigned n = 1;; n++) {
        struct db_statement *s;
        size_t bytes = 0;
        alloc_fail_at(n);
        int rc = db_prepare(f->db, sql, &s);
        if (rc == OK) {
            db_bind_text(s, 1, SLICE("a"));
            rc = db_step(s);
        }
        if (rc == DB_ROW) {
            bytes = db_column_bytes(s, 0).len;
            (void)db_column_text(s, 1);
            rc = db_run(s);
        }
        bool hit = alloc_fail_hit();
        if (rc == OK)
            assert_int_equal(bytes, 400);
        else
            assert_int_equal(rc, -ENOMEM);
        if (!hit)
            break;
    }
    assert_int_equal(db_rig_count(f->db), 0);
}

/* --- COPY --- */

static const char copy[] = "COPY t (id, name, bytes) FROM STDIN";

static void copied_rows_are_as_they_were(void **state)
{
    static const char odd[] = "tab\t line\n return\r back\\slash \\N \\. \xff\xc3 cut\xe2\x82";
    struct db_rig *f = *state;
    static char large[100000];

    memset(large, 'x', sizeof(large));
    assert_true(db_can_copy(f->db));
    assert_int_equal(db_copy_begin(f->db, copy), OK);
    db_copy_i64(f->db, -1);
    db_copy_text(f->db, slice_str(odd));
    db_copy_null(f->db);
    db_copy_row(f->db);
    db_copy_u64(f->db, UINT64_MAX);
    db_copy_text(f->db, (struct slice){0});
    db_copy_text(f->db, SLICE("\\x00ff"));
    db_copy_row(f->db);
    db_copy_i64(f->db, 3);
    db_copy_null(f->db);
    db_copy_text(f->db, slice_of(large, sizeof(large)));
    db_copy_row(f->db);
    assert_int_equal(db_copy_end(f->db, OK), OK);

    struct db_statement *s =
        db_rig_prepare(f->db, "SELECT id, name, bytes, name IS NULL FROM t ORDER BY id");
    assert_int_equal(db_step(s), DB_ROW);
    assert_int_equal(db_column_i64(s, 0), -1);
    assert_true(slice_eq(db_column_text(s, 1),
                         SLICE("tab\t line\n return\r back\\slash \\N \\. \xef\xbf\xbd\xef\xbf\xbd "
                               "cut\xef\xbf\xbd\xef\xbf\xbd")));
    assert_int_equal(db_step(s), DB_ROW);
    assert_int_equal(db_column_i64(s, 3), 1);
    assert_int_equal(db_column_bytes(s, 2).len, sizeof(large));
    assert_int_equal(db_step(s), DB_ROW);
    assert_true(db_column_i64(s, 0) == INT64_MAX);
    assert_int_equal(db_column_i64(s, 3), 0);
    assert_true(slice_eq(db_column_bytes(s, 2), slice_of("\x00\xff", 2)));
    assert_int_equal(db_step(s), OK);
}

static void many_rows_are_copied(void **state)
{
    struct db_rig *f = *state;

    assert_int_equal(db_copy_begin(f->db, copy), OK);
    for (int64_t i = 0; i < 100000; i++) {
        db_copy_i64(f->db, i);
        db_copy_i64(f->db, i);
        db_copy_null(f->db);
        db_copy_row(f->db);
    }
    assert_int_equal(db_copy_end(f->db, OK), OK);
    assert_int_equal(db_rig_count(f->db), 100000);
}

static void a_copy_that_fails_leaves_nothing(void **state)
{
    struct db_rig *f = *state;

    assert_int_equal(db_copy_begin(f->db, "COPY nowhere FROM STDIN"), -EINVAL);
    assert_int_equal(db_copy_begin(f->db, "SELECT 1"), -EINVAL);
    assert_int_equal(db_begin_append(f->db), OK);
    assert_int_equal(db_copy_begin(f->db, copy), OK);
    db_copy_text(f->db, SLICE("no number"));
    db_copy_row(f->db);
    assert_int_equal(db_copy_end(f->db, OK), -EINVAL);
    assert_int_equal(db_end(f->db, OK), -EINVAL);

    assert_int_equal(db_begin_append(f->db), OK);
    assert_int_equal(db_copy_begin(f->db, copy), OK);
    db_copy_i64(f->db, 1);
    db_copy_null(f->db);
    db_copy_null(f->db);
    db_copy_row(f->db);
    assert_int_equal(db_copy_end(f->db, -EBADMSG), -EBADMSG); /* given up */
    assert_int_equal(db_end(f->db, OK), -EINVAL);

    assert_int_equal(db_begin_append(f->db), OK);
    assert_int_equal(db_copy_begin(f->db, copy), OK);
    db_rollback(f->db); /* in the middle */
    assert_int_equal(db_rig_count(f->db), 0);
}

/* --- going away --- */

static void terminate(struct db_rig *f, struct db *victim)
{
    char sql[80];

    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%lld, 60000)",
             (long long)db_rig_number(victim, "SELECT pg_backend_pid()"));
    assert_int_equal(db_exec(f->db, sql), OK);
}

static void a_session_that_was_ended_comes_back(void **state)
{
    static const char sql[] = "SELECT 7";
    struct db_rig *f = *state;
    struct db *victim = db_rig_open(f);

    assert_int_equal(db_rig_number(victim, sql), 7);
    terminate(f, victim);
    assert_int_equal(db_rig_number(victim, sql), 7); /* prepared anew */
    terminate(f, victim);
    assert_int_equal(db_begin(victim), OK);
    assert_int_equal(db_rig_insert(victim, 1, "one"), OK);
    terminate(f, victim);
    assert_int_equal(db_rig_insert(victim, 2, "two"), -EPIPE);
    assert_int_equal(db_rig_insert(victim, 2, "two"), -EPIPE);
    assert_non_null(strstr(db_error(victim), "terminating connection"));
    assert_int_equal(db_end(victim, OK), -EPIPE);
    assert_int_equal(db_rig_count(victim), 0);
    db_close(victim);
}

static void a_statement_that_is_cut_is_told(void **state)
{
    struct db_rig *f = *state;
    struct db *victim = db_rig_open(f);
    struct db_statement *s = db_rig_prepare(victim, "SELECT generate_series(1, 10000000)");
    int rc;

    assert_int_equal(db_step(s), DB_ROW);
    assert_int_equal(db_exec(f->db,
                             "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                             "WHERE datname = current_database() AND pid <> pg_backend_pid()"),
                     OK);
    do
        rc = db_step(s);
    while (rc == DB_ROW);
    assert_int_equal(rc, -EPIPE);
    assert_int_equal(db_rig_count(victim), 0);
    db_close(victim);
}

static void a_listener_that_was_ended_listens_again(void **state)
{
    static const struct db_watch watch = {"changes", "SELECT 1"};
    struct db_rig *f = *state;
    struct db *victim = db_rig_open(f);

    assert_int_equal(db_wait_change(victim, &watch, -1, 0), DB_CHANGED);
    assert_int_equal(db_wait_change(victim, &watch, -1, 0), OK);
    terminate(f, victim);
    assert_int_equal(db_wait_change(victim, &watch, -1, 60000), DB_CHANGED); /* a new session */
    assert_int_equal(db_exec(f->db, "NOTIFY changes"), OK);
    assert_int_equal(db_wait_change(victim, &watch, -1, 60000), DB_CHANGED);
    assert_int_equal(db_begin(victim), OK);
    assert_int_equal(db_wait_change(victim, &watch, -1, 0), -EINVAL);
    db_close(victim);
}

static bool leads(struct db *db)
{
    bool ret;

    assert_int_equal(db_lead(db, &ret), OK);
    return ret;
}

static void one_leads_until_its_session_ends(void **state)
{
    struct db_rig *f = *state;
    struct db *leader = db_rig_open(f);

    assert_true(leads(leader));
    assert_true(leads(leader));
    assert_false(leads(f->db));
    /* the server's own end of a session whose process was stopped */
    assert_int_equal(
        db_rig_number(leader,
                      "SELECT setting FROM pg_settings WHERE name = 'idle_session_timeout'"),
        300000);
    assert_int_equal(db_exec(leader, "SET idle_session_timeout = 1"), OK);
    while (!leads(f->db))
        sched_yield();
    while (leads(leader)) /* the lock is free before the end of the session has arrived */
        sched_yield();
    assert_int_equal(db_rig_count(leader), 0);
    db_close(leader);
}

/* --- being silent --- */

static void a_silent_server_is_given_up(void **state)
{
    struct db_rig *f = *state;

    db_set_patience(f->db, 1);
    assert_int_equal(db_exec(f->db, "SELECT pg_sleep(600)"), -ETIMEDOUT);
    assert_string_equal(db_error(f->db), "the server has stopped answering");
    assert_int_equal(db_rig_count(f->db), 0);
}

/* A port at which somebody listens and never speaks; *ret_fd ends it. */
static unsigned silent_port(int *ret_fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*ret_fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(*ret_fd, 8), 0);
    assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin_port);
}

static void a_server_that_never_answers_is_given_up(void **state)
{
    char url[POSTGRES_URL], why[DB_WHY];
    struct db *db;
    int fd;

    (void)state;
    snprintf(url, sizeof(url), "postgres://me:secret@127.0.0.1:%u/db", silent_port(&fd));
    assert_int_equal(db_open(slice_str(url), why, &db), -ETIMEDOUT);
    assert_non_null(strstr(why, "does not answer"));
    assert_null(strstr(why, "secret"));
    close(fd);
}

/* One host is silent, or two are; another one is not. */
static void behind_a_silent_host_there_is_another(void **state)
{
    struct db_rig *f = *state;
    const char *host = strchr(f->url, '@') + 1;
    char url[POSTGRES_URL], why[DB_WHY];
    struct db *db;
    int fd;
    unsigned port = silent_port(&fd);

    for (unsigned silent = 1; silent <= 2; silent++) {
        int n = snprintf(url, sizeof(url), "%.*s", (int)(host - f->url), f->url);
        for (unsigned i = 0; i < silent; i++)
            n += snprintf(url + n, sizeof(url) - (size_t)n, "127.0.0.1:%u,", port);
        snprintf(url + n, sizeof(url) - (size_t)n, "%s", host);
        if (db_open(slice_str(url), why, &db) < 0)
            fail_msg("%s", why);
        assert_int_equal(db_rig_count(db), 0);
        db_close(db);
    }
    close(fd);
}

/* --- refusing --- */

/* The rig's URL with another user or database. */
static void other_url(const struct db_rig *f, const char *who, const char *database,
                      char ret[POSTGRES_URL])
{
    const char *at = strchr(f->url, '@'), *end = strrchr(f->url, '/');

    int n = snprintf(ret, POSTGRES_URL, "postgres://%s%.*s/%s", who, (int)(end - at), at,
                     database ? database : end + 1);
    assert_in_range(n, 1, POSTGRES_URL - 1);
}

static void assert_refused(const char *url, int rc, const char *words)
{
    char why[DB_WHY];
    struct db *db;

    assert_int_equal(db_open(slice_str(url), why, &db), rc);
    if (!strstr(why, words))
        fail_msg("%s", why);
    assert_null(strstr(why, "secret"));
}

static void who_may_not_enter_is_told(void **state)
{
    struct db_rig *f = *state;
    char url[POSTGRES_URL], own[POSTGRES_URL];

    other_url(f, "tester:my-secret", NULL, url);
    assert_refused(url, -EACCES, "password authentication failed for user \"tester\"");
    other_url(f, "nobody:my-secret", NULL, url);
    assert_refused(url, -EACCES, "password authentication failed");
    other_url(f, "tester", NULL, url);
    assert_refused(url, -ECONNREFUSED, "no password supplied");
    snprintf(own, sizeof(own), "%.*s", (int)(strchr(f->url, '@') - f->url), f->url);
    other_url(f, own + strlen("postgres://"), "no_such_database", url);
    assert_refused(url, -EACCES, "database \"no_such_database\" does not exist");
    snprintf(url, sizeof(url), "%.200s?sslmode=require", f->url);
    assert_refused(url, -ECONNREFUSED, "does not support SSL");
    snprintf(url, sizeof(url), "%.200s?nonsense=secret", f->url);
    assert_refused(url, -EINVAL, "not understood");
}

static void another_encoding_is_refused(void **state)
{
    struct db_rig *f = *state;
    char url[POSTGRES_URL], who[POSTGRES_URL];

    assert_int_equal(db_exec(f->db, "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE "
                                    "template0 LOCALE 'C'"),
                     OK);
    snprintf(who, sizeof(who), "%.*s", (int)(strchr(f->url, '@') - f->url), f->url);
    other_url(f, who + strlen("postgres://"), "ascii", url);
    assert_refused(url, -EPROTONOSUPPORT, "ENCODING 'UTF8'");
    assert_int_equal(db_exec(f->db, "DROP DATABASE ascii"), OK);
}

/* As one that follows another does. */
static void a_server_that_only_reads_is_away(void **state)
{
    struct db_rig *f = *state;
    const char *name = strrchr(f->url, '/') + 1;
    char sql[POSTGRES_URL], url[POSTGRES_URL + 40], why[DB_WHY];
    struct db *db;

    snprintf(sql, sizeof(sql), "ALTER DATABASE %.100s SET default_transaction_read_only = on",
             name);
    assert_int_equal(db_exec(f->db, sql), OK);
    assert_refused(f->url, -ECONNREFUSED, "read-only");
    snprintf(url, sizeof(url), "%s?target_session_attrs=any", f->url);
    assert_int_equal(db_open(slice_str(url), why, &db), OK);
    assert_int_equal(db_rig_insert(db, 1, "one"), -EROFS);
    db_close(db);
}

/* A role that may not make tables: told clearly; and when others made them, it needs no more. */
static void rights_are_told_and_few_are_needed(void **state)
{
    struct db_rig *f = *state;
    char url[POSTGRES_URL], why[DB_WHY];
    struct db *db;

    db_exec(f->db, "DROP ROLE IF EXISTS humble");
    assert_int_equal(db_exec(f->db, "CREATE ROLE humble LOGIN PASSWORD 'my-secret'"), OK);
    other_url(f, "humble:my-secret", NULL, url);
    assert_int_equal(db_open(slice_str(url), why, &db), OK);
    assert_int_equal(migrate(db, NULL, why), -EACCES);
    assert_non_null(strstr(why, "permission denied for schema public"));

    assert_int_equal(migrate(f->db, NULL, why), OK);
    assert_int_equal(db_exec(f->db, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "
                                    "public TO humble"),
                     OK);
    if (migrate(db, NULL, why) < 0)
        fail_msg("%s", why);
    assert_int_equal(db_exec(db, "INSERT INTO users (name, created_at) VALUES ('a', now())"), OK);
    assert_int_equal(db_exec(db, "UPDATE users SET name = 'b'"), OK);
    assert_int_equal(db_exec(db, "SELECT usage_logs_make_day('2026-01-31')"), OK);
    assert_int_equal(db_exec(db, "CREATE TABLE more (n int)"), -EACCES);
    db_close(db);
    assert_int_equal(db_exec(f->db, "DROP OWNED BY humble; DROP ROLE humble"), OK);
}

#define TEST(name) DB_TEST_OF(name, "postgres")

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(types_read_as_everywhere),
        TEST(rows_that_nobody_reads_harm_nobody),
        TEST(values_that_cannot_be_are_told),
        TEST(a_failed_transaction_does_not_commit),
        TEST(writers_that_only_append_do_not_wait),
        TEST(out_of_memory_is_told),
        TEST(copied_rows_are_as_they_were),
        TEST(many_rows_are_copied),
        TEST(a_copy_that_fails_leaves_nothing),
        TEST(a_session_that_was_ended_comes_back),
        TEST(a_statement_that_is_cut_is_told),
        TEST(a_listener_that_was_ended_listens_again),
        TEST(one_leads_until_its_session_ends),
        TEST(a_silent_server_is_given_up),
        cmocka_unit_test(a_server_that_never_answers_is_given_up),
        TEST(behind_a_silent_host_there_is_another),
        TEST(who_may_not_enter_is_told),
        TEST(another_encoding_is_refused),
        TEST(a_server_that_only_reads_is_away),
        TEST(rights_are_told_and_few_are_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
