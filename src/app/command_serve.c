/* command_serve.c: courier serve: the gateway itself. */

#include "app/command.h"
#include "app/gateway.h"

static bool is_port(const char *text)
{
    uint64_t port;

    return slice_to_u64(slice_str(text), &port) == OK && port <= 65535;
}

static int run_serve(const struct command *self, struct words words)
{
    struct gateway_options options = {0};
    const struct flag flags[] = {
        {"config",                                            "FILE", "the configuration (COURIER_CONFIG, courier.yaml)", &options.config,
         NULL},
        {"port", "N", "instead of the port of `listen`; 0: any free one", &options.port, NULL},
        {"demo",                                                NULL, "with no provider configured, start a mock and use it", NULL, &options.demo},
        {0                                             },
    };
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    if (options.port && !is_port(options.port)) {
        command_complain("--port must be a number from 0 to 65535, not \"%s\"", options.port);
        return EXIT_USAGE;
    }
    return gateway_run(&options);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "The gateway.",
    .about = "Prints one line when it is ready, then logs. SIGTERM and SIGINT drain and end it (a\n"
             "second one ends it at once), SIGHUP reads the configuration again.\n",
    .examples = "  courier serve\n  courier serve --config /etc/courier/courier.yaml\n"
                "  courier serve --demo --port 0\n",
    .run = run_serve,
};
