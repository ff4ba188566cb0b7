/* command_health.c: courier health: asks a running gateway whether it may take traffic.
 *
 * For the health checks of containers, whose images have no curl. */

#include "app/command.h"
#include "app/config_file.h"
#include "app/listen.h"

#include "base/fmt.h"
#include "codec/url.h"
#include "http/fetcher.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

enum { BODY_MOST = 64 * 1024, DEADLINE_MOST_MS = 3600 * 1000 };

/* OK: *ret_status is the answer's; -errno: there was none in time. */
static int ask_url(struct arena *a, const struct url *url, uint64_t deadline_ms, int *ret_status)
{
    const struct header agent = {SLICE("user-agent"), SLICE("courier-health")};
    struct slice path = url->path.len ? url->path : SLICE("/");
    struct fetch question = {
        .url = url,
        .method = SLICE("GET"),
        .target = arena_printf(a, "%.*s%s%.*s", SLICE_FMT(path), url->query.len ? "?" : "",
                               SLICE_FMT(url->query)),
        .headers = &agent,
        .headers_len = 1,
        .silence_ms = deadline_ms,
        .body_most = BODY_MOST,
    };
    struct fetcher *f;
    struct fetched answer;
    int rc = question.target.at ? fetcher_new(NULL, &f) : -ENOMEM;

    if (rc < 0)
        return rc;
    rc = fetcher_ask(f, &question, a, &answer);
    fetcher_free(f);
    *ret_status = answer.status;
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
    const char *why;
    struct url url;
    int status = 0;

    if (url_parse(text, &url, &why) < 0) {
        command_complain("\"%.*s\" cannot be asked: it %s", SLICE_FMT(text), why);
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
