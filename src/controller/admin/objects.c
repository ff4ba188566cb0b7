/* objects.c: see objects.h. On the worker a request is read and checked; in the yard the services
 * are asked and the answer is written. */

#include "controller/admin/objects.h"

#include "base/fmt.h"
#include "controller/admin/task.h"

#include <errno.h>

/* --- one object as an answer --- */

static int answer_row(struct admin_task *t, int status)
{
    const struct admin_view *view = t->view;
    const void *row = t->change.row;
    struct admin_answer *answer = &t->answer;

    answer->status = status;
    answer->body = view->json(row, &t->arena);
    answer->etag =
        arena_printf(&t->arena, "\"%llu\"", (unsigned long long)admin_version(view->kind, row));
    return answer->body.at && answer->etag.at ? OK : -ENOMEM;
}

/* --- show --- */

static int run_show(struct admin_task *t, struct admin *a)
{
    int rc = admin_show(a, t->view->kind, &t->change);

    return rc < 0 ? rc : answer_row(t, 200);
}

void admin_show_handle(struct exchange *x)
{
    struct admin_task *t = admin_task_new(x);
    struct slice none[1];
    const struct query_field fields[] = {{0}};
    struct fault fault;

    if (!t)
        return;
    t->run = run_show;
    if (query_read(x, fields, &t->arena, none, &fault))
        admin_task_start(t);
    else
        admin_task_refuse(t, &fault);
}

/* --- list --- */

enum { LIMIT_DEFAULT = 100, CURSOR_MOST = 512 };

/* A cursor is the key behind which the next page begins, in hex: it says nothing to clients, and
 * stays good whatever comes or goes. */
static struct slice cursor_of(struct slice key, struct arena *a)
{
    char *text = key.len ? arena_alloc(a, 2 * key.len) : NULL;

    if (!text)
        return (struct slice){0};
    fmt_hex(text, key.at, key.len);
    return slice_of(text, 2 * key.len);
}

static bool key_of_cursor(struct slice cursor, struct arena *a, struct slice *ret)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(a, cursor.len / 2 + 1);

    if (!text || cursor.len % 2 || cursor.len > CURSOR_MOST)
        return false;
    for (size_t i = 0; i < cursor.len; i += 2) {
        const char *high = memchr(digits, cursor.at[i], 16);
        const char *low = memchr(digits, cursor.at[i + 1], 16);
        if (!high || !low)
            return false;
        text[i / 2] = (char)((high - digits) << 4 | (low - digits));
    }
    *ret = slice_of(text, cursor.len / 2);
    return slice_is_utf8(*ret) && !memchr(ret->at, 0, ret->len);
}

static bool refuse(struct fault *fault, struct slice param, struct slice message)
{
    *fault = (struct fault){.kind = FAULT_INVALID_VALUE, .param = param, .message = message};
    return false;
}

static bool refuse_cursor(struct fault *fault)
{
    return refuse(fault, SLICE("cursor"),
                  SLICE("Invalid value for 'cursor': it is what `next` of the page before said."));
}

/* {"rows":3,"from":"…",…}: how many were read, and what was asked for. */
static int note_reading(struct admin_task *t, struct admin *a, size_t n)
{
    const struct query_field *filters = t->view->filters;
    struct json_out o;

    json_out_begin(&o, &t->arena, 256);
    json_out_literal(&o, "{\"rows\":");
    json_out_u64(&o, n);
    for (size_t i = 0; i < PAGE_FILTERS && filters[i].name; i++) {
        if (slice_is_empty(t->page.filter[i]))
            continue;
        json_out_comma(&o);
        json_out_quote(&o, slice_str(filters[i].name));
        json_out_literal(&o, ":\"");
        json_out_escape(&o, t->page.filter[i]);
        json_out_char(&o, '"');
    }
    json_out_char(&o, '}');
    if (json_out_failed(&o))
        return -ENOMEM;
    return admin_note_reading(a, t->view->kind, &t->change, json_out_slice(&o));
}

/* -ENOMEM: so many rows do not fit into the memory of a page. */
static int make_page(struct admin_task *t, struct admin *a, const struct page_wish *wish)
{
    struct arena *arena = &t->page_arena;
    struct admin_page page;
    int rc = admin_list(a, t->view->kind, wish, arena, &page);

    if (rc < 0)
        return rc;
    struct admin_rows rows = {page.rows, page.len, t->view->row_size, cursor_of(page.next, arena)};
    if (page.next.len && !rows.next.at)
        return -ENOMEM;
    t->answer.status = 200;
    t->answer.body = admin_page_json(&rows, t->view->json, arena);
    if (!t->answer.body.at)
        return -ENOMEM;
    return t->view->audited ? note_reading(t, a, page.len) : OK;
}

