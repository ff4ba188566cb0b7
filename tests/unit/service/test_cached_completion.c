/* test_cached_completion.c: what is asked of the router, what is written down, and what is given
 * again. The router, the client and, where it matters, the store are played. */

#include "service/cached_completion.h"

#include "router/registry.h"
#include "service/cache_memory.h"
#include "service/completion_private.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ROOM = 256 * 1024, ENTRY = 32 * 1024, HEARD = 256 * 1024 };

static struct bench {
    struct cache_memory *memory;
    struct cache *cache;
    struct registry_model model;
    struct principal principal;
    struct cache_wish wish;
    int wish_rc;

    /* the store, when it is played */
    struct cache_store store;
    int fetch_rc;
    struct cache_fetch *waiting;
    unsigned cancels;

    /* one call */
    struct arena arena;
    struct completion completion;
    struct outcome outcome;
    struct cached_completion *call;
    struct fault fault;
    struct sink *router; /* where the router answers; NULL: it was not asked */
    int router_rc;

    /* the client */
    struct sink sink;
    struct sink_head head;
    bool has_head, ended, full, gone;
    enum fault_kind failed;
    char *heard;
    size_t heard_len;
    unsigned writes;
} b;

/* --- played --- */

int completion_ask_router(struct completion *c, const struct completion_ask *ask,
                          const struct registry_model *model, struct arena *a,
                          struct fault *ret_fault)
{
    assert_ptr_equal(c, &b.completion);
    assert_ptr_equal(model, &b.model);
    assert_ptr_equal(a, &b.arena);
    b.router = ask->sink;
    if (b.router_rc < 0)
        *ret_fault = (struct fault){.kind = FAULT_UPSTREAM_CONNECT};
    return b.router_rc;
}

static int on_head(struct sink *s, const struct sink_head *head)
{
    assert_ptr_equal(s, &b.sink);
    assert_false(b.has_head);
    b.has_head = true;
    b.head = *head;
    return b.gone ? -EPIPE : OK;
}

static int on_bytes(struct sink *s, const struct slice *spans, size_t n, bool last)
{
    assert_ptr_equal(s, &b.sink);
    assert_false(b.ended);
    b.writes++;
    for (size_t i = 0; i < n; i++) {
        assert_true(b.heard_len + spans[i].len <= HEARD);
        memcpy(b.heard + b.heard_len, spans[i].at, spans[i].len);
        b.heard_len += spans[i].len;
    }
    b.ended = last;
    return b.gone ? -EPIPE : b.full ? AGAIN : OK;
}

static void on_fault(struct sink *s, const struct fault *fault)
{
    assert_ptr_equal(s, &b.sink);
    b.failed = fault->kind;
}

static const struct sink_events events = {on_head, on_bytes, on_fault};

static int wish(void *caller, struct cache_wish *ret)
{
    assert_ptr_equal(caller, &b);
    *ret = b.wish;
    return b.wish_rc;
}

static int played_fetch(struct cache_store *s, const struct cache_key *key, struct cache_fetch *f)
{
    (void)s;
    (void)key;
    if (b.fetch_rc == AGAIN)
        b.waiting = f;
    return b.fetch_rc;
}

static void played_cancel(struct cache_store *s, struct cache_fetch *f)
{
    (void)s;
    assert_ptr_equal(f, b.waiting);
    b.waiting = NULL;
    b.cancels++;
}

static int played_keep(struct cache_store *s, const struct cache_key *key,
                       const struct cache_answer *answer, uint64_t ttl_ms)
{
    (void)s;
    (void)key;
    (void)answer;
    (void)ttl_ms;
    return -EAGAIN;
}

static void played_close(struct cache_store *s)
{
    assert_ptr_equal(s, &b.store);
}

static const struct cache_store_methods played_methods = {played_fetch, played_cancel, played_keep,
                                                          played_close};

/* --- the bench --- */

static void open_cache(struct cache_store *store)
{
    const struct cache_options options = {
        .store = store,
        .memory = b.memory,
        .hash_key = secret_of(SLICE("0123456789abcdef0123456789abcdef")),
        .entry_bytes = ENTRY,
    };

    cache_free(b.cache);
    b.cache = cache_new(&options);
    assert_non_null(b.cache);
}

static void play_store(int rc)
{
    b.store.methods = &played_methods;
    b.fetch_rc = rc;
    open_cache(&b.store);
}

