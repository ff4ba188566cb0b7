/* models.c: the catalog as the list that clients of the chat dialect expect. */

#include "controller/models.h"

#include "base/buf.h"
#include "service/catalog.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

enum { LIST_BYTES_MAX = 64 * 1024 * 1024, MICROSECONDS = 1000000 };

static void write_model(struct buf *b, const struct catalog_entry *m)
{
    buf_add(b, SLICE("{\"id\":\""));
    buf_add_json(b, m->name);
    buf_add(b, SLICE("\",\"object\":\"model\",\"created\":"));
    buf_add_u64(b, m->created_wall_us / MICROSECONDS);
    buf_add(b, SLICE(",\"owned_by\":\""));
    buf_add_json(b, m->owned_by);
    buf_add(b, SLICE("\"}"));
}

/* Answers with what was written, and frees it. */
static void answer_take(struct exchange *x, struct buf *b)
{
    struct slice body = b->rc == OK ? arena_copy(x->arena, buf_slice(b)) : (struct slice){0};

    buf_free(b);
    if (body.at)
        reply_send(x, 200, SLICE("application/json"), body);
    else
        problem_answer(x, FAULT_INTERNAL);
}

static void models_handle(struct exchange *x)
{
    struct catalog_entry *models;
    size_t n;
    struct buf b;

    if (catalog_list(x->snapshot, x->principal, x->arena, &models, &n) < 0) {
        problem_answer(x, FAULT_INTERNAL);
        return;
    }
    buf_init(&b, LIST_BYTES_MAX);
    buf_add(&b, SLICE("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(&b, ',');
        write_model(&b, &models[i]);
    }
    buf_add(&b, SLICE("]}"));
    answer_take(x, &b);
}

static void model_handle(struct exchange *x)
{
    struct slice name = exchange_path_tail(x);
    struct catalog_entry model;
    struct buf b;

    if (!name.at || !catalog_find(x->snapshot, x->principal, name, &model)) {
        problem_answer(x, FAULT_MODEL_NOT_FOUND);
        return;
    }
    buf_init(&b, LIST_BYTES_MAX);
    write_model(&b, &model);
    answer_take(x, &b);
}

const struct route route_models = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/v1/models"),
    .handle = models_handle,
};

const struct route route_model = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/v1/models/{id}"),
    .handle = model_handle,
};
