/* crypto.c: HMAC-SHA-256 and AES-256-GCM from OpenSSL. */

#include "io/crypto.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>

enum { NONCE_LEN = 12, TAG_LEN = 16 };

struct hmac {
    EVP_MAC_CTX *ctx; /* keyed once; init without a key starts a new text under the same key */
};

static EVP_MAC_CTX *hmac_keyed(struct slice key)
{
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("digest", (char[]){"SHA256"}, 6), OSSL_PARAM_END};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    const unsigned char *at = (const unsigned char *)(key.len ? key.at : "");

    EVP_MAC_free(mac); /* the context holds its own reference */
    if (ctx && EVP_MAC_init(ctx, at, key.len, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

struct hmac *hmac_new(struct secret key)
{
    struct hmac *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->ctx = hmac_keyed(secret_reveal(key));
    if (!h->ctx) {
        free(h);
        return NULL;
    }
    return h;
}

int hmac_sign(struct hmac *h, struct slice text, unsigned char ret[SHA256_LEN])
{
    size_t len = 0;

    if (EVP_MAC_init(h->ctx, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(h->ctx, (const unsigned char *)(text.len ? text.at : ""), text.len) != 1 ||
        EVP_MAC_final(h->ctx, ret, &len, SHA256_LEN) != 1)
        return -EIO;
    return OK;
}

void hmac_free(struct hmac *h)
{
    if (!h)
        return;
    EVP_MAC_CTX_free(h->ctx);
    free(h);
}

int crypto_derive(struct secret secret, struct slice label, unsigned char ret[SHA256_LEN])
{
    struct hmac *h = hmac_new(secret);

    if (!h)
        return -ENOMEM;
    int rc = hmac_sign(h, label, ret);
    hmac_free(h);
    return rc;
}

static const unsigned char *bytes_of(struct slice s)
{
    return (const unsigned char *)(s.len ? s.at : "");
}

static bool seal_with(EVP_CIPHER_CTX *ctx, const unsigned char *key, struct slice text,
                      struct slice bound, unsigned char *ret)
{
    unsigned char *out = ret + NONCE_LEN;
    int n;

    return RAND_bytes(ret, NONCE_LEN) == 1 &&
           EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, ret, NULL) == 1 &&
           EVP_EncryptUpdate(ctx, NULL, &n, bytes_of(bound), (int)bound.len) == 1 &&
           EVP_EncryptUpdate(ctx, out, &n, bytes_of(text), (int)text.len) == 1 &&
           EVP_EncryptFinal_ex(ctx, out + n, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, out + text.len) == 1;
}

int crypto_seal(const unsigned char key[SHA256_LEN], struct slice text, struct slice bound,
                unsigned char *ret)
{
    if (text.len > INT32_MAX - SEAL_OVERHEAD || bound.len > INT32_MAX)
        return -EIO;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && seal_with(ctx, key, text, bound, ret);

    EVP_CIPHER_CTX_free(ctx);
    return ok ? OK : -EIO;
}

static bool open_with(EVP_CIPHER_CTX *ctx, const unsigned char *key, struct slice sealed,
                      struct slice bound, unsigned char *ret)
{
    const unsigned char *nonce = bytes_of(sealed);
    size_t len = sealed.len - SEAL_OVERHEAD;
    unsigned char tag[TAG_LEN];
    int n;

    memcpy(tag, nonce + NONCE_LEN + len, TAG_LEN);
    return EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, NULL, &n, bytes_of(bound), (int)bound.len) == 1 &&
           EVP_DecryptUpdate(ctx, ret, &n, nonce + NONCE_LEN, (int)len) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, ret + len, &n) == 1;
}

int crypto_open(const unsigned char key[SHA256_LEN], struct slice sealed, struct slice bound,
                unsigned char *ret, size_t *ret_len)
{
    if (sealed.len < SEAL_OVERHEAD || sealed.len > INT32_MAX || bound.len > INT32_MAX)
        return -EBADMSG;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && open_with(ctx, key, sealed, bound, ret);

    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        secret_wipe(ret, sealed.len - SEAL_OVERHEAD); /* what did not verify is nobody's */
        return -EBADMSG;
    }
    *ret_len = sealed.len - SEAL_OVERHEAD;
    return OK;
}
