/* crypto.h: the few primitives that courier needs, from OpenSSL, with what is costly made once. */

#pragma once

#include "base/secret.h"
#include "base/slice.h"

enum { SHA256_LEN = 32, SEAL_OVERHEAD = 12 + 16 };

/* HMAC-SHA-256 under a fixed key. One per thread: not shared. */
struct hmac;
struct hmac *hmac_new(struct secret key);
int hmac_sign(struct hmac *h, struct slice text, unsigned char ret[SHA256_LEN]);
void hmac_free(struct hmac *h);

/* HKDF-less key separation: ret = HMAC-SHA-256(secret, label). */
int crypto_derive(struct secret secret, struct slice label, unsigned char ret[SHA256_LEN]);
/* AES-256-GCM: nonce | ciphertext | tag; ret has text.len + SEAL_OVERHEAD bytes. -EIO. */
int crypto_seal(const unsigned char key[SHA256_LEN], struct slice text, struct slice bound,
                unsigned char *ret);
/* The reverse; *ret_len = sealed.len - SEAL_OVERHEAD. -EBADMSG: wrong key, bound text or bytes. */
int crypto_open(const unsigned char key[SHA256_LEN], struct slice sealed, struct slice bound,
                unsigned char *ret, size_t *ret_len);