static int setup(void **state)
{
    (void)state;
    b = (struct bench){
        .model = {.name = SLICE("m"), .cache_ms = 60000, .definition = SLICE("d")},
        .principal = {.key_id = 7       },
        .wish = {.identity = SLICE("the call"),      .look = true,                  .keep = true             },
        .sink.events = &events,
        .heard = malloc(HEARD),
        .memory = cache_memory_new(ROOM),
        .router_rc = AGAIN,
    };
    open_cache(cache_memory_store(b.memory));
    arena_init(&b.arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&b.arena);
    cache_free(b.cache);
    cache_memory_free(b.memory);
    free(b.heard);
    return 0;
}

static struct cache_counters *counters(void)
{
    return cache_memory_counters(b.memory);
}

static size_t used(void)
{
    struct cache_memory_state state;

    cache_memory_state(b.memory, &state);
    return state.bytes;
}

/* Ends the call before, begins another. */
static int start(void)
{
    arena_clear(&b.arena);
    b.outcome = (struct outcome){.status = OUTCOME_OK};
    b.router = NULL;
    b.has_head = b.ended = false;
    b.failed = FAULT_NONE;
    b.heard_len = 0;
    b.writes = 0;
    b.fault.kind = FAULT_NONE;
    b.call = arena_new(&b.arena, struct cached_completion);
    if (!b.call)
        return -ENOMEM;
    b.call->ask = (struct completion_ask){
        .principal = &b.principal,
        .sink = &b.sink,
        .outcome = &b.outcome,
        .cache = b.cache,
        .wish = wish,
        .caller = &b,
    };
    b.call->completion = &b.completion;
    b.call->model = &b.model;
    b.call->arena = &b.arena;
    return cached_completion_start(b.call, &b.fault);
}

static void begin(bool stream, bool early)
{
    const struct sink_head head = {
        .status = 200,
        .stream = stream,
        .early = early,
        .content_type = stream ? SLICE("") : SLICE("application/json"),
    };

    b.outcome.attempts = early ? 0 : 1;
    b.outcome.provider = SLICE("box");
    b.router->events->on_head(b.router, &head);
}

static int say(const char *text, bool last)
{
    const struct slice span = slice_str(text);

    b.outcome.first_token_us = 1;
    return b.router->events->on_bytes(b.router, &span, 1, last);
}

static void answer_whole(const char *text)
{
    begin(false, false);
    say(text, true);
}

static void assert_miss(void)
{
    assert_int_equal(start(), AGAIN);
    assert_non_null(b.router);
    assert_int_equal(b.outcome.cache, OUTCOME_CACHE_MISS);
}

static void assert_hit(const char *text)
{
    assert_int_equal(start(), OK);
    assert_null(b.router);
    assert_int_equal(b.outcome.cache, OUTCOME_CACHE_HIT);
    assert_true(b.ended);
    assert_true(slice_eq(slice_of(b.heard, b.heard_len), slice_str(text)));
}

/* --- whole answers --- */

static void an_answer_is_given_again(void **state)
{
    (void)state;
    assert_miss();
    answer_whole("one");
    assert_true(b.ended);
    assert_hit("one");
    assert_false(b.head.stream);
    assert_int_equal(b.head.status, 200);
    assert_int_equal(b.head.content_length, 3);
    assert_true(slice_eq(b.head.content_type, SLICE("application/json")));
    assert_true(slice_eq(b.outcome.served_model, SLICE("m")));
    assert_true(slice_eq(b.outcome.provider, SLICE("box")));
    assert_int_equal(b.outcome.attempts, 0);
    assert_int_equal(b.outcome.usage.source, USAGE_NONE);
    assert_true(cached_completion_proceed(b.call)); /* harmless */
    assert_true(cached_completion_cancel(b.call));
    assert_int_equal(counters()->hits, 1);
    assert_int_equal(counters()->misses, 1);
    assert_int_equal(counters()->stores, 1);
}

static void every_part_of_a_key_counts(void **state)
{
    (void)state;
    assert_miss();
    answer_whole("one");
    b.wish.identity = SLICE("another call");
    assert_miss();
    b.wish.identity = SLICE("the call");
    b.model.definition = SLICE("e");
    assert_miss();
    b.model.definition = SLICE("d");
    b.principal.key_id = 8;
    assert_miss();
    b.model.cache_shared = true;
    assert_miss();
    answer_whole("shared");
    b.principal.key_id = 9;
    assert_hit("shared");
    b.model.cache_shared = false;
    b.principal.key_id = 0; /* nobody's id is everybody's */
    assert_miss();
    b.principal.key_id = 7;
    assert_hit("one");
}

