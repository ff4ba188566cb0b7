/* models.c: the catalog as the list that the client's dialect expects. */

#include "controller/models.h"

#include "service/catalog.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"
#include "wire/catalog_writer.h"

static void answer(struct exchange *x, struct slice body)
{
    if (body.at)
        reply_send(x, 200, SLICE("application/json"), body);
    else
        problem_answer(x, FAULT_INTERNAL);
}

static void models_handle(struct exchange *x)
{
    struct catalog_entry *models;
    size_t n;

    if (catalog_list(x->snapshot, x->principal, x->arena, &models, &n) < 0)
        problem_answer(x, FAULT_INTERNAL);
    else
        answer(x, catalog_write_list(exchange_dialect(x), models, n, x->arena));
}

static void model_handle(struct exchange *x)
{
    struct slice name = exchange_path_tail(x);
    struct catalog_entry model;

    if (!name.at || !catalog_find(x->snapshot, x->principal, name, &model))
        problem_answer(x, FAULT_MODEL_NOT_FOUND);
    else
        answer(x, catalog_write_model(exchange_dialect(x), &model, x->arena));
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
