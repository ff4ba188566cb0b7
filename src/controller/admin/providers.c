/* providers.c: see providers.h. */

#include "controller/admin/providers.h"

static const struct query_field filters[] = {
    {"type", QUERY_TEXT, NULL},
    {0 },
};

static const struct admin_view view = {
    .kind = &admin_providers,
    .form = &admin_provider_form,
    .json = admin_provider_json,
    .row_size = sizeof(struct provider_row),
    .path = SLICE_INIT("/admin/v1/providers/"),
    .filters = filters,
};

const struct route admin_provider_routes[] =
    ADMIN_OBJECT_ROUTES("/admin/v1/providers", "{name}", &view);
