/* models.c: the catalog as the list that the client's dialect expects: whole, or in pages. */

#include "controller/models.h"

#include "service/catalog.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/query.h"
#include "web/reply.h"
#include "wire/catalog_writer.h"

static void answer(struct exchange *x, struct slice body)
{
    if (body.at)
        reply_send(x, 200, SLICE("application/json"), body);
    else
        problem_answer(x, FAULT_INTERNAL);
}

/* models, as the reference of that dialect has it */
enum { PAGE_DEFAULT = 20, PAGE_MOST = 1000 };

enum { LIMIT, AFTER, BEFORE, FIELDS };

static const struct query_field fields[FIELDS + 1] = {
    [LIMIT] = {"limit",     QUERY_NUMBER, NULL},
    [AFTER] = {"after_id",  QUERY_TEXT,   NULL},
    [BEFORE] = {"before_id", QUERY_TEXT,   NULL},
};

static bool read_page(struct exchange *x, struct catalog_page *ret, struct fault *fault)
{
    struct slice values[FIELDS];
    uint64_t limit = PAGE_DEFAULT;

    if (!query_read_known(x, fields, x->arena, values, fault) ||
        !query_limit(values[LIMIT], PAGE_MOST, x->arena, &limit, fault))
        return false;
    *ret = (struct catalog_page){values[AFTER], values[BEFORE], (size_t)limit};
    if (slice_is_empty(ret->after) || slice_is_empty(ret->before))
        return true;
    *fault = (struct fault){
        .kind = FAULT_INVALID_VALUE,
        .param = SLICE("before_id"),
        .message = SLICE("Only one of 'after_id' and 'before_id' may be given."),
    };
    return false;
}

static void answer_page(struct exchange *x, const struct catalog_entry *models, size_t n)
{
    struct catalog_page page;
    struct fault fault;

    if (!read_page(x, &page, &fault)) {
        problem_answer_fault(x, &fault);
        return;
    }
    bool more = catalog_cut(&page, &models, &n);
    answer(x, catalog_write_page(models, n, more, x->arena));
}

static void models_handle(struct exchange *x)
{
    struct catalog_entry *models;
    size_t n;

    if (catalog_list(x->snapshot, x->principal, x->arena, &models, &n) < 0)
        problem_answer(x, FAULT_INTERNAL);
    else if (exchange_dialect(x) == DIALECT_MESSAGES)
        answer_page(x, models, n);
    else
        answer(x, catalog_write_list(models, n, x->arena));
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
