/* trace_exporter.c: see trace_exporter.h. */

#include "app/trace_exporter.h"

#include "app/otlp_headers.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/fetcher.h"
#include "service/otlp_writer.h"
#include "service/pacer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ROUND_MS = 200,
    BATCH = 512,           /* spans of one request */
    BATCH_BYTES = 4 << 20, /* of its body, at most */
    SILENCE_MS = 5000,     /* of a collector */
    PATIENCE_MS = 30000,   /* for one batch, with all that is tried */
    PAUSE_FIRST_MS = 500,  /* before it is tried again; doubled each time */
    PAUSE_MOST_MS = 10000,
    ANSWER_BYTES = 64 << 10,
    INSTANCE_ID = 36,
    HOST_NAME = 128,
};

struct trace_exporter {
    struct arena arena; /* settings that are kept */
    struct url url;
    struct slice target;
    struct headers headers;
    struct otlp_resource resource;
    struct fetcher *fetcher;
    struct tracer **tracers;
    unsigned workers;
    struct trace_span *batch;
    struct buf body;
    struct trace_figures figures;
    bool failing; /* told in the log */

    pthread_t thread;
    struct pacer pacer;
    bool stopping;
};

/* --- sending --- */

/* For one question: less when the gateway is about to end. */
static uint64_t left_ms(struct trace_exporter *e)
{
    return e->stopping ? MIN(pacer_left_ms(&e->pacer), (uint64_t)SILENCE_MS) : SILENCE_MS;
}

/* What became of a batch at the collector. */
struct sending {
    int rc;     /* of fetcher_ask */
    int status; /* 0: none */
    uint64_t retry_after_ms;
};

/* RFC 9110 section 10.2.3, in seconds; a date is not looked at: the usual pause will do. */
static uint64_t retry_after_of(const struct headers *h)
{
    uint64_t seconds;

    if (slice_to_u64(slice_trim(headers_get(h, SLICE("retry-after"))), &seconds) < 0)
        return 0;
    return MIN(seconds, (uint64_t)PATIENCE_MS) * 1000;
}

static void send_once(struct trace_exporter *e, struct sending *ret)
{
    const struct fetch ask = {
        .url = &e->url,
        .method = SLICE("POST"),
        .target = e->target,
        .headers = e->headers.at,
        .headers_len = e->headers.len,
        .body = buf_slice(&e->body),
        .silence_ms = MAX(left_ms(e), (uint64_t)1),
        .body_most = ANSWER_BYTES,
    };
    struct fetched got;
    struct arena a;

    arena_init(&a, 0);
    ret->rc = fetcher_ask(e->fetcher, &ask, &a, &got);
    ret->status = ret->rc == OK ? got.status : 0;
    ret->retry_after_ms = ret->rc == OK ? retry_after_of(&got.headers) : 0;
    arena_clear(&a);
}

/* OTLP/HTTP, "Retryable Response Codes" and "All Other Responses" */
static bool may_try_again(const struct sending *s)
{
    return s->rc < 0 || s->status == 429 || s->status == 502 || s->status == 503 ||
           s->status == 504;
}

static void tell(struct trace_exporter *e, const struct sending *s, size_t n)
{
    bool good = s->rc == OK && s->status / 100 == 2;

    atomic_fetch_add_explicit(good ? &e->figures.exported : &e->figures.failed, n,
                              memory_order_relaxed);
    if (!good && !e->failing)
        log_event(LOG_WARN, "traces cannot be sent to otlp_endpoint; they are dropped",
                  LOG_U64("status", s->status), LOG_STR("error", s->rc < 0 ? log_errno(s->rc) : ""),
                  LOG_END);
    if (good && e->failing)
        log_event(LOG_INFO, "traces are taken again by otlp_endpoint", LOG_END);
    e->failing = !good;
}

/* How long to wait before the batch is tried again; 0: it is not. */
static uint64_t pause_before(const struct sending *s, unsigned tries, uint64_t since_ms)
{
    uint64_t pause = MIN((uint64_t)PAUSE_FIRST_MS << MIN(tries, 10u), (uint64_t)PAUSE_MOST_MS);
    uint64_t passed = clock_now_ms() - since_ms;

    if (!may_try_again(s))
        return 0;
    /* spread, so that instances do not come back together */
    pause = s->retry_after_ms ? s->retry_after_ms : pause / 2 + ids_random() % (pause / 2 + 1);
    return passed + pause <= PATIENCE_MS ? pause : 0;
}

static void send_batch(struct trace_exporter *e, size_t n)
{
    uint64_t since_ms = clock_now_ms(), pause = 0;
    struct sending s;

    buf_reset(&e->body);
    otlp_write(&e->body, &e->resource, e->batch, n);
    if (e->body.rc < 0) {
        tell(e, &(struct sending){.rc = e->body.rc}, n);
        return;
    }
    for (unsigned tries = 0;; tries++) {
        send_once(e, &s);
        pause = pause_before(&s, tries, since_ms);
        if (pause == 0 || pacer_wait(&e->pacer, pause) == PACER_STOPPED)
            break;
    }
    tell(e, &s, n);
}

/* --- the thread --- */

