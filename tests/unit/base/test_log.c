/* test_log.c: lines reach the file whole and in order, whoever writes them and however they end. */

#include "base/log.h"
#include "base/log_line.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static char path[64], second_path[80];

static int make_paths(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/courier-test-log-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    snprintf(second_path, sizeof(second_path), "%s.2", path);
    return close(fd);
}

static int remove_paths(void **state)
{
    (void)state;
    unlink(path);
    unlink(second_path);
    return 0;
}

static struct log_options options(enum log_format format, size_t ring)
{
    return (struct log_options){LOG_INFO, format, path, ring};
}

/* The whole file; the caller frees it. */
static char *read_file(const char *name, size_t *ret_len)
{
    FILE *f = fopen(name, "rb");
    char *text = malloc(64 << 20);
    assert_non_null(f);
    assert_non_null(text);
    *ret_len = fread(text, 1, (64 << 20) - 1, f);
    text[*ret_len] = '\0';
    fclose(f);
    return text;
}

/* ---- one line ---- */

/* what follows the time stamp */
static const char *line_of(enum log_format format, const char *message,
                           const struct log_field *fields)
{
    static char line[LOG_LINE_MAX + 1];
    size_t n = log_line(line, format, LOG_WARN, message, fields);

    assert_true(n <= LOG_LINE_MAX);
    assert_int_equal(line[n - 1], '\n');
    line[n] = '\0';
    return line;
}

static void a_json_line_has_all_kinds_of_fields(void **state)
{
    (void)state;
    const char *line = line_of(
        LOG_JSON, "it \"broke\"",
        (const struct log_field[]){LOG_SLICE("a", SLICE("x\n\xFFy")), LOG_U64("u", UINT64_MAX),
                                   LOG_I64("i", INT64_MIN), LOG_I64("j", 5), LOG_BOOL("b", true),
                                   LOG_STR("z", NULL), LOG_RC(-ECONNREFUSED), LOG_END});
    assert_memory_equal(line, "{\"time\":\"20", 11);
    assert_memory_equal(line + 32, "Z\",\"level\":\"warn\",", 18);
    assert_string_equal(
        line + 50,
        "\"message\":\"it \\\"broke\\\"\",\"a\":\"x\\n\xEF\xBF\xBDy\",\"u\":18446744073709551615,"
        "\"i\":-9223372036854775808,\"j\":5,\"b\":true,\"z\":\"\",\"error\":\"ECONNREFUSED: "
        "connection refused\"}\n");
}

static void a_text_line_quotes_what_needs_it(void **state)
{
    (void)state;
    const char *line =
        line_of(LOG_TEXT, "it broke\nagain",
                (const struct log_field[]){LOG_STR("a", "plain"), LOG_STR("b", "two words"),
                                           LOG_STR("c", ""), LOG_STR("d", "x=y"),
                                           LOG_BOOL("e", false), LOG_U64("f", 0), LOG_END});
    assert_string_equal(
        line + 24, " WARN it broke\\nagain a=plain b=\"two words\" c=\"\" d=\"x=y\" e=false f=0\n");
}

static void a_long_text_is_cut_and_marked(void **state)
{
    (void)state;
    static char big[20000];
    memset(big, 'a', sizeof(big) - 1);
    for (int format = LOG_JSON; format <= LOG_TEXT; format++) {
        for (int c = 1; c < 4; c++) { /* one byte a character, six, two */
            memset(big, c == 1 ? 'a' : c == 2 ? '\x01' : '"', sizeof(big) - 1);
            struct log_field fields[12];
            for (size_t i = 0; i < 11; i++)
                fields[i] = LOG_STR("field", big);
            fields[11] = LOG_END;
            const char *line = line_of((enum log_format)format, big, fields);
            assert_non_null(strstr(line, "…"));
            assert_true(strlen(line) > LOG_LINE_MAX - 128);
        }
    }
    const char *line = line_of(
        LOG_JSON, "m", (const struct log_field[]){LOG_STR("a", big), LOG_U64("b", 1), LOG_END});
    assert_non_null(strstr(line, "…\",\"b\":1}\n"));
}

static void errors_have_names(void **state)
{
    (void)state;
    assert_string_equal(log_errno(-ENOMEM), "ENOMEM: cannot allocate memory");
    assert_string_equal(log_errno(0), "no error");
    assert_string_equal(log_errno(-3008), "unknown error");
    assert_string_equal(log_errno(INT32_MIN), "unknown error");
}

/* ---- the rings and the thread ---- */