static void a_caller_decides(void **state)
{
    (void)state;
    b.wish.keep = b.wish.look = false;
    assert_miss();
    assert_ptr_equal(b.router, &b.sink); /* nothing stands between */
    b.wish.look = true;
    assert_miss();
    assert_ptr_equal(b.router, &b.sink);
    b.wish.keep = true;
    assert_miss();
    answer_whole("one");
    b.wish.look = false;
    assert_miss();
    answer_whole("two");
    b.wish.look = true;
    assert_hit("two");
    b.wish_rc = -ENOTSUP;
    assert_miss();
    assert_ptr_equal(b.router, &b.sink);
}

static void what_is_no_good_answer_is_not_kept(void **state)
{
    (void)state;
    assert_miss();
    b.outcome.fallback_used = true;
    answer_whole("a fallback's");
    assert_miss();
    b.router->events->on_fault(b.router, &(struct fault){.kind = FAULT_UPSTREAM_ERROR});
    assert_int_equal(b.failed, FAULT_UPSTREAM_ERROR);
    assert_miss();
    begin(true, false);
    say("half", false);
    b.router->events->on_fault(b.router, &(struct fault){.kind = FAULT_UPSTREAM_INTERRUPTED});
    assert_miss();
    begin(true, false);
    say("half", false);
    b.outcome.attempts++; /* rescued */
    say(" other half", true);
    assert_miss();
    begin(true, false);
    say("half", false); /* and the client leaves */
    assert_miss();
    assert_int_equal(counters()->stores, 0);
}

static void the_router_says_no(void **state)
{
    (void)state;
    b.router_rc = -EPERM;
    assert_int_equal(start(), -EPERM);
    assert_int_equal(b.fault.kind, FAULT_UPSTREAM_CONNECT);
}

/* --- streams --- */

static void a_stream_is_given_again(void **state)
{
    (void)state;
    assert_miss();
    begin(true, false);
    say("one,", false);
    say("two,", false);
    say("three", true);
    assert_hit("one,two,three");
    assert_true(b.head.stream);
    assert_true(b.outcome.first_token_us > 0);
}

static void one_write_is_a_stream_too(void **state)
{
    (void)state;
    assert_miss();
    begin(true, false);
    say("all", true);
    assert_hit("all");
    assert_true(b.head.stream);
}

static void comments_before_it_are_left_out(void **state)
{
    const struct slice comment = SLICE(": keep-alive\n\n");

    (void)state;
    assert_miss();
    begin(true, true);
    b.router->events->on_bytes(b.router, &comment, 1, false);
    b.outcome.attempts = 2; /* the first one failed meanwhile */
    say("one,", false);
    say("two", true);
    assert_true(slice_eq(slice_of(b.heard, b.heard_len), SLICE(": keep-alive\n\none,two")));
    assert_hit("one,two");
}

static void fill(size_t n)
{
    static char text[4097];

    memset(text, 'x', 4096);
    text[4096] = 0;
    for (; n > 4096; n -= 4096)
        assert_int_equal(say(text, false), OK);
    text[n] = 0;
    assert_int_equal(say(text, true), OK);
}

static void a_slow_client_is_waited_for(void **state)
{
    (void)state;
    assert_miss();
    begin(true, false);
    fill(ENTRY);
    b.full = true;
    assert_int_equal(start(), AGAIN);
    assert_int_equal(b.writes, 1);
    assert_true(b.heard_len < ENTRY);
    assert_true(cached_completion_proceed(b.call));
    assert_int_equal(b.heard_len, ENTRY);
    assert_true(b.ended);
    assert_int_equal(b.writes, 2);

    assert_int_equal(start(), AGAIN);
    assert_true(cached_completion_cancel(b.call)); /* it left */
    assert_true(cached_completion_proceed(b.call));
    assert_int_equal(b.writes, 1);

    b.gone = true;
    assert_int_equal(start(), OK);
    assert_int_equal(b.writes, 0); /* the head told it */
    b.gone = b.full = false;
}

static void too_much_is_not_kept(void **state)
{
    size_t before = used();

    (void)state;
    assert_miss();
    begin(true, false);
    fill(ENTRY + 1);
    assert_int_equal(b.heard_len, ENTRY + 1);
    assert_int_equal(used(), before);
    assert_int_equal(counters()->too_large, 1);
    assert_miss();
    char *text = calloc(1, ENTRY + 2);
    memset(text, 'x', ENTRY + 1);
    answer_whole(text);
    free(text);
    assert_int_equal(counters()->too_large, 2);
    assert_miss();
    assert_int_equal(used(), before);
}

