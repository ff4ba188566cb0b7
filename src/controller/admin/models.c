/* models.c: see models.h. */

#include "controller/admin/models.h"

static const struct query_field filters[] = {
    {"provider", QUERY_TEXT, NULL},
    {0     },
};

static const struct admin_view view = {
    .kind = &admin_models,
    .form = &admin_model_form,
    .json = admin_model_json,
    .row_size = sizeof(struct model_row),
    .path = SLICE_INIT("/admin/v1/models/"),
    .filters = filters,
};

const struct route admin_model_routes[] = ADMIN_OBJECT_ROUTES("/admin/v1/models", "{name}", &view);
