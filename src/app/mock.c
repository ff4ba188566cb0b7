/* mock.c: the mock's listener, its routes, its counters, and the cache of scripts. */

#include "app/mock.h"

#include "app/mock_chat.h"
#include "app/mock_conn.h"
#include "app/mock_turns.h"
#include "base/clock.h"
#include "base/map.h"
#include "io/listener.h"

#include <errno.h>
#include <stdlib.h>

enum { CACHE_MOST = 512, RECORD_MOST = 256 << 20 };

struct mock_counters {
    uint64_t requests;     /* model requests that came */
    uint64_t running;      /* of them, being answered */
    uint64_t finished;     /* answered to the end, as planned */
    uint64_t gone;         /* the peer left before the end */
    uint64_t last_gone_us; /* when that last was, Unix time */
};

struct mock {
    struct loop *loop;
    struct listener *listener;
    struct list connections;
    size_t connected;
    struct mock_plan plan; /* where the model's name says nothing */
    char *answer;          /* its texts */
    struct map cache;      /* name of the model and how it is asked → script */
    struct mock_turns turns;
    struct mock_counters counters;
    bool record;
    struct buf last_head, last_body;
};

static struct mock_script *not_understood(struct slice what)
{
    struct mock_plan plan;
    struct buf message;

    mock_plan_init(&plan);
    plan.status = 400;
    buf_init(&message, 4096);
    buf_printf(&message, "the mock does not understand \"%.*s\"", SLICE_FMT(what));
    struct mock_script *s = mock_chat_error(&plan, buf_slice(&message));
    buf_free(&message);
    return s;
}

static struct mock_script *not_found(void)
{
    struct mock_plan plan;

    mock_plan_init(&plan);
    plan.status = 404;
    plan.code = SLICE("unknown_url");
    return mock_chat_error(&plan, SLICE("the mock has no such address"));
}

/* Keeps the script under the name; without memory it is just not kept. */
static void keep(struct mock *m, struct slice name, struct mock_script *s)
{
    if (!s || m->cache.len >= CACHE_MOST)
        return;
    struct slice copy = arena_copy(&s->arena, name);
    if (copy.at && map_put(&m->cache, copy, s) == OK)
        s->holders++;
}

static struct mock_script *make_answer(struct mock *m, struct slice name,
                                       const struct mock_ask *ask)
{
    struct slice spec = ask->model, wrong = SLICE("chunks=0 or status under 100");
    struct mock_plan plan = m->plan;

    slice_cut(&spec, '?');
    if (!mock_plan_read(&plan, spec, &wrong))
        return not_understood(wrong);
    bool comes_and_goes = plan.fail_first || plan.flap || plan.odds;
    if (comes_and_goes)
        mock_plan_turn(&plan, mock_turns_fails(&m->turns, &plan, ask->model, loop_now_ms(m->loop)));
    struct mock_script *s = mock_chat_script(&plan, ask);
    if (!plan.tools && !plan.json && !comes_and_goes)
        keep(m, name, s);
    return s;
}

/* Two requests that ask alike get the same script. */
static struct mock_script *chat(struct mock *m, struct slice body)
{
    struct mock_ask ask;
    char name[512];

    if (!mock_chat_read(body, &ask))
        return not_understood(SLICE("the body: no JSON object with a model"));
    if (ask.model.len > sizeof(name) - 2)
        return not_understood(SLICE("a name so long"));
    name[0] = ask.stream ? 's' : 'b';
    name[1] = ask.include_usage ? 'u' : '-';
    memcpy(name + 2, ask.model.at, ask.model.len);
    struct slice key = slice_of(name, ask.model.len + 2);
    struct mock_script *known = map_get(&m->cache, key);
    if (!known)
        return make_answer(m, key, &ask);
    known->holders++;
    return known;
}

static struct mock_script *stats(const struct mock *m)
{
    const struct mock_counters *c = &m->counters;
    struct buf text;

    buf_init(&text, 1024);
    buf_printf(&text,
               "{\"requests\":%llu,\"running\":%llu,\"finished\":%llu,\"gone\":%llu,"
               "\"last_gone_us\":%llu,\"connections\":%zu}",
               (unsigned long long)c->requests, (unsigned long long)c->running,
               (unsigned long long)c->finished, (unsigned long long)c->gone,
               (unsigned long long)c->last_gone_us, m->connected - 1);
    struct mock_script *s = mock_plain_script(SLICE("application/json"), buf_slice(&text));
    buf_free(&text);
    return s;
}

