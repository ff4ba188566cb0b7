/* answer_repo.c: see answer_repo.h. */

#include "repository/answer_repo.h"

#include "base/fmt.h"
#include "base/list.h"

#include <errno.h>
#include <stdlib.h>

enum { PREFIX_LEN = 15, KEY_TEXT = PREFIX_LEN + 2 * ANSWER_KEY_LEN, MB = 1024 * 1024 };

/* What is on its way to be kept. */
struct put {
    struct redis_call command;
    struct list node; /* in answer_repo.puts */
};

struct answer_repo {
    struct redis *redis;
    struct list puts;
};

int answer_repo_new(struct loop *loop, const struct answer_repo_options *options,
                    struct answer_repo **ret)
{
    struct redis_options redis = {
        .url = options->url,
        .tls = options->tls,
        .limits = redis_limits_usual,
    };
    struct answer_repo *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    list_init(&r->puts);
    redis.limits.bytes = MAX(redis.limits.bytes, 2 * options->value_bytes + MB);
    int rc = redis_new(loop, &redis, &r->redis);
    if (rc < 0) {
        free(r);
        return rc;
    }
    *ret = r;
    return OK;
}

void answer_repo_free(struct answer_repo *r)
{
    if (!r)
        return;
    redis_free(r->redis);
    list_for_each_safe(it, &r->puts) free(list_entry(it, struct put, node));
    free(r);
}

static struct slice key_text(const unsigned char *key, char ret[KEY_TEXT])
{
    static const char hex[] = "0123456789abcdef";

    memcpy(ret, "courier:answer:", PREFIX_LEN);
    for (size_t i = 0; i < ANSWER_KEY_LEN; i++) {
        ret[PREFIX_LEN + 2 * i] = hex[key[i] >> 4];
        ret[PREFIX_LEN + 2 * i + 1] = hex[key[i] & 15];
    }
    return slice_of(ret, KEY_TEXT);
}

static void on_got(struct op *op, int rc)
{
    struct answer_call *call = container_of(op, struct answer_call, command.op);
    const struct resp_reply *reply = call->command.reply;

    if (rc == OK && reply->values[0].kind == RESP_BYTES)
        call->value = reply->values[0].text;
    else if (rc == OK)
        rc = -ENOENT;
    call->op.done(&call->op, rc);
}

int answer_repo_get(struct answer_repo *r, struct answer_call *call, const unsigned char *key,
                    uint64_t deadline_ms)
{
    char text[KEY_TEXT];
    const struct slice words[] = {SLICE("GET"), key_text(key, text)};

    call->command.op.done = on_got;
    return redis_start(r->redis, &call->command, words, ARRAY_LEN(words), deadline_ms);
}

void answer_repo_cancel(struct answer_call *call)
{
    redis_cancel(&call->command);
}

static void put_free(struct put *put)
{
    list_remove(&put->node);
    free(put);
}

static void on_put(struct op *op, int rc)
{
    (void)rc; /* an answer that was not kept is asked for again */
    put_free(container_of(op, struct put, command.op));
}

int answer_repo_put(struct answer_repo *r, const unsigned char *key, struct slice value,
                    uint64_t ttl_ms)
{
    char text[KEY_TEXT], ttl[20];
    const struct slice words[] = {
        SLICE("SET"), key_text(key, text), value, SLICE("PX"), slice_of(ttl, fmt_u64(ttl, ttl_ms)),
    };
    struct put *put = calloc(1, sizeof(*put));

    if (!put)
        return -ENOMEM;
    put->command.op.done = on_put;
    list_add(&r->puts, &put->node);
    int rc = redis_start(r->redis, &put->command, words, ARRAY_LEN(words), 0);
    if (rc < 0)
        put_free(put);
    return rc < 0 ? rc : OK;
}