/* Long rows make a short page, which says where it goes on: nobody can hide the list, or the trail
 * of what was changed, behind rows that are too long to be shown together. */
static int run_list(struct admin_task *t, struct admin *a)
{
    struct page_wish wish = t->page;
    int rc;

    do {
        arena_clear(&t->page_arena);
        rc = make_page(t, a, &wish);
        wish.limit /= 2;
    } while (rc == -ENOMEM && wish.limit > 0);
    if (rc != -EINVAL || !wish.after.len)
        return rc;
    refuse_cursor(&t->change.fault); /* the key of no row of this list */
    return -EPERM;
}

/* values: limit, cursor, then the view's filters. */
static bool read_page(struct admin_task *t, const struct slice *values, struct fault *fault)
{
    uint64_t most = t->view->page_most ? t->view->page_most : PAGE_ROWS_MOST;
    uint64_t limit = MIN(most, (uint64_t)LIMIT_DEFAULT);

    if (!query_limit(values[0], most, &t->arena, &limit, fault))
        return false;
    t->page.limit = limit;
    if (values[1].len && !key_of_cursor(values[1], &t->arena, &t->page.after))
        return refuse_cursor(fault);
    memcpy(t->page.filter, values + 2, sizeof(t->page.filter));
    return true;
}

void admin_list_handle(struct exchange *x)
{
    struct query_field fields[2 + PAGE_FILTERS + 1] = {
        {"limit",  QUERY_NUMBER, NULL},
        {"cursor", QUERY_TEXT,   NULL}
    };
    struct slice values[2 + PAGE_FILTERS] = {{0}};
    struct admin_task *t = admin_task_new(x);
    struct fault fault;

    if (!t)
        return;
    for (size_t i = 0; i < PAGE_FILTERS && t->view->filters[i].name; i++)
        fields[2 + i] = t->view->filters[i];
    t->run = run_list;
    if (query_read(x, fields, &t->arena, values, &fault) && read_page(t, values, &fault))
        admin_task_start(t);
    else
        admin_task_refuse(t, &fault);
}

/* --- changes --- */

/* Reads the body by the view's form into the change. False: answered. */
static bool read_change(struct admin_task *t, bool making, bool may_be_empty)
{
    struct entry_ask ask = {.making = making};
    struct fault fault;
    struct slice body;

    if (!admin_task_body(t, &body))
        return false;
    if (may_be_empty && slice_is_empty(body))
        body = SLICE("{}");
    if (!entry_read(t->view->form, body, &t->arena, &ask, &fault)) {
        admin_task_refuse(t, &fault);
        return false;
    }
    t->change.wanted = ask.change;
    t->change.version = ask.version;
    t->change.describe = t->view->json;
    return true;
}

static int run_make(struct admin_task *t, struct admin *a)
{
    const struct admin_view *view = t->view;
    int rc = admin_make(a, view->kind, &t->change);

    if (rc < 0)
        return rc;
    t->answer.location = query_location(view->path, t->change.key, &t->arena);
    return t->answer.location.at ? answer_row(t, 201) : -ENOMEM;
}

void admin_make_handle(struct exchange *x)
{
    struct admin_task *t = admin_task_new(x);

    if (!t || !read_change(t, true, false))
        return;
    t->run = run_make;
    admin_task_start(t);
}

static int run_update(struct admin_task *t, struct admin *a)
{
    int rc = admin_update(a, t->view->kind, &t->change);

    return rc < 0 ? rc : answer_row(t, 200);
}

void admin_update_handle(struct exchange *x)
{
    struct admin_task *t = admin_task_new(x);

    if (!t || !read_change(t, false, false))
        return;
    t->run = run_update;
    admin_task_start(t);
}

void admin_act_handle(struct exchange *x)
{
    struct admin_task *t = admin_task_new(x);

    if (!t || !read_change(t, false, true))
        return;
    t->change.wanted.given_len = 0; /* it says how, not what is to stand in the row */
    t->run = run_update;
    admin_task_start(t);
}

static int run_delete(struct admin_task *t, struct admin *a)
{
    t->answer.status = 204;
    return admin_delete(a, t->view->kind, &t->change);
}

void admin_delete_handle(struct exchange *x)
{
    struct admin_task *t = admin_task_new(x);
    struct fault fault;
    struct slice body;

    if (!t || !admin_task_body(t, &body))
        return;
    t->run = run_delete;
    t->change.describe = t->view->json;
    if (entry_read_version(body, &t->arena, &t->change.version, &fault))
        admin_task_start(t);
    else
        admin_task_refuse(t, &fault);
}
