/* command_health.c: courier health: asks a running gateway whether it may take traffic.
 *
 * For the health checks of containers, whose images have no curl. */

#include "app/command.h"
#include "app/config_file.h"
#include "app/listen.h"

#include "base/fmt.h"
#include "codec/url.h"
#include "http/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

enum { HEADER_BYTES = 16 * 1024, DEADLINE_MOST_MS = 3600 * 1000 };

struct health_check {
    struct loop *loop;
    struct client_call call;
    struct timer deadline;
    int rc, status;
};

static void on_sent(struct client_call *call)
{
    (void)call;
}

static void on_head(struct client_call *call, const struct client_head *head)
{
    container_of(call, struct health_check, call)->status = head->status;
}

static void on_body(struct client_call *call, struct slice bytes)
{
    (void)call;
    (void)bytes;
}

static void on_end(struct client_call *call, int rc)
{
    struct health_check *check = container_of(call, struct health_check, call);

    check->rc = rc;
    loop_stop(check->loop);
}

static void on_deadline(struct timer *t)
{
    struct health_check *check = container_of(t, struct health_check, deadline);

    client_cancel(&check->call);
    check->rc = -ETIMEDOUT;
    loop_stop(check->loop);
}

/* OK: *ret_status is the answer's; -errno: there was none in time. */
static int ask(struct client *client, struct loop *loop, const struct client_request *request,
               uint64_t deadline_ms, int *ret_status)
{
    static const struct client_events events = {on_sent, on_head, on_body, on_end};
    struct health_check check = {.loop = loop, .call.events = &events};

    timer_init(&check.deadline, loop, on_deadline);
    int rc = timer_set(&check.deadline, deadline_ms);
    if (rc == OK)
        rc = client_start(client, &check.call, request);
    if (rc == AGAIN) {
        loop_run(loop);
        rc = check.rc;
    }
    timer_stop(&check.deadline);
    *ret_status = check.status;
    return rc;
}

static int ask_url(struct arena *a, const struct url *url, uint64_t deadline_ms, int *ret_status)
{
    const struct client_options options = {
        .limits = {.connect_ms = deadline_ms, .per_origin = 1, .header_bytes = HEADER_BYTES}
    };
    const struct header headers[] = {
        {SLICE("host"),       url->authority         },
        {SLICE("user-agent"), SLICE("courier-health")}
    };
    struct origin origin = {.key = arena_printf(a, "http://%.*s", SLICE_FMT(url->authority)),
                            .host = arena_copy(a, url->host),
                            .port = url->port};
    struct slice path = url->path.len ? url->path : SLICE("/");
    struct client_request request = {
        .origin = &origin,
        .method = SLICE("GET"),
        .target = arena_printf(a, "%.*s%s%.*s", SLICE_FMT(path), url->query.len ? "?" : "",
                               SLICE_FMT(url->query)),
        .headers = headers,
        .headers_len = ARRAY_LEN(headers),
    };

    if (!origin.key.at || !origin.host.at || !request.target.at)
        return -ENOMEM;
    origin.hash = slice_hash(origin.key);
    struct loop *loop = loop_new();
    struct client *client = loop ? client_new(loop, &options) : NULL;
    int rc = client ? ask(client, loop, &request, deadline_ms, ret_status) : -ENOMEM;
    client_free(client);
    loop_free(loop);
    return rc;
}

/* Where the gateway of this configuration is, as seen from here. Faults elsewhere in the file do
 * not matter: the gateway that is asked may run on what was there before. */
static struct slice usual_url(struct arena *a, const char *config_path)
{
    struct config c;

    config_load(config_path, &c);
    struct slice listen = c.settings.listen;
    struct slice url =
        arena_printf(a, "http://%.*s:%.*s/readyz", SLICE_FMT(listen_host_here(listen)),
                     SLICE_FMT(listen_port(listen)));
    config_free(&c);
    return url;
}

static int check_url(struct arena *a, struct slice text, uint64_t deadline_ms)
{
    const char *why = NULL;
    struct url url;
    int status = 0;

    if (url_parse(text, &url, &why) < 0 || url.tls || url.port == 0) {
        command_complain("\"%.*s\" cannot be asked: %s", SLICE_FMT(text),
                         why ? why : "http://HOST:PORT/PATH is allowed, without TLS");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    int rc = ask_url(a, &url, deadline_ms, &status);
    if (rc < 0)
        command_complain("%.*s does not answer: %s", SLICE_FMT(text), log_errno(rc));
    else
        printf("%.*s answers %d\n", SLICE_FMT(text), status);
    return rc == OK && status == 200 ? EXIT_GOOD : EXIT_FAILED;
}

static int run_health(const struct command *self, struct words words)
{
    const char *url = NULL, *config = NULL, *timeout = "3s";
    const struct flag flags[] = {
        {"url",                                                     "URL", "what to ask (/readyz at `listen` of the configuration)", &url, NULL},
        {"timeout", "TIME", "how long to wait for the answer (3s)", &timeout, NULL},
        {"config",                                                     "FILE", "the configuration (COURIER_CONFIG, courier.yaml)", &config, NULL},
        {0                                                },
    };
    uint64_t deadline_ms;
    struct arena arena;
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    if (parse_duration(slice_str(timeout), &deadline_ms) < 0 || deadline_ms == 0 ||
        deadline_ms > DEADLINE_MOST_MS) {
        command_complain("--timeout must be a duration up to 1h, like 500ms or 3s");
        return EXIT_USAGE;
    }
    arena_init(&arena, 0);
    code = check_url(&arena, url ? slice_str(url) : usual_url(&arena, config), deadline_ms);
    arena_clear(&arena);
    return code;
}

const struct command command_health = {
    .name = "health",
    .summary = "Asks a running gateway whether it may take traffic.",
    .about = "Exit code 0 when it answers 200, else 1. /readyz is 503 while nothing is loaded and\n"
             "while the gateway drains; /healthz is 200 as long as it runs.\n",
    .examples = "  courier health\n"
                "  courier health --url http://127.0.0.1:8080/healthz --timeout 500ms\n",
    .run = run_health,
};