static struct mock_script *reset(struct mock *m)
{
    uint64_t running = m->counters.running;

    m->counters = (struct mock_counters){.running = running};
    buf_reset(&m->last_head);
    buf_reset(&m->last_body);
    mock_turns_clear(&m->turns);
    return mock_plain_script(SLICE("application/json"), SLICE("{}"));
}

static struct mock_script *control(struct mock *m, struct slice target)
{
    if (slice_eq(target, SLICE("/mock/stats")))
        return stats(m);
    if (slice_eq(target, SLICE("/mock/last-request")))
        return mock_plain_script(SLICE("application/octet-stream"), buf_slice(&m->last_body));
    if (slice_eq(target, SLICE("/mock/last-request/head")))
        return mock_plain_script(SLICE("text/plain"), buf_slice(&m->last_head));
    if (slice_eq(target, SLICE("/mock/reset")))
        return reset(m);
    return not_found();
}

static bool ends(struct slice s, struct slice end)
{
    return s.len >= end.len && slice_eq(slice_sub(s, s.len - end.len, s.len), end);
}

static struct mock_script *on_answer(void *owner, const struct mock_request *r, bool *ret_model)
{
    struct mock *m = owner;

    *ret_model = false;
    if (slice_starts(r->target, SLICE("/mock/")))
        return control(m, r->target);
    if (ends(r->target, SLICE("/models")))
        return mock_chat_models();
    if (!ends(r->target, SLICE("/chat/completions")) || !slice_eq(r->method, SLICE("POST")))
        return not_found();
    *ret_model = true;
    m->counters.requests++;
    m->counters.running++;
    if (m->record) {
        buf_reset(&m->last_head);
        buf_reset(&m->last_body);
        buf_add(&m->last_head, r->head);
        buf_add(&m->last_body, r->body);
    }
    return chat(m, r->body);
}

static void on_ended(void *owner, bool played)
{
    struct mock *m = owner;

    m->counters.running--;
    if (played) {
        m->counters.finished++;
    } else {
        m->counters.gone++;
        m->counters.last_gone_us = clock_wall_us();
    }
}

static void on_closed(void *owner, struct list *node)
{
    struct mock *m = owner;

    (void)node;
    m->connected--;
}

static void on_accept(void *owner, int fd)
{
    static const struct mock_conn_events events = {on_answer, on_ended, on_closed};
    struct mock *m = owner;

    if (mock_conn_open_take(m->loop, fd, &events, m, &m->connections))
        m->connected++;
}

int mock_open(struct loop *loop, const struct mock_options *options, struct mock **ret)
{
    struct listener_options listen = {.address = options->listen};
    struct mock *m = calloc(1, sizeof(*m));
    struct slice wrong;

    if (!m)
        return -ENOMEM;
    m->loop = loop;
    m->record = options->record;
    list_init(&m->connections);
    map_init(&m->cache);
    mock_turns_init(&m->turns);
    buf_init(&m->last_head, RECORD_MOST);
    buf_init(&m->last_body, RECORD_MOST);
    mock_plan_init(&m->plan);
    m->answer = strndup(options->answer.len ? options->answer.at : "", options->answer.len);
    int rc = m->answer ? OK : -ENOMEM;
    if (rc == OK && !mock_plan_read(&m->plan, slice_str(m->answer), &wrong))
        rc = -EINVAL;
    if (rc == OK)
        rc = listener_open(loop, &listen, on_accept, m, &m->listener);
    if (rc < 0)
        mock_close(m);
    else
        *ret = m;
    return rc;
}

uint16_t mock_port(const struct mock *m)
{
    return listener_port(m->listener);
}

void mock_close(struct mock *m)
{
    size_t at = 0;

    if (m->listener)
        listener_close(m->listener);
    list_for_each_safe(node, &m->connections) mock_conn_close(mock_conn_of(node));
    for (struct map_entry *e; (e = map_next(&m->cache, &at));)
        mock_script_unref(e->value);
    map_free(&m->cache);
    mock_turns_clear(&m->turns);
    buf_free(&m->last_head);
    buf_free(&m->last_body);
    free(m->answer);
    free(m);
}
