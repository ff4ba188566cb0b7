/* audit.c: see audit.h. */

#include "controller/admin/audit.h"

static const char *const kinds[] = {"user", "key", "provider", "model", "prompt", NULL};
static const char *const actions[] = {"create", "update", "delete", "rotate", "read", NULL};

static const struct query_field filters[] = {
    {"object_type", QUERY_WORD, kinds},
    {"object_id",        QUERY_TEXT, NULL},
    {"action",   QUERY_WORD, actions},
    {"key_id",         QUERY_NUMBER, NULL},
    {0     },
};

static const struct admin_view view = {
    .kind = &admin_audit,
    .json = admin_audit_json,
    .row_size = sizeof(struct audit_row),
    .filters = filters,
};

const struct route admin_audit_route =
    ADMIN_ROUTE(HTTP_GET, "/admin/v1/audit", admin_list_handle, &view);
