/* logs_export.c: see logs_export.h.
 *
 * One page at a time goes from the yard to the client, so the size of the answer costs no memory.
 * A page begins behind the last row of the one before: rows that come meanwhile are newer than all
 * of it.
 *
 *   YARD → WRITTEN   [on_page]         the page is handed to the client
 *   WRITTEN → YARD   [export_ask]      there is room: the next page
 *   WRITTEN → ENDED  [on_page]         it was the last; freed with the exchange
 *   any → ENDED      [export_cancel]   the client left; freed when the yard lets go of it */

#include "controller/admin/logs_export.h"

#include "service/admin_desk.h"
#include "service/services.h"
#include "web/problem.h"
#include "web/reply.h"
#include "wire/usage_log_writer.h"

#include <errno.h>
#include <stdlib.h>

enum { PAGE_MEMORY = 64 << 20 };

struct export
{
    struct admin_job job;
    struct exchange *x; /* NULL: gone */
    enum logs_format format;
    bool in_yard, begun;

    struct arena arena; /* the export's */
    struct page_wish wish;

    struct arena page_arena; /* the page's */
    struct slice text, next;
};

static void export_free(struct export *e)
{
    arena_clear(&e->page_arena);
    arena_clear(&e->arena);
    free(e);
}

/* --- in the yard --- */

static int write_page(struct export *e, const struct admin_page *page)
{
    struct arena *a = &e->page_arena;

    e->text = e->format == LOGS_CSV ? usage_log_csv_lines(page->rows, page->len, !e->begun, a)
                                    : usage_log_json_lines(page->rows, page->len, a);
    return e->text.at ? OK : -ENOMEM;
}

static int export_work(struct admin_job *job, struct admin *a)
{
    struct export *e = container_of(job, struct export, job);
    struct arena rows;
    struct admin_page page;

    arena_init(&rows, PAGE_MEMORY);
    int rc = admin_list(a, &admin_logs, &e->wish, &rows, &page);
    if (rc == OK)
        rc = write_page(e, &page);
    e->next = page.next.len && rc == OK ? arena_copy(&e->page_arena, page.next) : SLICE("");
    arena_clear(&rows);
    return rc == OK && !e->next.at ? -ENOMEM : rc;
}

/* --- on the worker --- */

/* Before the first page the answer is the problem; later it breaks off, so that nobody takes what
 * came for all. */
static void export_fail(struct export *e, enum fault_kind kind)
{
    reply_fault(e->x, &(struct fault){.kind = kind});
}

static void export_ask(struct export *e)
{
    arena_clear(&e->page_arena);
    e->in_yard = true;
    if (admin_desk_submit(e->x->services->desk, &e->job) >= 0)
        return;
    e->in_yard = false;
    export_fail(e, FAULT_STORE_AWAY);
}

static void export_proceed(struct exchange *x)
{
    struct export *e = x->work.owner;

    if (!e->in_yard && e->wish.after.len)
        export_ask(e);
}

static void begin_answer(struct exchange *x, enum logs_format format)
{
    bool csv = format == LOGS_CSV;

    exchange_header(x, SLICE("content-disposition"),
                    csv ? SLICE("attachment; filename=\"logs.csv\"")
                        : SLICE("attachment; filename=\"logs.jsonl\""));
    reply_begin(x, 200, csv ? SLICE("text/csv; charset=utf-8") : SLICE("application/x-ndjson"));
}

/* The key of the page's last row outlives the page. */
static bool remember_next(struct export *e)
{
    enum { KEY_MOST = 128 };
    static const struct slice none = SLICE_INIT("");
    char *at = (char *)(uintptr_t)e->wish.after.at;

    if (e->next.len == 0 || e->next.len > KEY_MOST) {
        e->wish.after = none;
        return true;
    }
    if (!at || e->wish.after.len == 0)
        at = arena_alloc(&e->arena, KEY_MOST);
    if (!at)
        return false;
    memcpy(at, e->next.at, e->next.len);
    e->wish.after = slice_of(at, e->next.len);
    return true;
}

static void on_page(struct admin_job *job, int rc)
{
    struct export *e = container_of(job, struct export, job);

    e->in_yard = false;
    if (!e->x) {
        export_free(e);
        return;
    }
    if (rc < 0 || !remember_next(e)) {
        export_fail(e, rc < 0 && rc != -ENOMEM ? FAULT_STORE_AWAY : FAULT_INTERNAL);
        return;
    }
    if (!e->begun)
        begin_answer(e->x, e->format);
    e->begun = true;
    rc = reply_write(e->x, e->text, e->wish.after.len == 0);
    if (rc == OK && e->wish.after.len)
        export_ask(e);
}

static void export_end(void *arg)
{
    struct export *e = arg;

    e->x = NULL;
    if (!e->in_yard)
        export_free(e);
}

static void export_cancel(struct exchange *x)
{
    x->work = (struct exchange_work){0};
}

static bool copy_wish(struct export *e, const struct page_wish *wish)
{
    e->wish = *wish;
    for (size_t i = 0; i < PAGE_FILTERS; i++) {
        e->wish.filter[i] = arena_copy(&e->arena, wish->filter[i]);
        if (!e->wish.filter[i].at)
            return false;
    }
    return true;
}

static void export_start(struct exchange *x, const struct page_wish *wish, enum logs_format format)
{
    struct export *e = calloc(1, sizeof(*e));

    if (!e) {
        problem_answer(x, FAULT_INTERNAL);
        return;
    }
    arena_init(&e->arena, 0);
    arena_init(&e->page_arena, PAGE_MEMORY);
    e->x = x;
    e->format = format;
    e->job.work = export_work;
    e->job.done = on_page;
    e->job.mailbox = x->services->mailbox;
    if (!copy_wish(e, wish) || arena_defer(x->arena, export_end, e) < 0) {
        export_free(e);
        problem_answer(x, FAULT_INTERNAL);
        return;
    }
    x->work = (struct exchange_work){export_proceed, export_cancel, e};
    export_ask(e);
}

void logs_export_answer(struct exchange *x, const struct page_wish *wish, enum logs_format format)
{
    if (x->request->method == HTTP_HEAD) { /* nobody reads what the log has to say */
        begin_answer(x, format);
        reply_write(x, SLICE(""), true);
    } else {
        export_start(x, wish, format);
    }
}
