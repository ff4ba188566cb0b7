/* test_crypto.c: known answers, and that nothing altered opens. */

#include "io/crypto.h"

#include "base/fmt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_hex(const unsigned char *bytes, size_t n, const char *hex)
{
    char text[128];

    fmt_hex(text, bytes, n);
    assert_memory_equal(text, hex, n * 2);
}

/* RFC 4231, test cases 2 and 6 (a key longer than a block). */
static void test_hmac_known_answers(void **state)
{
    unsigned char mac[SHA256_LEN], key[131];
    (void)state;

    struct hmac *h = hmac_new(secret_of(SLICE("Jefe")));
    assert_non_null(h);
    for (unsigned i = 0; i < 3; i++) { /* the same context, again and again */
        assert_int_equal(hmac_sign(h, SLICE("what do ya want for nothing?"), mac), OK);
        assert_hex(mac, SHA256_LEN,
                   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
    hmac_free(h);

    memset(key, 0xaa, sizeof(key));
    h = hmac_new(secret_of(slice_of((const char *)key, sizeof(key))));
    assert_int_equal(
        hmac_sign(h, SLICE("Test Using Larger Than Block-Size Key - Hash Key First"), mac), OK);
    assert_hex(mac, SHA256_LEN, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_free(h);
    hmac_free(NULL);
}

static void test_derived_keys_differ_by_label(void **state)
{
    unsigned char a[SHA256_LEN], b[SHA256_LEN];
    struct secret secret = secret_of(SLICE("master"));
    (void)state;

    assert_int_equal(crypto_derive(secret, SLICE("keys"), a), OK);
    assert_int_equal(crypto_derive(secret, SLICE("seal"), b), OK);
    assert_memory_not_equal(a, b, SHA256_LEN);
    assert_int_equal(crypto_derive(secret_of((struct slice){0}), (struct slice){0}, a), OK);
}

static void test_sealed_text_opens(void **state)
{
    static const char *const texts[] = {"", "x", "sk-a-provider's-key-0123456789"};
    unsigned char key[SHA256_LEN] = {1, 2, 3};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice text = slice_str(texts[i]);
        unsigned char sealed[128], again[128], opened[128];
        size_t len;
        assert_int_equal(crypto_seal(key, text, SLICE("row 7"), sealed), OK);
        assert_int_equal(crypto_seal(key, text, SLICE("row 7"), again), OK);
        assert_memory_not_equal(sealed, again, 12); /* a nonce of its own each time */
        struct slice box = slice_of((const char *)sealed, text.len + SEAL_OVERHEAD);
        assert_int_equal(crypto_open(key, box, SLICE("row 7"), opened, &len), OK);
        assert_int_equal(len, text.len);
        if (len)
            assert_memory_equal(opened, text.at, len);
    }
}

static void test_nothing_altered_opens(void **state)
{
    unsigned char key[SHA256_LEN] = {9}, other[SHA256_LEN] = {8};
    unsigned char sealed[64] = {0}, opened[64];
    struct slice text = SLICE("secret text");
    size_t n = text.len + SEAL_OVERHEAD, len;
    struct slice box = slice_of((const char *)sealed, n);
    (void)state;

    assert_int_equal(crypto_seal(key, text, SLICE("a"), sealed), OK);
    for (size_t i = 0; i < n * 8; i++) {
        sealed[i / 8] ^= (unsigned char)(1u << (i % 8));
        assert_int_equal(crypto_open(key, box, SLICE("a"), opened, &len), -EBADMSG);
        sealed[i / 8] ^= (unsigned char)(1u << (i % 8));
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(crypto_open(key, slice_sub(box, 0, cut), SLICE("a"), opened, &len),
                         -EBADMSG);
    assert_int_equal(crypto_open(other, box, SLICE("a"), opened, &len), -EBADMSG);
    assert_int_equal(crypto_open(key, box, SLICE("b"), opened, &len), -EBADMSG);
    assert_int_equal(crypto_open(key, box, SLICE("a"), opened, &len), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac_known_answers),
        cmocka_unit_test(test_derived_keys_differ_by_label),
        cmocka_unit_test(test_sealed_text_opens),
        cmocka_unit_test(test_nothing_altered_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
