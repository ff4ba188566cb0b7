/* resp.c: a reply is read from its beginning each time that more of it has come; what is long in a
 * reply are its bytes, and they are stepped over. */

#include "codec/resp.h"

#include "base/fmt.h"

#include <errno.h>

struct cursor {
    struct slice rest;
    size_t missing; /* bytes that are to come at least, once something was cut */
};

static int cut(struct cursor *c, size_t missing)
{
    c->missing = missing;
    return AGAIN;
}

/* The line up to CR LF, which is taken too. */
static int take_line(struct cursor *c, struct slice *ret)
{
    const char *end = memchr(c->rest.at, '\n', MIN(c->rest.len, (size_t)RESP_LINE));

    if (!end)
        return c->rest.len < RESP_LINE ? cut(c, 1) : -EPROTO;
    size_t n = (size_t)(end - c->rest.at);
    if (n < 2 || end[-1] != '\r')
        return -EPROTO;
    *ret = slice_sub(c->rest, 0, n - 1);
    c->rest = slice_sub(c->rest, n + 1, c->rest.len);
    return OK;
}

static int read_number(struct slice text, int64_t *ret)
{
    bool minus = slice_starts(text, SLICE("-"));
    uint64_t n;

    if (minus)
        text = slice_sub(text, 1, text.len);
    if (slice_to_u64(text, &n) < 0 || n > (uint64_t)INT64_MAX)
        return -EPROTO;
    *ret = minus ? -(int64_t)n : (int64_t)n;
    return OK;
}

/* A length announces what follows; -1 stands for no value. */
static int read_length(struct slice text, struct resp_value *v)
{
    int rc = read_number(text, &v->number);

    if (rc < 0 || v->number < -1)
        return -EPROTO;
    if (v->number == -1)
        v->kind = RESP_NULL;
    return OK;
}

static int take_bytes(struct cursor *c, struct resp_value *v)
{
    if (v->kind == RESP_NULL)
        return OK;
    if (v->number > INT32_MAX) /* Redis itself stops at 512 MB */
        return -EPROTO;
    size_t n = (size_t)v->number;
    if (c->rest.len < n + 2)
        return cut(c, n + 2 - c->rest.len);
    if (c->rest.at[n] != '\r' || c->rest.at[n + 1] != '\n')
        return -EPROTO;
    v->text = slice_sub(c->rest, 0, n);
    c->rest = slice_sub(c->rest, n + 2, c->rest.len);
    return OK;
}

static int take_value(struct cursor *c, struct resp_value *v)
{
    struct slice line;

    *v = (struct resp_value){0};
    int rc = take_line(c, &line);
    if (rc != OK)
        return rc;
    struct slice text = slice_sub(line, 1, line.len);
    switch (line.at[0]) {
    case '+':
        *v = (struct resp_value){RESP_STATUS, .text = text};
        return OK;
    case '-':
        *v = (struct resp_value){RESP_ERROR, .text = text};
        return OK;
    case ':':
        v->kind = RESP_NUMBER;
        return read_number(text, &v->number);
    case '$':
        v->kind = RESP_BYTES;
        rc = read_length(text, v);
        return rc < 0 ? rc : take_bytes(c, v);
    case '*':
        v->kind = RESP_ARRAY;
        return read_length(text, v);
    default:
        return -EPROTO;
    }
}

int resp_read(struct slice bytes, struct resp_reply *ret)
{
    struct cursor c = {.rest = bytes};
    uint64_t wanted = 1;
    int rc = bytes.len ? OK : cut(&c, 1);

    ret->len = 0;
    while (rc == OK && wanted > 0) {
        if (wanted > RESP_VALUES - ret->len)
            return -EMSGSIZE;
        if (c.rest.len == 0) {
            rc = cut(&c, 1);
            break;
        }
        struct resp_value *v = &ret->values[ret->len];
        rc = take_value(&c, v);
        if (rc != OK)
            break;
        ret->len++;
        wanted--;
        if (v->kind == RESP_ARRAY)
            wanted += (uint64_t)v->number;
    }
    ret->bytes = rc == AGAIN ? bytes.len + c.missing : bytes.len - c.rest.len;
    return rc;
}

/* --- commands: written at one go, for the road pays for each --- */

/* Of "$5\r\n", which stands before a word of five bytes. */
static size_t count_len(size_t n)
{
    size_t len = sizeof("$0\r\n") - 1;

    for (; n >= 10; n /= 10)
        len++;
    return len;
}

static char *put_end(char *at)
{
    at[0] = '\r';
    at[1] = '\n';
    return at + 2;
}

static char *put_count(char *at, char kind, size_t n)
{
    *at++ = kind;
    return put_end(at + fmt_u64(at, n));
}

static char *put_word(char *at, struct slice word)
{
    at = put_count(at, '$', word.len);
    if (word.len)
        memcpy(at, word.at, word.len);
    return put_end(at + word.len);
}

int resp_add_command(struct buf *out, const struct slice *words, size_t n)
{
    size_t len = count_len(n);

    for (size_t i = 0; i < n; i++)
        len += count_len(words[i].len) + words[i].len + 2;
    int rc = buf_reserve(out, len);
    if (rc < 0) {
        out->rc = OK;
        return rc;
    }
    char *at = put_count(out->at + out->len, '*', n);
    for (size_t i = 0; i < n; i++)
        at = put_word(at, words[i]);
    out->len += len;
    return OK;
}
