/* cache_packing.c: see cache_packing.h. */

#include "service/cache_packing.h"

#include "io/crypto.h"

#include <errno.h>
#include <stdlib.h>

enum { VERSION = 1 };

static struct slice key_bytes(const struct cache_key *key)
{
    return slice_of((const char *)key->bytes, sizeof(key->bytes));
}

static unsigned char *put(unsigned char *at, struct slice text)
{
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

static unsigned char *put_length(unsigned char *at, size_t n)
{
    at[0] = (unsigned char)(n & 0xFF);
    at[1] = (unsigned char)(n >> 8);
    return at + 2;
}

static void write_plain(const struct cache_answer *answer, unsigned char *at)
{
    *at++ = VERSION;
    *at++ = answer->stream;
    at = put_length(at, answer->content_type.len);
    at = put_length(at, answer->provider.len);
    at = put(at, answer->content_type);
    at = put(at, answer->provider);
    for (size_t i = 0; i < answer->body_len; i++)
        at = put(at, answer->body[i]);
}

int cache_pack(const unsigned char *seal_key, const struct cache_key *key,
               const struct cache_answer *answer, struct slice *ret)
{
    if (answer->content_type.len > UINT16_MAX || answer->provider.len > UINT16_MAX)
        return -EMSGSIZE;
    size_t n = CACHE_PACKED_HEAD + answer->content_type.len + answer->provider.len +
               cache_answer_bytes(answer);
    unsigned char *plain = malloc(n), *sealed = malloc(n + SEAL_OVERHEAD);
    int rc = plain && sealed ? OK : -ENOMEM;

    if (rc == OK) {
        write_plain(answer, plain);
        rc = crypto_seal(seal_key, slice_of((char *)plain, n), key_bytes(key), sealed);
    }
    free(plain);
    if (rc < 0)
        free(sealed);
    else
        *ret = slice_of((char *)sealed, n + SEAL_OVERHEAD);
    return rc;
}

static size_t length_at(const unsigned char *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8;
}

/* What was sealed is ours; a later version may be another. */
static int read_plain(const unsigned char *at, size_t n, struct cache_entry **ret)
{
    struct slice rest = slice_of((const char *)at, n), body;

    if (n < CACHE_PACKED_HEAD || at[0] != VERSION)
        return -EBADMSG;
    size_t type = length_at(at + 2), provider = length_at(at + 4);
    rest = slice_sub(rest, CACHE_PACKED_HEAD, n);
    if (rest.len < type + provider)
        return -EBADMSG;
    body = slice_sub(rest, type + provider, rest.len);
    *ret = cache_entry_new(
        &(struct cache_answer){
            .stream = at[1],
            .content_type = slice_sub(rest, 0, type),
            .provider = slice_sub(rest, type, type + provider),
            .body = &body,
            .body_len = 1,
        },
        NULL);
    return *ret ? OK : -ENOMEM;
}

int cache_unpack(const unsigned char *seal_key, const struct cache_key *key, struct slice sealed,
                 struct cache_entry **ret)
{
    unsigned char *plain = malloc(MAX(sealed.len, (size_t)1));
    size_t n = 0;

    if (!plain)
        return -ENOMEM;
    int rc = crypto_open(seal_key, sealed, key_bytes(key), plain, &n);
    if (rc == OK)
        rc = read_plain(plain, n, ret);
    free(plain);
    return rc;
}
