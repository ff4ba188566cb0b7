/* What gates ask of a request. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/fake_server.h"
#include "web/chain.h"
#include "web/exchange.h"

static const struct middleware *const gates[] = {NULL};
static const struct route *const routes[] = {NULL};
static struct chain chain = {.middlewares = gates, .routes = routes};
static const struct route chat = {HTTP_POST, SLICE_INIT("/chat"), .has_call = true};

static struct exchange *begin(void)
{
    struct exchange *x = exchange_new(&chain, &fake.r);

    assert_non_null(x);
    x->route = &chat;
    return x;
}

static void the_key_is_found(void **state)
{
    static const struct {
        const char *authorization, *api_key, *key;
    } cases[] = {
        {"Bearer sk-1",    NULL,   "sk-1"},
        {"bearer sk-1",    NULL,   "sk-1"},
        {"BEARER   sk-1 ", NULL,   "sk-1"},
        {NULL,             "sk-2", "sk-2"},
        {"Bearer sk-1",    "sk-2", "sk-1"},
        {"Basic QTpC",     "sk-2", "sk-2"},
        {"Bearer",         NULL,   ""    },
        {"Bearer ",        NULL,   ""    },
        {"sk-1",           NULL,   ""    },
        {NULL,             NULL,   ""    },
        {"",               NULL,   ""    },
        {"Bearersk-1",     NULL,   ""    },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fake_request(HTTP_POST, "POST", "/chat");
        if (cases[i].authorization)
            fake_field("Authorization", cases[i].authorization);
        if (cases[i].api_key)
            fake_field("X-Api-Key", cases[i].api_key);
        struct slice key = exchange_bearer(begin());
        assert_true(slice_eq(key, slice_str(cases[i].key)));
        fake_clear();
    }
}

static void a_call_is_read_once(void **state)
{
    struct fault fault;

    (void)state;
    fake_request(HTTP_POST, "POST", "/chat");
    fake_body("{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\"}]}");
    struct exchange *x = begin();
    const struct call *call = exchange_call(x, &fault);
    assert_non_null(call);
    assert_true(call->stream);
    assert_ptr_equal(exchange_call(x, &fault), call);
    assert_true(slice_eq(x->outcome.requested_model, SLICE("m")));
    assert_true(x->outcome.stream);
    fake_clear();

    fake_request(HTTP_POST, "POST", "/chat");
    fake_body("{\"messages\":[{}]}");
    x = begin();
    assert_null(exchange_call(x, &fault));
    assert_int_equal(fault.kind, FAULT_MISSING_MEMBER);
    assert_true(slice_eq(fault.param, SLICE("model")));
    fake_clear();
}

static void without_memory_there_is_no_call(void **state)
{
    struct fault fault;

    (void)state;
    fake_request(HTTP_POST, "POST", "/chat");
    fake_body("{\"model\":\"\\u006d\",\"messages\":[{}]}");
    struct exchange *x = begin();
    while (x->arena->end - x->arena->next >= 16)
        arena_alloc(x->arena, 16);
    alloc_fail_at(1);
    assert_null(exchange_call(x, &fault));
    alloc_fail_at(0);
    assert_int_equal(fault.kind, FAULT_INTERNAL);
    fake_clear();
}

static void too_many_fields_are_left_out(void **state)
{
    (void)state;
    fake_request(HTTP_POST, "POST", "/chat");
    struct exchange *x = begin();
    for (int i = 0; i < EXCHANGE_HEADERS + 5; i++)
        exchange_header(x, SLICE("a"), SLICE("b"));
    assert_int_equal(x->headers_len, EXCHANGE_HEADERS);
    fake_clear();
}

static void an_exchange_is_small(void **state)
{
    (void)state;
    /* ten thousand open streams hold one each */
    assert_true(sizeof(struct exchange) <= 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_found),
        cmocka_unit_test(a_call_is_read_once),
        cmocka_unit_test(without_memory_there_is_no_call),
        cmocka_unit_test(too_many_fields_are_left_out),
        cmocka_unit_test(an_exchange_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