static void without_room_it_passes(void **state)
{
    (void)state;
    assert_true(cache_memory_take(b.memory, ROOM - 16 * 1024));
    assert_miss();
    begin(true, false);
    fill(16 * 1024);
    assert_int_equal(b.heard_len, 16 * 1024);
    assert_miss();
    assert_int_equal(counters()->stores, 0);
}

static void what_is_written_down_is_counted(void **state)
{
    size_t before = used();

    (void)state;
    assert_miss();
    begin(true, false);
    say("one", false);
    assert_true(used() >= before + 3);
    arena_clear(&b.arena); /* the client left */
    assert_int_equal(used(), before);
}

/* --- a store that takes its time --- */

static void finish_fetch(int rc, struct cache_entry *entry)
{
    struct cache_fetch *f = b.waiting;

    b.waiting = NULL;
    f->entry = entry;
    f->op.done(&f->op, rc);
}

static void a_late_hit(void **state)
{
    const struct slice body = SLICE("late");
    const struct cache_answer answer = {.provider = SLICE("box"), .body = &body, .body_len = 1};

    (void)state;
    play_store(AGAIN);
    assert_int_equal(start(), AGAIN);
    assert_null(b.router);
    assert_false(b.has_head);
    finish_fetch(OK, cache_entry_new(&answer, NULL));
    assert_true(b.ended);
    assert_int_equal(b.outcome.cache, OUTCOME_CACHE_HIT);
    assert_int_equal(counters()->hits, 1);
}

static void a_late_miss(void **state)
{
    (void)state;
    play_store(AGAIN);
    assert_int_equal(start(), AGAIN);
    finish_fetch(-ETIMEDOUT, NULL);
    assert_non_null(b.router);
    assert_int_equal(b.outcome.cache, OUTCOME_CACHE_MISS);
    assert_int_equal(counters()->unanswered, 1);
    answer_whole("one");
    assert_int_equal(counters()->refused, 1); /* it was not taken either */
    assert_false(cached_completion_proceed(b.call));
    assert_false(cached_completion_cancel(b.call));

    b.router_rc = -EPERM;
    assert_int_equal(start(), AGAIN);
    finish_fetch(-ENOENT, NULL);
    assert_int_equal(b.failed, FAULT_UPSTREAM_CONNECT);
}

static void a_client_leaves_while_it_is_looked_for(void **state)
{
    (void)state;
    play_store(AGAIN);
    assert_int_equal(start(), AGAIN);
    assert_true(cached_completion_cancel(b.call));
    assert_true(cached_completion_cancel(b.call));
    assert_int_equal(b.cancels, 1);
    assert_int_equal(start(), AGAIN);
    arena_clear(&b.arena);
    assert_int_equal(b.cancels, 2);
}

static void a_store_that_fails_is_a_miss(void **state)
{
    (void)state;
    play_store(-ENOTCONN);
    assert_miss();
    assert_int_equal(counters()->unanswered, 1);
    assert_int_equal(counters()->misses, 0);
}

/* --- without memory it is a miss, and the answer passes --- */

static void out_of_memory_costs_nothing_else(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = start();
        if (rc == AGAIN) {
            begin(true, false);
            say("one,", false);
            say("two", true);
        }
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_true(rc == AGAIN || (hit && rc == -ENOMEM));
        if (rc == AGAIN)
            assert_true(slice_eq(slice_of(b.heard, b.heard_len), SLICE("one,two")));
        if (!hit)
            break;
        b.wish.look = false;
    }
    b.wish.look = true;
    assert_hit("one,two");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_given_again),
        TEST(every_part_of_a_key_counts),
        TEST(a_caller_decides),
        TEST(what_is_no_good_answer_is_not_kept),
        TEST(the_router_says_no),
        TEST(a_stream_is_given_again),
        TEST(one_write_is_a_stream_too),
        TEST(comments_before_it_are_left_out),
        TEST(a_slow_client_is_waited_for),
        TEST(too_much_is_not_kept),
        TEST(without_room_it_passes),
        TEST(what_is_written_down_is_counted),
        TEST(a_late_hit),
        TEST(a_late_miss),
        TEST(a_client_leaves_while_it_is_looked_for),
        TEST(a_store_that_fails_is_a_miss),
        TEST(out_of_memory_costs_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
