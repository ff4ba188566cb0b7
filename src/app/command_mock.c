/* command_mock.c: courier mock: the fake provider as a process of its own. */

#include "app/command.h"
#include "app/demo.h"
#include "app/mock_plan.h"
#include "app/process.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static const char about[] =
    "Answers POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages (buffered "
    "and\n"
    "streamed), /v1/messages/count_tokens, /v1/embeddings, and GET /v1/models. What it answers is\n"
    "said behind a \"?\" in the model's name, so that a gateway in front passes it on:\n"
    "  mock?chunks=64&chunk_delay=50ms    mock?status=429&retry_after=2    mock?cut_after=3\n"
    "GET /mock/stats tells counters, GET /mock/last-request the last body as it came, and\n"
    "GET /mock/last-request/head its head; POST /mock/reset sets them to zero.\n"
    "`courier mock --keys` lists what can be said.\n";

static int print_keys(void)
{
    struct buf text;

    buf_init(&text, 1 << 16);
    mock_plan_help(&text);
    fwrite(text.at, 1, text.len, stdout);
    buf_free(&text);
    return EXIT_GOOD;
}

static int complain(int rc, const struct mock_options *options)
{
    if (rc == -EINVAL)
        command_complain("--listen must be IP:PORT, and --answer as `courier mock --keys` says");
    else
        command_complain("cannot listen on %.*s: %s", SLICE_FMT(options->listen), log_errno(rc));
    return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

/* Until a signal ends it. */
static int serve_mock(const struct mock_options *options)
{
    struct demo *demo;
    sigset_t ends;
    int number;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* the mock's thread inherits the mask */
    int rc = demo_start(options, &demo);
    if (rc < 0)
        return complain(rc, options);
    printf("courier mock is listening on http://127.0.0.1:%u\n", demo_port(demo));
    fflush(stdout);
    sigwait(&ends, &number);
    demo_stop(demo);
    return EXIT_GOOD;
}

static int run_mock(const struct command *self, struct words words)
{
    const char *listen = "127.0.0.1:9090", *answer = "";
    bool no_record = false, list_keys = false;
    const struct flag flags[] = {
        {"listen",                                          "ADDR", "address and port (127.0.0.1:9090); port 0: any", &listen, NULL},
        {"answer", "SPEC", "what holds where the model's name says nothing", &answer, NULL},
        {"no-record",                                             NULL, "do not keep the last request", NULL, &no_record},
        {"keys",                                          NULL, "list what SPEC and a model's name may say", NULL, &list_keys},
        {0},
    };
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    if (list_keys)
        return print_keys();
    process_prepare();
    return serve_mock(&(struct mock_options){slice_str(listen), slice_str(answer), !no_record});
}

const struct command command_mock = {
    .name = "mock",
    .summary = "A fake provider for demos, tests and benchmarks.",
    .about = about,
    .examples = "  courier mock --listen 127.0.0.1:9090\n"
                "  courier mock --answer 'bytes=32KB&chunks=64' --no-record\n"
                "  curl http://127.0.0.1:9090/v1/chat/completions -d '{\"model\":\"mock?chunks=3\","
                "\"stream\":true}'\n",
    .run = run_mock,
};
