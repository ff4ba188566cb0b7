/* record_bytes.c: see record_bytes.h. */

#include "service/record_bytes.h"

#include <errno.h>

enum { FIXED = offsetof(struct record, request_id) };

#define TEXT(member)                                                                               \
    {                                                                                              \
        offsetof(struct record, member), sizeof(((struct record *)0)->member)                      \
    }
static const struct {
    size_t at, size;
} texts[] = {TEXT(request_id),   TEXT(endpoint), TEXT(requested_model),
             TEXT(served_model), TEXT(provider), TEXT(error_code)};

size_t record_pack(unsigned char *to, const struct record *r)
{
    unsigned char *at = to + FIXED;

    memcpy(to, r, FIXED);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *text = (const char *)r + texts[i].at;
        size_t n = strnlen(text, texts[i].size - 1);
        memcpy(at, text, n);
        at[n] = '\0';
        at += n + 1;
    }
    return (size_t)(at - to);
}

int record_unpack(const unsigned char *from, size_t length, struct record *ret)
{
    const unsigned char *at = from + FIXED, *end = from + length;

    if (length < FIXED)
        return -EBADMSG;
    memcpy(ret, from, FIXED);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t n = strnlen((const char *)at, (size_t)(end - at));
        if (n == (size_t)(end - at) || n >= texts[i].size)
            return -EBADMSG;
        memcpy((char *)ret + texts[i].at, at, n + 1);
        at += n + 1;
    }
    return OK;
}

/* Sixteen bytes a step, multiplied and folded (as wyhash does): 20 ns for a usual record. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t record_sum(uint64_t seed, const unsigned char *at, size_t length)
{
    uint64_t h = fold(seed ^ 0xa0761d6478bd642fu, length ^ 0xe7037ed1a0b428dbu), word[2];

    for (; length >= sizeof(word); at += sizeof(word), length -= sizeof(word)) {
        memcpy(word, at, sizeof(word));
        h = fold(word[0] ^ 0x8ebc6af09c88c6e3u, word[1] ^ h);
    }
    memset(word, 0, sizeof(word));
    memcpy(word, at, length);
    return fold(word[0] ^ 0x589965cc75374cc3u, word[1] ^ h);
}
