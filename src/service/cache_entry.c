/* cache_entry.c: see cache_entry.h. */

#include "service/cache_entry.h"

#include "service/cache_room.h"

#include <stdlib.h>

size_t cache_answer_bytes(const struct cache_answer *answer)
{
    size_t sum = 0;

    for (size_t i = 0; i < answer->body_len; i++)
        sum += answer->body[i].len;
    return sum;
}

size_t cache_entry_size(const struct cache_answer *answer)
{
    return sizeof(struct cache_entry) + answer->content_type.len + answer->provider.len +
           cache_answer_bytes(answer);
}

static struct slice put(char **at, struct slice text)
{
    struct slice copy = slice_of(*at, text.len);

    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return copy;
}

struct cache_entry *cache_entry_new(const struct cache_answer *answer, struct cache_room *room)
{
    size_t bytes = cache_entry_size(answer);
    struct cache_entry *e = malloc(bytes);

    if (!e)
        return NULL;
    *e = (struct cache_entry){.room = room, .bytes = bytes, .stream = answer->stream};
    atomic_init(&e->holders, 1);
    char *at = (char *)(e + 1);
    e->content_type = put(&at, answer->content_type);
    e->provider = put(&at, answer->provider);
    e->body = slice_of(at, 0);
    for (size_t i = 0; i < answer->body_len; i++)
        e->body.len += put(&at, answer->body[i]).len;
    return e;
}

void cache_entry_hold(struct cache_entry *e)
{
    atomic_fetch_add_explicit(&e->holders, 1, memory_order_relaxed);
}

void cache_entry_drop(struct cache_entry *e)
{
    if (!e || atomic_fetch_sub_explicit(&e->holders, 1, memory_order_acq_rel) != 1)
        return;
    if (e->room)
        cache_room_give(e->room, e->bytes);
    free(e);
}
