/* objects.h: the five things that can be done with any kind of object. Private to controller/admin.
 */

#pragma once

#include "service/admin_objects.h"
#include "web/chain.h"
#include "web/query.h"
#include "wire/admin_json.h"

/* How a kind of object looks from outside; the owner of its routes. */
struct admin_view {
    const struct admin_kind *kind;
    const struct entry_form *form; /* what may be said of it */
    struct slice (*json)(const void *row, struct arena *a);
    size_t row_size;
    struct slice path; /* of one object, without its key: "/admin/v1/users/" */
    /* page_wish.filter[i] is filters[i]; limit and cursor are known anyway */
    const struct query_field *filters;
    size_t page_most; /* rows of a page; 0: PAGE_ROWS_MOST */
    bool audited;     /* who reads it is told in the audit log */
};

/* For struct route. */
void admin_list_handle(struct exchange *x);
void admin_show_handle(struct exchange *x);
void admin_make_handle(struct exchange *x);
void admin_update_handle(struct exchange *x);
void admin_delete_handle(struct exchange *x);
/* POST that changes an object and answers 200 with it; the body may be empty. */
void admin_act_handle(struct exchange *x);

#define ADMIN_ROUTE(method_, path_, handle_, view_)                                                \
    {                                                                                              \
        .method = method_, .path = SLICE_INIT(path_), .admin = true, .handle = handle_,            \
        .owner = view_                                                                             \
    }
/* The routes of a kind; path_: a literal. */
enum { ADMIN_ROUTES = 5 };
#define ADMIN_OBJECT_ROUTES(path_, key_, view_)                                                    \
    {                                                                                              \
        ADMIN_ROUTE(HTTP_GET, path_, admin_list_handle, view_),                                    \
            ADMIN_ROUTE(HTTP_POST, path_, admin_make_handle, view_),                               \
            ADMIN_ROUTE(HTTP_GET, path_ "/" key_, admin_show_handle, view_),                       \
            ADMIN_ROUTE(HTTP_PATCH, path_ "/" key_, admin_update_handle, view_),                   \
            ADMIN_ROUTE(HTTP_DELETE, path_ "/" key_, admin_delete_handle, view_),                  \
    }
