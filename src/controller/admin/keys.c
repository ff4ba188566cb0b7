/* keys.c: see keys.h. The key itself is told in the answer to its making and to its rotation, and
 * never again. */

#include "controller/admin/keys.h"

static const char *const states[] = {"active", "disabled", "revoked", "expired", NULL};

static const struct query_field filters[] = {
    {"user_id", QUERY_NUMBER, NULL},
    {"name",     QUERY_TEXT, NULL},
    {"prefix",    QUERY_TEXT, NULL},
    {"status",     QUERY_WORD, states},
    {0 },
};

static const struct admin_view view = {
    .kind = &admin_keys,
    .form = &admin_key_form,
    .json = admin_key_json,
    .row_size = sizeof(struct key_row),
    .path = SLICE_INIT("/admin/v1/keys/"),
    .filters = filters,
};
static const struct admin_view rotation = {
    .kind = &admin_key_rotations,
    .form = &admin_rotation_form,
    .json = admin_key_json,
    .row_size = sizeof(struct key_row),
    .filters = filters,
};

const struct route admin_key_routes[] = ADMIN_OBJECT_ROUTES("/admin/v1/keys", "{id}", &view);
const struct route admin_key_rotate_route =
    ADMIN_ROUTE(HTTP_POST, "/admin/v1/keys/{id}/rotate", admin_act_handle, &rotation);
