/* test_postgres_names.c: servers by their names, with a resolver that knows them, does not, or says
 * nothing. */

#include "support/db_rig.h"

#include "base/clock.h"

#include "support/fake_resolver.h"

/* The rig's URL with other hosts, each at the server's port. */
static void url_of(const struct db_rig *f, const char *const *hosts, const char *query,
                   char ret[POSTGRES_URL])
{
    const char *at = strchr(f->url, '@') + 1, *slash = strchr(at, '/'), *port = slash;

    while (port > at && *port != ':')
        port--;
    int n = snprintf(ret, POSTGRES_URL, "%.*s", (int)(at - f->url), f->url);
    for (unsigned i = 0; hosts[i]; i++)
        n += snprintf(ret + n, POSTGRES_URL - (size_t)n, "%s%s%.*s", i ? "," : "", hosts[i],
                      (int)(slash - port), port);
    n += snprintf(ret + n, POSTGRES_URL - (size_t)n, "%s%s", slash, query);
    assert_in_range(n, 1, POSTGRES_URL - 1);
}

static int open_hosts(const struct db_rig *f, const char *const *hosts, const char *query,
                      char why[DB_WHY])
{
    char url[POSTGRES_URL];
    struct db *db;

    url_of(f, hosts, query, url);
    why[0] = '\0';
    int rc = db_open(slice_str(url), why, &db);
    if (rc == OK) {
        assert_int_equal(db_rig_count(db), 0);
        db_close(db);
    }
    return rc;
}

#define HOSTS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void a_name_is_looked_up(void **state)
{
    char why[DB_WHY];

    assert_int_equal(open_hosts(*state, HOSTS("server.test"), "", why), OK);
    assert_int_equal(open_hosts(*state, HOSTS("127.0.0.1"), "", why), OK);
    assert_int_equal(open_hosts(*state, HOSTS("nowhere.test", "server.test"), "", why), OK);
    /* what has its address needs no lookup */
    assert_int_equal(open_hosts(*state, HOSTS("silent.test"), "?hostaddr=127.0.0.1", why), OK);
    assert_int_equal(open_hosts(*state, HOSTS("nowhere.test"), "", why), -ECONNREFUSED);
    assert_non_null(strstr(why, "could not translate host name \"nowhere.test\""));
    assert_int_equal(open_hosts(*state, HOSTS("a", "b"), "?hostaddr=127.0.0.1", why),
                     -ECONNREFUSED);
    assert_non_null(strstr(why, "could not match")); /* libpq's own words */
}

/* Else the thread that asks would be held for as long as the resolver likes. */
static void a_silent_resolver_is_given_up(void **state)
{
    char why[DB_WHY];

    resolver_speak(false);
    assert_int_equal(open_hosts(*state, HOSTS("silent.test"), "", why), -ETIMEDOUT);
    assert_non_null(strstr(why, "the resolver does not answer"));
    assert_int_equal(open_hosts(*state, HOSTS("127.0.0.1", "silent.test"), "", why), OK);
    resolver_speak(true);
    assert_int_equal(open_hosts(*state, HOSTS("silent.test"), "", why), -ECONNREFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB_TEST_OF(a_name_is_looked_up, "postgres"),
        DB_TEST_OF(a_silent_resolver_is_given_up, "postgres"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