static void stop_writes_all_that_was_logged(void **state)
{
    (void)state;
    struct log_options o = options(LOG_TEXT, 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(log_start(&o), OK);
    assert_true(log_on(LOG_INFO));
    assert_false(log_on(LOG_DEBUG));
    log_event(LOG_INFO, "first", LOG_END);
    log_event(LOG_DEBUG, "not this", LOG_END);
    log_event(LOG_ERROR, "second", LOG_U64("n", 2), LOG_END);
    log_stop();
    log_stop();
    size_t n;
    char *text = read_file(path, &n);
    assert_string_equal(strchr(text, ' '), strstr(text, " INFO first\n20"));
    assert_string_equal(strstr(text, " ERROR"), " ERROR second n=2\n");
    free(text);
}

enum { THREADS = 4, LINES = 20000 };

static void *write_lines(void *arg)
{
    for (unsigned i = 0; i < LINES; i++)
        log_event(LOG_INFO, "line", LOG_U64("thread", (uintptr_t)arg), LOG_U64("n", i), LOG_END);
    return NULL;
}

/* Each thread's lines are whole and ascend; those missing are counted and told. */
static void check_lines(char *text, bool all)
{
    uint64_t next[THREADS] = {0}, seen = 0, told = 0;

    for (char *line = text, *end; *line; line = end + 1) {
        unsigned long thread, n;
        end = strchr(line, '\n');
        assert_non_null(end);
        if (sscanf(line + 24, " WARN log lines were lost lines=%lu", &n) == 1) {
            told += n;
            continue;
        }
        assert_int_equal(sscanf(line + 24, " INFO line thread=%lu n=%lu", &thread, &n), 2);
        assert_true(thread < THREADS && n >= next[thread]);
        next[thread] = n + 1;
        seen++;
    }
    if (all)
        assert_int_equal(told, 0);
    assert_int_equal(seen + told, THREADS * LINES);
}

static void run_threads(size_t ring_bytes, bool all)
{
    struct log_options o = options(LOG_TEXT, ring_bytes);
    uint64_t before = log_dropped();
    pthread_t threads[THREADS];
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(log_start(&o), OK);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_stop();
    size_t n;
    char *text = read_file(path, &n);
    check_lines(text, all);
    if (all)
        assert_int_equal(log_dropped(), before);
    free(text);
}

static void threads_that_ended_lose_nothing(void **state)
{
    (void)state;
    run_threads(4 << 20, true);
}

static void what_a_full_ring_drops_is_counted(void **state)
{
    (void)state;
    run_threads(8192, false);
}

static void reopen_goes_on_in_the_new_file(void **state)
{
    (void)state;
    struct log_options o = options(LOG_JSON, 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(log_start(&o), OK);
    log_event(LOG_INFO, "one", LOG_END);
    assert_int_equal(rename(path, second_path), 0);
    o.level = LOG_WARN;
    o.format = LOG_TEXT;
    assert_int_equal(log_reopen(&o), OK);
    log_event(LOG_INFO, "not wanted now", LOG_END);
    log_event(LOG_WARN, "two", LOG_END);
    o.path = "/nonexistent/folder/file";
    assert_int_equal(log_reopen(&o), -ENOENT);
    log_event(LOG_WARN, "three", LOG_END);
    log_stop();
    size_t n;
    char *text = read_file(path, &n);
    assert_non_null(strstr(text, " WARN two\n"));
    assert_non_null(strstr(text, " WARN three\n"));
    assert_null(strstr(text, "not wanted"));
    free(text);
    o.path = NULL;
    assert_int_equal(log_reopen(&o), OK); /* not running: only level and format */
}

static void starting_where_nothing_can_be_written_fails(void **state)
{
    (void)state;
    struct log_options o = {LOG_INFO, LOG_JSON, "/nonexistent/folder/file", 0};
    assert_int_equal(log_start(&o), -ENOENT);
}

/* a full disk: every write fails, the lines count as lost, nothing hangs */
static void a_full_disk_loses_lines_and_counts_them(void **state)
{
    (void)state;
    struct log_options o = {LOG_INFO, LOG_JSON, "/dev/full", 0};
    uint64_t before = log_dropped();
    if (log_start(&o) < 0)
        skip();
    for (int i = 0; i < 10; i++)
        log_event(LOG_INFO, "lost", LOG_END);
    log_stop();
    assert_int_equal(log_dropped(), before + 10);
}

/* Standard error is often a pipe; whoever reads it may have stopped. */
static void a_reader_that_sleeps_holds_nobody_up(void **state)
{
    (void)state;
    struct log_options o = {LOG_INFO, LOG_TEXT, second_path, 64 << 10};
    unlink(second_path);
    assert_int_equal(mkfifo(second_path, 0600), 0);
    int reader = open(second_path, O_RDONLY | O_NONBLOCK);
    uint64_t before = log_dropped();
    assert_int_equal(log_start(&o), OK);
    for (unsigned i = 0; i < 20000; i++) /* more than the pipe and the ring hold */
        log_event(LOG_INFO, "line", LOG_U64("n", i), LOG_END);
    alarm(60); /* the end of a run that hangs */
    assert_int_equal(log_reopen(&o), OK);
    log_stop();
    alarm(0);
    assert_true(log_dropped() > before);
    char first[256];
    assert_true(read(reader, first, sizeof(first)) == sizeof(first));
    assert_non_null(strstr(first, " INFO line n=0\n"));
    close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_has_all_kinds_of_fields),
        cmocka_unit_test(a_text_line_quotes_what_needs_it),
        cmocka_unit_test(a_long_text_is_cut_and_marked),
        cmocka_unit_test(errors_have_names),
        cmocka_unit_test(stop_writes_all_that_was_logged),
        cmocka_unit_test(threads_that_ended_lose_nothing),
        cmocka_unit_test(what_a_full_ring_drops_is_counted),
        cmocka_unit_test(reopen_goes_on_in_the_new_file),
        cmocka_unit_test(starting_where_nothing_can_be_written_fails),
        cmocka_unit_test(a_full_disk_loses_lines_and_counts_them),
        cmocka_unit_test(a_reader_that_sleeps_holds_nobody_up),
    };
    return cmocka_run_group_tests_name("log", tests, make_paths, remove_paths);
}
