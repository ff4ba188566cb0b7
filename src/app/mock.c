/* mock.c: the mock's listener, its routes, its counters, and the cache of scripts. */

#include "app/mock.h"

#include "app/mock_reply.h"
#include "app/mock_turns.h"
#include "base/clock.h"
#include "base/map.h"
#include "io/listener.h"

#include <errno.h>
#include <stdlib.h>

enum { CACHE_MOST = 512, NAME_MOST = 4096, RECORD_MOST = 256 << 20 };

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

static const struct {
    struct slice end;
    const struct mock_dialect *dialect;
} routes[] = {
    {SLICE_INIT("/chat/completions"),      &mock_chat        },
    {SLICE_INIT("/messages"),              &mock_messages    },
    {SLICE_INIT("/messages/count_tokens"), &mock_count_tokens},
    {SLICE_INIT("/responses"),             &mock_responses   },
    {SLICE_INIT("/embeddings"),            &mock_embeddings  },
    {SLICE_INIT("/completions"),           &mock_completions },
};

static struct mock_script *refused(const struct mock_dialect *dialect, unsigned status,
                                   struct slice why)
{
    struct mock_plan plan;

    mock_plan_init(&plan);
    plan.status = status;
    return mock_reply_error(dialect, &plan, why);
}

static struct mock_script *not_understood(const struct mock_dialect *dialect, struct slice what)
{
    struct buf message;

    buf_init(&message, 4096);
    buf_printf(&message, "the mock does not understand \"%.*s\"", SLICE_FMT(what));
    struct mock_script *s = refused(dialect, 400, buf_slice(&message));
    buf_free(&message);
    return s;
}

static struct mock_script *not_found(void)
{
    struct mock_plan plan;

    mock_plan_init(&plan);
    plan.status = 404;
    plan.code = SLICE("unknown_url");
    return mock_reply_error(&mock_chat, &plan, SLICE("the mock has no such address"));
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

/* The plan of a model's name. False: *ret_wrong is not understood. */
static bool read_plan(const struct mock *m, struct slice model, struct mock_plan *ret,
                      struct slice *ret_wrong)
{
    *ret = m->plan;
    *ret_wrong = SLICE("chunks=0 or status under 100");
    slice_cut(&model, '?');
    return mock_plan_read(ret, model, ret_wrong);
}

static struct mock_script *make_answer(struct mock *m, struct slice name,
                                       const struct mock_dialect *dialect,
                                       const struct mock_ask *ask)
{
    struct mock_plan plan;
    struct slice wrong;

    if (!read_plan(m, ask->model, &plan, &wrong))
        return not_understood(dialect, wrong);
    bool comes_and_goes = plan.fail_first || plan.flap || plan.odds;
    if (comes_and_goes)
        mock_plan_turn(&plan, mock_turns_fails(&m->turns, &plan, ask->model, loop_now_ms(m->loop)));
    struct mock_script *s = mock_reply(dialect, &plan, ask);
    if (!comes_and_goes && !mock_reply_reads_body(dialect, &plan))
        keep(m, name, s);
    return s;
}

/* The status that the request deserves as it is, unless its plan is lax; 0: a good one. */
static unsigned refuse(const struct mock *m, const struct mock_dialect *dialect,
                       const struct mock_request *r, const struct mock_ask *ask,
                       const char **ret_why)
{
    unsigned status = dialect->refuse ? dialect->refuse(r, ask, ret_why) : 0;
    struct mock_plan plan;
    struct slice wrong;

    return status && read_plan(m, ask->model, &plan, &wrong) && plan.lax ? 0 : status;
}

/* Two requests that ask alike get the same script. */
static struct mock_script *answer(struct mock *m, const struct mock_dialect *dialect,
                                  const struct mock_request *r)
{
    struct mock_ask ask;
    char name[NAME_MOST];
    const char *why;

    if (!mock_ask_read(r->body, &ask))
        return not_understood(dialect, SLICE("the body: no JSON object with a model"));
    if (ask.model.len > sizeof(name) - 3)
        return not_understood(dialect, SLICE("a name so long"));
    unsigned status = refuse(m, dialect, r, &ask, &why);
    if (status)
        return refused(dialect, status, slice_str(why));
    name[0] = dialect->letter;
    name[1] = ask.stream ? 's' : 'b';
    name[2] = ask.include_usage ? 'u' : '-';
    memcpy(name + 3, ask.model.at, ask.model.len);
    struct slice key = slice_of(name, ask.model.len + 3);
    struct mock_script *known = map_get(&m->cache, key);
    if (!known)
        return make_answer(m, key, dialect, &ask);
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
    struct mock_script *s = mock_reply_plain(SLICE("application/json"), buf_slice(&text));
    buf_free(&text);
    return s;
}

static struct mock_script *models(void)
{
    return mock_reply_plain(SLICE("application/json"),
                            SLICE("{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":"
                                  "\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}"));
}

static struct mock_script *reset(struct mock *m)
{
    uint64_t running = m->counters.running;

    m->counters = (struct mock_counters){.running = running};
    buf_reset(&m->last_head);
    buf_reset(&m->last_body);
    mock_turns_clear(&m->turns);
    return mock_reply_plain(SLICE("application/json"), SLICE("{}"));
}

static struct mock_script *control(struct mock *m, struct slice target)
{
    if (slice_eq(target, SLICE("/mock/stats")))
        return stats(m);
    if (slice_eq(target, SLICE("/mock/last-request")))
        return mock_reply_plain(SLICE("application/octet-stream"), buf_slice(&m->last_body));
    if (slice_eq(target, SLICE("/mock/last-request/head")))
        return mock_reply_plain(SLICE("text/plain"), buf_slice(&m->last_head));
    if (slice_eq(target, SLICE("/mock/reset")))
        return reset(m);
    return not_found();
}

static bool ends(struct slice s, struct slice end)
{
    return s.len >= end.len && slice_eq(slice_sub(s, s.len - end.len, s.len), end);
}

static const struct mock_dialect *find_dialect(const struct mock_request *r)
{
    struct slice rest = r->target, path = slice_cut(&rest, '?');

    if (!slice_eq(r->method, SLICE("POST")))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (ends(path, routes[i].end))
            return routes[i].dialect;
    return NULL;
}

static void record(struct mock *m, const struct mock_request *r)
{
    buf_reset(&m->last_head);
    buf_reset(&m->last_body);
    buf_add(&m->last_head, r->head);
    buf_add(&m->last_body, r->body);
}

static struct mock_script *on_answer(void *owner, const struct mock_request *r, bool *ret_model)
{
    const struct mock_dialect *dialect = find_dialect(r);
    struct mock *m = owner;

    *ret_model = false;
    if (slice_starts(r->target, SLICE("/mock/")))
        return control(m, r->target);
    if (ends(r->target, SLICE("/models")))
        return models();
    if (!dialect)
        return not_found();
    *ret_model = true;
    m->counters.requests++;
    m->counters.running++;
    if (m->record)
        record(m, r);
    return answer(m, dialect, r);
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
