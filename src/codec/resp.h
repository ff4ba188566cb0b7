/* resp.h: Redis' protocol, RESP2 (redis.io/docs/latest/develop/reference/protocol-spec). */

#pragma once

#include "base/buf.h"

enum resp_kind { RESP_STATUS, RESP_ERROR, RESP_NUMBER, RESP_BYTES, RESP_NULL, RESP_ARRAY };

struct resp_value {
    enum resp_kind kind;
    struct slice text; /* STATUS, ERROR and BYTES; borrowed from what was read */
    int64_t number;    /* NUMBER; ARRAY: how many elements it has */
};

/* A reply is one value, or an array and behind it its elements, in the order in which they came. */
enum { RESP_VALUES = 64, RESP_LINE = 64 * 1024 };
struct resp_reply {
    struct resp_value values[RESP_VALUES];
    size_t len;
    size_t bytes; /* that it took; while it is cut: how many it takes at least */
};

/* Reads the reply that bytes begin with. OK; AGAIN: it is cut; -EPROTO: this is no RESP2, or a line
 * of more than RESP_LINE; -EMSGSIZE: more than RESP_VALUES values. */
int resp_read(struct slice bytes, struct resp_reply *ret);

/* Appends a command: its name and arguments, any bytes. Failed (-ENOMEM, -EMSGSIZE): out is as it
 * was, and takes more when there is room again. */
int resp_add_command(struct buf *out, const struct slice *words, size_t n);
