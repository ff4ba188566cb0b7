/* test_cache_packing.c: an answer comes back as it was, or not at all. */

#include "service/cache_packing.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const unsigned char seal_key[32] = "0123456789abcdef0123456789abcde";
static const struct cache_key key = {"the key of the answer, 32 bytes"};

static const struct slice pieces[] = {SLICE_INIT("first, "), SLICE_INIT(""), SLICE_INIT("second")};
static const struct cache_answer sample = {
    .content_type = SLICE_INIT("application/json"),
    .provider = SLICE_INIT("box"),
    .body = pieces,
    .body_len = ARRAY_LEN(pieces),
};

static void drop(struct slice sealed)
{
    free((void *)(uintptr_t)sealed.at);
}

static void it_comes_back(void **state)
{
    struct cache_answer answer = sample;
    struct cache_entry *e;
    struct slice sealed;

    (void)state;
    for (int i = 0; i < 2; i++) {
        answer.stream = i;
        assert_int_equal(cache_pack(seal_key, &key, &answer, &sealed), OK);
        assert_true(slice_find(sealed, SLICE("second")) == sealed.len);
        assert_int_equal(cache_unpack(seal_key, &key, sealed, &e), OK);
        assert_int_equal(e->stream, answer.stream);
        assert_true(slice_eq(e->content_type, sample.content_type));
        assert_true(slice_eq(e->provider, sample.provider));
        assert_true(slice_eq(e->body, SLICE("first, second")));
        cache_entry_drop(e);
        drop(sealed);
    }
}

static void nothing_comes_back_as_nothing(void **state)
{
    const struct cache_answer answer = {.stream = true};
    struct cache_entry *e;
    struct slice sealed;

    (void)state;
    assert_int_equal(cache_pack(seal_key, &key, &answer, &sealed), OK);
    assert_int_equal(cache_unpack(seal_key, &key, sealed, &e), OK);
    assert_int_equal(e->body.len + e->content_type.len + e->provider.len, 0);
    cache_entry_drop(e);
    drop(sealed);
}

static void texts_have_a_limit(void **state)
{
    size_t n = UINT16_MAX + 1;
    char *text = calloc(1, n);
    struct cache_answer answer = {.content_type = slice_of(text, n)};
    struct slice sealed;

    (void)state;
    assert_int_equal(cache_pack(seal_key, &key, &answer, &sealed), -EMSGSIZE);
    answer = (struct cache_answer){.provider = slice_of(text, n)};
    assert_int_equal(cache_pack(seal_key, &key, &answer, &sealed), -EMSGSIZE);
    free(text);
}

/* A copy of exactly n bytes: the sanitizer watches its end. */
static int unpack_copy(struct slice sealed, size_t n, size_t flipped, struct cache_entry **ret)
{
    char *text = malloc(n ? n : 1);

    memcpy(text, sealed.at, n);
    if (flipped < n)
        text[flipped] ^= 1;
    int rc = cache_unpack(seal_key, &key, slice_of(text, n), ret);
    free(text);
    return rc;
}

static void cut_or_changed_it_is_none(void **state)
{
    struct cache_entry *e;
    struct slice sealed;

    (void)state;
    assert_int_equal(cache_pack(seal_key, &key, &sample, &sealed), OK);
    for (size_t n = 0; n < sealed.len; n++)
        assert_int_equal(unpack_copy(sealed, n, SIZE_MAX, &e), -EBADMSG);
    for (size_t i = 0; i < sealed.len; i++)
        assert_int_equal(unpack_copy(sealed, sealed.len, i, &e), -EBADMSG);
    drop(sealed);
}

static void of_another_key_or_secret_it_is_none(void **state)
{
    unsigned char other_seal[32] = {0};
    struct cache_key other = key;
    struct cache_entry *e;
    struct slice sealed;

    (void)state;
    other.bytes[31] ^= 1;
    assert_int_equal(cache_pack(seal_key, &key, &sample, &sealed), OK);
    assert_int_equal(cache_unpack(seal_key, &other, sealed, &e), -EBADMSG);
    assert_int_equal(cache_unpack(other_seal, &key, sealed, &e), -EBADMSG);
    drop(sealed);
}

static void out_of_memory_is_told(void **state)
{
    struct cache_entry *e;
    struct slice sealed;
    int rc = -ENOMEM;

    (void)state;
    for (unsigned n = 1; rc < 0; n++) {
        alloc_fail_at(n);
        rc = cache_pack(seal_key, &key, &sample, &sealed);
        if (alloc_fail_hit() && rc == OK) /* OpenSSL went on without */
            drop(sealed), rc = -ENOMEM;
    }
    rc = -ENOMEM;
    for (unsigned n = 1; rc < 0; n++) {
        alloc_fail_at(n);
        rc = cache_unpack(seal_key, &key, sealed, &e);
        if (alloc_fail_hit() && rc == OK)
            cache_entry_drop(e), rc = -ENOMEM;
    }
    cache_entry_drop(e);
    drop(sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back),
        cmocka_unit_test(nothing_comes_back_as_nothing),
        cmocka_unit_test(texts_have_a_limit),
        cmocka_unit_test(cut_or_changed_it_is_none),
        cmocka_unit_test(of_another_key_or_secret_it_is_none),
        cmocka_unit_test(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