static size_t gather(struct trace_exporter *e)
{
    size_t n = 0;

    for (unsigned i = 0; i < e->workers && n < BATCH; i++)
        n += tracer_take(e->tracers[i], e->batch + n, BATCH - n);
    return n;
}

static void *exporter_run(void *arg)
{
    struct trace_exporter *e = arg;
    size_t n;

    pthread_setname_np(pthread_self(), "traces");
    do {
        e->stopping = pacer_wait(&e->pacer, ROUND_MS) == PACER_STOPPED;
        while (left_ms(e) > 0 && (n = gather(e)) > 0) {
            send_batch(e, n);
            e->stopping = pacer_wait(&e->pacer, 0) == PACER_STOPPED;
        }
    } while (!e->stopping);
    return NULL;
}

/* --- made and freed --- */

/* OTLP/HTTP: the endpoint is a base to which the path of the signal is added, unless it is there.
 */
static struct slice target_of(struct arena *a, const struct url *url)
{
    static const struct slice path = SLICE_INIT("/v1/traces");
    struct slice p = url->path;
    bool there = p.len >= path.len && slice_eq(slice_sub(p, p.len - path.len, p.len), path);

    return arena_printf(a, "%.*s%s%s%.*s", SLICE_FMT(p), there ? "" : path.at,
                        url->query.len ? "?" : "", SLICE_FMT(url->query));
}

static int keep_resource(struct trace_exporter *e, const struct trace_exporter_options *o)
{
    char id[INSTANCE_ID], host[HOST_NAME] = "";
    struct record_id random = record_id_new(clock_wall_us());

    record_id_format(&random, id);
    gethostname(host, sizeof(host) - 1);
    e->resource = (struct otlp_resource){
        .service_name = arena_copy(&e->arena, o->settings->otlp_service_name),
        .service_version = o->version,
        .instance_id = arena_copy(&e->arena, slice_of(id, sizeof(id))),
        .host_name = arena_copy(&e->arena, slice_str(host)),
    };
    return e->resource.service_name.at && e->resource.instance_id.at && e->resource.host_name.at
               ? OK
               : -ENOMEM;
}

static int keep_settings(struct trace_exporter *e, const struct trace_exporter_options *o)
{
    struct slice endpoint = arena_copy(&e->arena, o->settings->otlp_endpoint);

    if (!endpoint.at)
        return -ENOMEM;
    if (url_parse(endpoint, &e->url, NULL) < 0)
        return -EINVAL;
    e->target = target_of(&e->arena, &e->url);
    if (!e->target.at)
        return -ENOMEM;
    int rc = headers_add(&e->headers, &e->arena, SLICE("content-type"), SLICE("application/json"));
    if (rc == OK)
        rc = otlp_headers_read(o->settings->otlp_headers, &e->arena, &e->headers);
    return rc == OK ? keep_resource(e, o) : rc;
}

static int make_tracers(struct trace_exporter *e, const struct trace_exporter_options *o)
{
    e->tracers = calloc(o->workers, sizeof(struct tracer *));
    e->batch = calloc(BATCH, sizeof(*e->batch));
    if (!e->tracers || !e->batch)
        return -ENOMEM;
    for (; e->workers < o->workers; e->workers++) {
        e->tracers[e->workers] = tracer_new(o->settings->otlp_sample);
        if (!e->tracers[e->workers])
            return -ENOMEM;
    }
    e->figures.tracers = e->tracers;
    e->figures.tracers_len = e->workers;
    return OK;
}

static void exporter_free(struct trace_exporter *e)
{
    for (unsigned i = 0; i < e->workers; i++)
        tracer_free(e->tracers[i]);
    free(e->tracers);
    free(e->batch);
    fetcher_free(e->fetcher);
    buf_free(&e->body);
    pacer_free(&e->pacer);
    arena_clear(&e->arena);
    free(e);
}

int trace_exporter_start(const struct trace_exporter_options *options, struct trace_exporter **ret)
{
    struct trace_exporter *e = calloc(1, sizeof(*e));

    *ret = NULL;
    if (!e)
        return -ENOMEM;
    arena_init(&e->arena, 0);
    buf_init(&e->body, BATCH_BYTES);
    pacer_init(&e->pacer);
    int rc = keep_settings(e, options);
    if (rc == OK)
        rc = make_tracers(e, options);
    if (rc == OK)
        rc = fetcher_new(options->settings->upstream.ca_file.at, &e->fetcher);
    if (rc == OK)
        rc = -pthread_create(&e->thread, NULL, exporter_run, e);
    if (rc < 0)
        exporter_free(e);
    else
        *ret = e;
    return rc;
}

struct tracer *trace_exporter_tracer(struct trace_exporter *e, unsigned i)
{
    return e ? e->tracers[i] : NULL;
}

const struct trace_figures *trace_exporter_figures(const struct trace_exporter *e)
{
    return e ? &e->figures : NULL;
}

void trace_exporter_stop(struct trace_exporter *e, uint64_t limit_ms)
{
    if (!e)
        return;
    pacer_stop(&e->pacer, limit_ms);
    pthread_join(e->thread, NULL);
    exporter_free(e);
}
