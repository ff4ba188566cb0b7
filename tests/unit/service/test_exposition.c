/* What Prometheus reads: names, labels, sums, buckets. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "service/exposition.h"

#include <errno.h>
#include <stdio.h>

static struct exposition e;
static struct buf text;

static int open_both(void **state)
{
    (void)state;
    exposition_init(&e);
    buf_init(&text, 1 << 20);
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    exposition_free(&e);
    buf_free(&text);
    return 0;
}

static void expect(const char *wanted)
{
    exposition_write(&e, &text);
    assert_int_equal(e.rc, OK);
    assert_int_equal(buf_add_char(&text, 0), OK);
    assert_string_equal(text.at, wanted);
}

static void equal_labels_are_one_sample(void **state)
{
    const struct slice a[] = {SLICE("/v1/models"), SLICE("ok"), SLICE("2xx")};
    const struct slice b[] = {SLICE("/v1/models"), SLICE("ok"), SLICE("")};

    (void)state;
    exposition_add(&e, METRIC_ID_REQUESTS, a, 2);
    exposition_add(&e, METRIC_ID_REQUESTS, b, 1);
    exposition_add(&e, METRIC_ID_REQUESTS, a, 40);
    expect(
        "# HELP courier_requests_total Requests that have ended, however they ended.\n"
        "# TYPE courier_requests_total counter\n"
        "courier_requests_total{endpoint=\"/v1/models\",outcome=\"ok\",status_class=\"2xx\"} 42\n"
        "courier_requests_total{endpoint=\"/v1/models\",outcome=\"ok\"} 1\n");
}

static void values_are_escaped(void **state)
{
    const struct slice values[] = {SLICE("a\\b\"c\nd"), SLICE("caf\xc3\xa9"), SLICE("\xff!")};

    (void)state;
    exposition_add(&e, METRIC_ID_REQUESTS, values, 1);
    expect("# HELP courier_requests_total Requests that have ended, however they ended.\n"
           "# TYPE courier_requests_total counter\n"
           "courier_requests_total{endpoint=\"a\\\\b\\\"c\\nd\",outcome=\"caf\xc3\xa9\","
           "status_class=\"?!\"} 1\n");
}

static void seconds_are_exact(void **state)
{
    static const struct {
        uint64_t us;
        const char *shown;
    } cases[] = {
        {0,                "0"               },
        {1,                "0.000001"        },
        {1500000,          "1.5"             },
        {2000000,          "2"               },
        {1795446069523260, "1795446069.52326"},
    };
    char wanted[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        exposition_add(&e, METRIC_ID_SNAPSHOT_AGE, NULL, cases[i].us);
        snprintf(wanted, sizeof(wanted),
                 "# HELP courier_snapshot_age_seconds %s\n"
                 "# TYPE courier_snapshot_age_seconds gauge\n"
                 "courier_snapshot_age_seconds %s\n",
                 metric_table[METRIC_ID_SNAPSHOT_AGE].help, cases[i].shown);
        expect(wanted);
        close_both(NULL);
        open_both(NULL);
    }
}

/* The sum of several workers: buckets are told from the left. */
static void histograms_are_merged(void **state)
{
    tally_cell cells[16] = {0};
    const struct slice labels[] = {SLICE("/x"), SLICE("ok")};

    (void)state;
    tally_add(&cells[0], 1);
    tally_add(&cells[2], 2);
    tally_add(&cells[14], 1);
    tally_add(&cells[15], 90500000);
    exposition_add_histogram(&e, METRIC_ID_DURATION, labels, cells);
    exposition_add_histogram(&e, METRIC_ID_DURATION, labels, cells);
    exposition_write(&e, &text);
    assert_int_equal(buf_add_char(&text, 0), OK);
    const char *at = strstr(text.at, "courier_request_duration_seconds_bucket");
    assert_non_null(at);
#define BUCKET(le, n)                                                                              \
    "courier_request_duration_seconds_bucket{endpoint=\"/x\",outcome=\"ok\",le=\"" le "\"} " n "\n"
    assert_string_equal(
        at, BUCKET("0.01", "2") BUCKET("0.02", "2") BUCKET("0.04", "6") BUCKET("0.08", "6")
                BUCKET("0.16", "6") BUCKET("0.32", "6") BUCKET("0.64", "6") BUCKET("1.28", "6")
                    BUCKET("2.56", "6") BUCKET("5.12", "6") BUCKET("10.24", "6")
                        BUCKET("20.48", "6") BUCKET("40.96", "6") BUCKET("81.92", "6")
                            BUCKET("+Inf", "8") "courier_request_duration_seconds_sum{endpoint=\"/"
                                                "x\",outcome=\"ok\"} 181\n"
                                                "courier_request_duration_seconds_count{endpoint="
                                                "\"/x\",outcome=\"ok\"} 8\n");
}

static void an_empty_histogram_is_not_told(void **state)
{
    const tally_cell cells[16] = {0};

    (void)state;
    exposition_add_histogram(&e, METRIC_ID_DURATION, (struct slice[]){SLICE("/x"), SLICE("ok")},
                             cells);
    exposition_write(&e, &text);
    assert_int_equal(text.len, 0);
}

static void memory_that_fails_is_told(void **state)
{
    const struct slice a[] = {SLICE("/v1/models"), SLICE("ok"), SLICE("2xx")};

    (void)state;
    for (unsigned n = 1;; n++) {
        close_both(NULL);
        open_both(NULL);
        alloc_fail_at(n);
        exposition_add(&e, METRIC_ID_REQUESTS, a, 2);
        exposition_add(&e, METRIC_ID_WORKERS, NULL, 2);
        exposition_write(&e, &text);
        if (!alloc_fail_hit())
            break;
        assert_true(e.rc == -ENOMEM || text.rc == -ENOMEM);
    }
    assert_int_equal(e.rc, OK);
    assert_int_equal(text.rc, OK);
}

static bool is_name(const char *s)
{
    return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz_") == strlen(s);
}

static void the_table_keeps_to_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < METRIC_ID_MAX; i++) {
        const struct metric *m = &metric_table[i];
        struct slice labels = slice_str(m->labels);
        size_t n = 0, len = strlen(m->name);
        bool total = len > 6 && strcmp(m->name + len - 6, "_total") == 0;
        assert_true(is_name(m->name));
        assert_int_equal(total, m->kind == METRIC_COUNTER);
        assert_int_equal(m->buckets != NULL, m->kind == METRIC_HISTOGRAM);
        if (*m->unit)
            assert_non_null(strstr(m->name, m->unit));
        for (; labels.len; n++)
            assert_true(slice_cut(&labels, ',').len > 0);
        assert_true(n <= METRIC_LABELS);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(metric_table[k].name, m->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_labels_are_one_sample, open_both, close_both),
        cmocka_unit_test_setup_teardown(values_are_escaped, open_both, close_both),
        cmocka_unit_test_setup_teardown(seconds_are_exact, open_both, close_both),
        cmocka_unit_test_setup_teardown(histograms_are_merged, open_both, close_both),
        cmocka_unit_test_setup_teardown(an_empty_histogram_is_not_told, open_both, close_both),
        cmocka_unit_test_setup_teardown(memory_that_fails_is_told, open_both, close_both),
        cmocka_unit_test(the_table_keeps_to_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
