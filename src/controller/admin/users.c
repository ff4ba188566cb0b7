/* users.c: see users.h. */

#include "controller/admin/users.h"

static const char *const states[] = {"active", "disabled", "deleted", NULL};

static const struct query_field filters[] = {
    {"name",   QUERY_TEXT, NULL},
    {"status",    QUERY_WORD, states},
    {0},
};

static const struct admin_view view = {
    .kind = &admin_users,
    .form = &admin_user_form,
    .json = admin_user_json,
    .row_size = sizeof(struct user_row),
    .path = SLICE_INIT("/admin/v1/users/"),
    .filters = filters,
};

const struct route admin_user_routes[] = ADMIN_OBJECT_ROUTES("/admin/v1/users", "{id}", &view);
