/* out_queue.c: a list of pieces, sent up to 64 at once. */

#include "http/out_queue.h"

#include <errno.h>
#include <stdlib.h>

enum { PIECE_ROOM = 2000, SPANS_AT_ONCE = 64 };

struct piece {
    struct list node;
    struct slice left; /* not sent yet */
    size_t room;       /* free bytes behind it; 0 when borrowed */
    char bytes[];
};

void out_queue_init(struct out_queue *q)
{
    list_init(&q->pieces);
    q->len = 0;
}

static void piece_free(struct piece *p)
{
    list_remove(&p->node);
    free(p);
}

void out_queue_clear(struct out_queue *q)
{
    list_for_each_safe(it, &q->pieces) piece_free(list_entry(it, struct piece, node));
    q->len = 0;
}

static struct piece *piece_add(struct out_queue *q, size_t room)
{
    struct piece *p = malloc(sizeof(*p) + room);

    if (!p)
        return NULL;
    p->left = (struct slice){p->bytes, 0};
    p->room = room;
    list_add_tail(&q->pieces, &p->node);
    return p;
}

static struct piece *piece_with_room(struct out_queue *q, size_t n)
{
    struct piece *last = list_entry(q->pieces.prev, struct piece, node);

    if (!list_is_empty(&q->pieces) && last->room >= n)
        return last;
    return piece_add(q, MAX(n, (size_t)PIECE_ROOM));
}

int out_queue_add(struct out_queue *q, struct slice s, bool copy)
{
    if (s.len == 0)
        return OK;

    struct piece *p = copy ? piece_with_room(q, s.len) : piece_add(q, 0);
    if (!p)
        return -ENOMEM;
    if (copy) {
        char *end = p->bytes + (size_t)(p->left.at - p->bytes) + p->left.len;
        memcpy(end, s.at, s.len);
        p->left.len += s.len;
        p->room -= s.len;
    } else {
        p->left = s;
    }
    q->len += s.len;
    return OK;
}

static void queue_sent(struct out_queue *q, size_t n)
{
    q->len -= n;
    while (n > 0) {
        struct piece *p = list_entry(q->pieces.next, struct piece, node);
        if (n < p->left.len) {
            p->left = slice_sub(p->left, n, p->left.len);
            return;
        }
        n -= p->left.len;
        piece_free(p);
    }
}

static size_t queue_gather(const struct out_queue *q, struct slice spans[SPANS_AT_ONCE],
                           size_t *ret_bytes)
{
    size_t n = 0;

    *ret_bytes = 0;
    list_for_each(it, &q->pieces)
    {
        if (n == SPANS_AT_ONCE)
            break;
        spans[n] = list_entry(it, struct piece, node)->left;
        *ret_bytes += spans[n++].len;
    }
    return n;
}

ssize_t out_queue_send(struct out_queue *q, struct stream *stream)
{
    struct slice spans[SPANS_AT_ONCE];
    ssize_t total = 0;

    while (!list_is_empty(&q->pieces)) {
        size_t bytes, n = queue_gather(q, spans, &bytes);
        ssize_t sent = stream_writev(stream, spans, n);
        if (sent == -EAGAIN)
            break;
        if (sent < 0)
            return sent;
        queue_sent(q, (size_t)sent);
        total += sent;
        if ((size_t)sent < bytes)
            break;
    }
    return total;
}
