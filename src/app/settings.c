/* settings.c: the table. The page docs/configuration.md is made from it (settings_page.c). */

#include "app/settings.h"

#define MINUTE (60ul * 1000)
#define HOUR   (60 * MINUTE)
#define KB     1024ul
#define MB     (1024 * KB)
#define GB     (1024 * MB)

#define GATEWAY(member) SETTING_MEMBER(struct settings, member)
#define WORDS(...)      .words = SETTING_LIST(__VA_ARGS__)

/* Laid out by hand, or every row would move with each new one. */
/* clang-format off */
const struct setting settings_table[] = {
    {"listen", SETTING_ADDRESS, "127.0.0.1:8080", GATEWAY(listen),
     .help =
         "Address and port to listen on. `:8080` is every address of the machine, port 0 any free "
         "port."},
    {"metrics_listen", SETTING_ADDRESS, GATEWAY(metrics_listen),
     .help = "An address and port of its own for `/metrics`, where it needs no key; `/healthz` and "
             "`/readyz` are there too.",
     .absent = "`/metrics` is at `listen` only, for admin keys"},
    {"workers", SETTING_COUNT, "auto", .automatic = true, .min = 1, .max = 256, GATEWAY(workers),
     .help = "Threads that serve requests; `auto` is one for each core."},
    {"store", SETTING_STORE, "sqlite:./data/courier.db", GATEWAY(store),
     .help =
         "Where users, keys, providers, models and usage are kept: a file of SQLite, made with its "
         "folder when it is not there, or a database of PostgreSQL 15 or newer, which serves "
         "several instances. A `postgres://` URL goes to libpq as it is: `?sslmode=verify-full` "
         "and "
         "all of its other parameters work. It is never shown with its password."},
    {"data", SETTING_PATH, "./data", GATEWAY(folder),
     .help =
         "The folder of an instance's own files (journals, a secret key that was made) when the "
         "store is not a file of SQLite. Two instances do not share one."},
    {"retention", SETTING_DURATION, "90d", .off = true, .min = 24 * HOUR, .max = 36500 * 24 * HOUR, GATEWAY(retention),
     .help = "How long rows of `usage_logs` stay, by whole days; `off`: for ever. Sums of hours stay "
             "for 400 days at least."},
    {"limiter", SETTING_LIMITER, "memory", GATEWAY(limiter.redis),
     .help = "Who counts requests and tokens against the limits of keys. `memory` is exact for one "
             "instance, a Redis for all that share it (docs/limits.md)."},
    {"limiter_ca_file", SETTING_PATH, GATEWAY(limiter.ca_file),
     .help = "PEM file of the authorities that the certificate of a `rediss://` is checked "
             "against.", .absent = "the system's"},
    {"limiter_timeout", SETTING_DURATION, "8ms", .reloadable = true, .min = 1, .max = 10 * 1000,
     GATEWAY(limiter.timeout), .help = "How long a request waits for Redis at most."},
    {"limiter_lease", SETTING_DURATION, "45s", .reloadable = true, .min = 1000, .max = MINUTE,
     GATEWAY(limiter.lease),
     .help = "How long the places of concurrent requests stay taken when their instance dies. "
             "Those of running requests are renewed."},
    {"on_limiter_failure", SETTING_WORD, "local", .reloadable = true, WORDS("local", "open", "closed"),
     GATEWAY(limiter.on_failure),
     .help = "What holds while Redis does not answer. `local`: each instance keeps its share of "
             "the limits; `open`: no limits; `closed`: requests of keys with limits are refused "
             "with 503."},
    {"limiter_instances", SETTING_COUNT, "auto", .automatic = true, .reloadable = true, .min = 1,
     .max = 10000, GATEWAY(limiter.instances),
     .help = "Among how many instances `local` shares the limits; `auto` is as many as Redis knew "
             "last."},
    {"admin_key", SETTING_SECRET, .reloadable = true, .min = 16, GATEWAY(admin_key),
     .help = "A key that may do everything.",
     .absent = "made at the first start and printed once"},
    {"secret_key", SETTING_SECRET, .min = 16, GATEWAY(secret_key),
     .help =
         "Seals the providers' keys in the store and hashes the keys of users. Whoever loses it "
         "must enter those keys anew and make new keys for users.",
     .absent = "made, and kept beside the SQLite file as `NAME.key`, or as `courier.key` in "
               "`data`, with mode 0600"},
    {"store_prompts", SETTING_WORD, "off", .reloadable = true, WORDS("off", "redacted", "full"),
     GATEWAY(store_prompts),
     .help = "Whether prompts and answers are stored, in a table of their own, for "
             "`prompts.retention`: not at all; without what tells about persons or opens doors; "
             "or as they are (docs/privacy.md)."},

    {"otlp_endpoint", SETTING_URL, GATEWAY(otlp_endpoint),
     .help = "Where OpenTelemetry traces are sent, by OTLP/HTTP with JSON, like "
             "`http://127.0.0.1:4318`; `/v1/traces` is added when it is not there.",
     .absent = "no traces"},
    {"otlp_headers", SETTING_SECRET, .min = 3, GATEWAY(otlp_headers),
     .help = "Fields that go with them: `name=value`, comma-separated, values percent-encoded.",
     .absent = "none"},
    {"otlp_sample", SETTING_RATIO, "1", GATEWAY(otlp_sample),
     .help = "The share of traces that are sent. A request that continues a trace by its "
             "`traceparent` is sent when that says so."},
    {"otlp_service_name", SETTING_NAME, "courier", .max = 128, GATEWAY(otlp_service_name),
     .help = "`service.name` of the traces."},

    {"log.level", SETTING_WORD, "info", .reloadable = true, WORDS("debug", "info", "warn", "error"),
     GATEWAY(log.level), .help = "The least that is logged."},
    {"log.format", SETTING_WORD, "json", .reloadable = true, WORDS("json", "text"),
     GATEWAY(log.format), .help = "One JSON object on each line, or text for people."},
    {"log.file", SETTING_PATH, .reloadable = true, GATEWAY(log.file),
     .help = "The file to write to; SIGHUP opens it anew, for rotation.",
     .absent = "standard error"},

    {"limits.body", SETTING_SIZE, "32MB", .min = KB, .max = GB, GATEWAY(limits.body),
     .help = "The largest body of a request: more is 413."},
    {"limits.header", SETTING_SIZE, "64KB", .min = KB, .max = MB, GATEWAY(limits.header),
     .help = "The largest head, of a request (431) and of a provider's answer."},
    {"limits.answer", SETTING_SIZE, "64MB", .min = KB, .max = GB, GATEWAY(limits.answer),
     .help = "The largest answer of a provider that is not streamed."},
    {"limits.frame", SETTING_SIZE, "8MB", .min = KB, .max = 256 * MB, GATEWAY(limits.frame),
     .help = "The largest single event of a stream."},
    {"limits.connections", SETTING_COUNT, "16384", .min = 1, .max = 1000000,
     GATEWAY(limits.connections), .help = "Clients connected at once, for each worker."},

    {"timeouts.connect", SETTING_DURATION, "5s", .min = 1, .max = 10 * MINUTE,
     GATEWAY(timeouts.connect), .help = "To reach a provider: name, TCP and TLS together."},
    {"timeouts.first_token", SETTING_DURATION, "30s", .reloadable = true, .min = 1,
     .max = 24 * HOUR, GATEWAY(timeouts.first_token),
     .help = "Streamed: from sending the request to the first content. A model's `timeout` wins."},
    {"timeouts.answer", SETTING_DURATION, "60s", .reloadable = true, .min = 1, .max = 24 * HOUR,
     GATEWAY(timeouts.answer),
     .help =
         "Not streamed: one attempt, until the whole answer is there. A model's `timeout` wins."},
    {"timeouts.idle", SETTING_DURATION, "30s", .reloadable = true, .min = 1, .max = 24 * HOUR,
     GATEWAY(timeouts.idle), .help = "The longest silence within a stream."},
    {"timeouts.total", SETTING_DURATION, "600s", .reloadable = true, .min = 1, .max = 24 * HOUR,
     GATEWAY(timeouts.total), .help = "A whole request, with all its attempts."},
    {"timeouts.drain_delay", SETTING_DURATION, "0s", .reloadable = true, .min = 0, .max = HOUR,
     GATEWAY(timeouts.drain_delay),
     .help = "How long after SIGTERM or SIGINT new requests are still taken, while `/readyz` is 503 "
             "already: for a load balancer to notice before one is refused."},
    {"timeouts.drain", SETTING_DURATION, "30s", .reloadable = true, .min = 0, .max = 24 * HOUR,
     GATEWAY(timeouts.drain),
     .help = "How long running requests may go on once nothing new is taken."},
    {"timeouts.head", SETTING_DURATION, "10s", .min = 1, .max = HOUR, GATEWAY(timeouts.head),
     .help = "For a client to send the head of a request: else 408."},
    {"timeouts.body", SETTING_DURATION, "30s", .min = 1, .max = HOUR, GATEWAY(timeouts.body),
     .help = "The longest silence of a client within the body of its request: else 408."},
    {"timeouts.keep_alive", SETTING_DURATION, "75s", .min = 1, .max = 24 * HOUR,
     GATEWAY(timeouts.keep_alive),
     .help = "How long a client's connection may stay without a request."},
    {"timeouts.write", SETTING_DURATION, "60s", .min = 1, .max = 24 * HOUR, GATEWAY(timeouts.write),
     .help = "A client that takes no byte of its answer for so long is gone."},

    {"upstream.connections", SETTING_COUNT, "16384", .min = 1, .max = 1000000,
     GATEWAY(upstream.connections),
     .help = "Open connections to one provider, for each worker; further requests wait in line."},
    {"upstream.waiting", SETTING_COUNT, "4096", .min = 0, .max = 1000000, GATEWAY(upstream.waiting),
     .help = "Requests in that line; more are refused with 503."},
    {"upstream.idle", SETTING_COUNT, "256", .min = 0, .max = 1000000, GATEWAY(upstream.idle),
     .help = "Unused connections kept open to one provider, for each worker."},
    {"upstream.idle_time", SETTING_DURATION, "50s", .min = 1, .max = 24 * HOUR,
     GATEWAY(upstream.idle_time), .help = "How long an unused connection is kept."},
    {"upstream.ca_file", SETTING_PATH, GATEWAY(upstream.ca_file),
     .help = "PEM file of the authorities that providers' certificates are checked against.",
     .absent = "the system's"},

    {"journal.folder",SETTING_PATH, GATEWAY(journal.folder),
     .help = "Where usage records wait on their way into the store; one gateway for each folder.",
     .absent = "`NAME.journal` beside the SQLite file; else `courier.journal` in `data`"},
    {"journal.size",                                                    SETTING_SIZE, "16MB", .min = 256 * KB, .max = 4 * GB, GATEWAY(journal.size),
     .help = "Of one worker's file, which holds records until the store or the spool has them."},
    {"journal.spool",                                                        SETTING_SIZE, "1GB", .min = 64 * KB, .max = 1024 * GB, GATEWAY(journal.spool),
     .help = "While the store is away records go into files in the folder, up to this size; about "
             "300 bytes a record."},
    {"journal.on_full",                                                 SETTING_WORD, "refuse", WORDS("refuse", "drop"), GATEWAY(journal.drop),
     .help = "With the spool at its size, or its disk full, and a worker's file three quarters "
             "full: `refuse` new requests with 503, so that no record is lost, or go on and `drop` "
             "records, which are counted."},

    {"cache.size", SETTING_SIZE, "64MB", .min = 64 * KB, .max = 64 * GB, GATEWAY(cache.size),
     .help = "Memory for answers that are kept (a model's `cache`), of all workers together. The "
             "longest unused make room."},
    {"cache.entry", SETTING_SIZE, "1MB", .min = KB, .max = 64 * MB, GATEWAY(cache.entry),
     .help = "The largest answer that is kept."},
    {"cache.timeout", SETTING_DURATION, "8ms", .min = 1, .max = 10 * 1000, GATEWAY(cache.timeout),
     .help = "With Redis as limiter answers are kept there: how long a call waits to be told "
             "whether its answer is."},

    {"prompts.retention", SETTING_DURATION, "30d", .min = 24 * HOUR, .max = 36500 * 24 * HOUR, GATEWAY(prompts.retention),
     .help = "How long stored prompts stay, by whole days; also when none are stored any more."},
    {"prompts.size", SETTING_SIZE, "256KB", .min = KB, .max = 512 * KB, GATEWAY(prompts.size),
     .help = "The most of one prompt, and of one answer, that is stored: a longer one is cut, and "
             "says so."},
    {"prompts.queue", SETTING_SIZE, "16MB", .min = MB, .max = 16 * GB, GATEWAY(prompts.queue),
     .help = "Memory for prompts and answers on their way into the store, of all workers together. "
             "What finds no room is not stored, and is counted; no request waits for it."},

    {"redact.patterns", SETTING_PATTERNS, GATEWAY(redact.patterns),
     .help = "Regular expressions (PCRE2) for what is to be taken out besides the kinds that are "
             "known (docs/privacy.md): of stored prompts, and of what callers wrote into log lines "
             "and rows. In the variable one a line.",
     .absent = "none"},

    {"snapshot.file", SETTING_PATH, GATEWAY(snapshot.file),
     .help =
         "Where users' keys (as hashes), providers and models are kept, sealed under secret_key, "
         "so that a gateway starts and serves while the database is away; `off`: nowhere. A key "
         "that was revoked after the file was written works again with a start from it, until "
         "the database is back.",
     .absent =
         "`courier.snapshot` in the folder of `data`; none with SQLite, which is a file itself"},
    {"snapshot.max_age", SETTING_DURATION, "off", .off = true, .min = 1000, .max = 1000 * 24 * HOUR,
     GATEWAY(snapshot.max_age),
     .help = "A gateway does not start from a file that the database said so long ago: it answers "
             "503 until the database is there."},
    {0                                           },
};
/* clang-format on */

void settings_env_name(const struct setting *s, char ret[SETTINGS_ENV_NAME])
{
    size_t n = 0;

    for (const char *p = "COURIER_"; *p; p++)
        ret[n++] = *p;
    for (const char *p = s->path; *p && n < SETTINGS_ENV_NAME - 1; p++) {
        char c = *p == '.' ? '_' : *p;
        ret[n++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    ret[n] = 0;
}

void settings_defaults(struct settings *ret)
{
    *ret = (struct settings){0};
    setting_defaults(settings_table, ret);
}
