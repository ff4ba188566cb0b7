/* remote_commands.c: the commands that speak to a running gateway, as a table. */

#include "app/remote_verb.h"

#define ABOUT                                                                                      \
    "Speaks to the gateway at COURIER_URL with the key in COURIER_ADMIN_KEY. Exit codes: 0 "       \
    "done,\n"                                                                                      \
    "1 refused, 2 called wrongly, 3 the gateway cannot be reached.\n"
#define ABOUT_STORE                                                                                \
    "With COURIER_URL or --url it speaks to that gateway with the key in COURIER_ADMIN_KEY, "      \
    "else\n"                                                                                       \
    "it works on the store of the configuration itself (its flags then: --config FILE).\n"

/* --- users --- */

static const struct remote_column user_columns[] = {
    {"id",     "ID"},
    {"name",        "NAME"},
    {"status","STATUS"},
    {"created_at", "CREATED"},
    {0       }
};
static const struct remote_word user_query[] = {
    {"name",          "TEXT", "of that name", "name", REMOTE_TEXT},
    {0}
};

const struct remote_verb remote_user_list = {
    .command = {.name = "user list",
                .summary = "Lists the users.",
                .about = ABOUT,
                .examples = "  courier user list\n  courier user list --name ann --json\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/users",
    .query = user_query,
    .columns = user_columns,
};
const struct remote_verb remote_user_show = {
    .command = {.name = "user show",
                .summary = "Shows a user.",
                .operand = "ID",
                .about = ABOUT,
                .examples = "  courier user show 3\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/users/{}",
};
const struct remote_verb remote_user_create = {
    .command = {.name = "user create",
                .summary = "Makes a user.",
                .about = ABOUT,
                .examples = "  courier user create --name ann\n",
                .run = remote_run},
    .method = "POST",
    .path = "/admin/v1/users",
    .settings = settings_user,
};
const struct remote_verb remote_user_update = {
    .command = {.name = "user update",
                .summary = "Changes a user.",
                .operand = "ID",
                .about = ABOUT,
                .examples = "  courier user update 3 --status disabled\n",
                .run = remote_run},
    .method = "PATCH",
    .path = "/admin/v1/users/{}",
    .settings = settings_user,
};
const struct remote_verb remote_user_delete = {
    .command = {.name = "user delete",
                .summary = "Deletes a user: the keys are revoked, the statistics stay.",
                .operand = "ID",
                .about = ABOUT,
                .examples = "  courier user delete 3\n",
                .run = remote_run},
    .method = "DELETE",
    .path = "/admin/v1/users/{}",
    .done = "is deleted",
};

/* --- keys --- */

static const struct remote_column key_columns[] = {
    {"id",          "ID"},
    {"user_name",             "USER"},
    {"name","NAME"},
    {"prefix",        "KEY"},
    {"status",             "STATUS"},
    {"admin", "ADMIN"},
    {"rpm",      "RPM"},
    {"tpm",             "TPM"},
    {"concurrency",      "CONCURRENCY"},
    {"models",         "MODELS"},
    {"expires_at",             "EXPIRES"},
    {"last_used_at","LAST USED"},
    {0}
};
static const struct remote_word key_query[] = {
    {"user-id",       "ID", "of that user", "user_id", REMOTE_TEXT},
    {"status", "STATUS", "active, disabled, revoked or expired", "status", REMOTE_TEXT},
    {0   }
};
static const struct remote_word key_user[] = {
    {"user",                                                   "NAME", "whose key it is; made when there is none of that name", "user_id",
     REMOTE_USER},
    {0}
};
static const struct remote_word key_grace[] = {
    {"grace",                                  "TIME", "how long the old key stays good (24h)", "grace", REMOTE_TEXT},
    {0}
};

const struct remote_verb remote_key_list = {
    .command = {.name = "key list",
                .summary = "Lists the keys.",
                .about = ABOUT_STORE,
                .examples = "  courier key list\n  courier key list --status active --user-id 3\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/keys",
    .query = key_query,
    .columns = key_columns,
    .offline = &command_key_list,
};
const struct remote_verb remote_key_show = {
    .command = {.name = "key show",
                .summary = "Shows a key's settings; the key itself is not kept anywhere.",
                .operand = "ID",
                .about = ABOUT,
                .examples = "  courier key show 7\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/keys/{}",
};
const struct remote_verb remote_key_create = {
    .command = {.name = "key create",
                .summary = "Makes a key and prints it, once.",
                .about = ABOUT_STORE "The key alone goes to standard output. A running gateway "
                                     "accepts it within a second.\n", .examples = "  courier key create --user ann\n"
                            "  courier key create --user ci --name build --rpm 60 --models gpt-4o "
                            "--expires 30d\n"
                            "  KEY=$(courier key create --user me --admin)\n", .run = remote_run},
    .method = "POST",
    .path = "/admin/v1/keys",
    .settings = settings_key,
    .body = key_user,
    .reveal = "key",
    .offline = &command_key_create,
};
const struct remote_verb remote_key_update = {
    .command = {.name = "key update",
                .summary = "Changes a key's settings.",
                .operand = "ID",
                .about = ABOUT,
                .examples = "  courier key update 7 --rpm 120 --tpm none\n"
                            "  courier key update 7 --status disabled\n", .run = remote_run},
    .method = "PATCH",
    .path = "/admin/v1/keys/{}",
    .settings = settings_key,
};
const struct remote_verb remote_key_rotate = {
    .command = {.name = "key rotate",
                .summary = "Makes a new key for the same settings; the old one ends after a grace.",
                .operand = "ID",
                .about = ABOUT,
                .examples = "  KEY=$(courier key rotate 7 --grace 24h)\n",
                .run = remote_run},
    .method = "POST",
    .path = "/admin/v1/keys/{}/rotate",
    .body = key_grace,
    .reveal = "key",
};
const struct remote_verb remote_key_revoke = {
    .command = {.name = "key revoke",
                .summary = "Revokes a key. A running gateway refuses it within a second.",
                .operand = "ID",
                .about = ABOUT_STORE,
                .examples = "  courier key revoke 7\n",
                .run = remote_run},
    .method = "DELETE",
    .path = "/admin/v1/keys/{}",
    .done = "is revoked",
    .offline = &command_key_revoke,
};

/* --- providers --- */

static const struct remote_column provider_columns[] = {
    {"name",     "NAME"},
    {"type",          "TYPE"},
    {"base_url","BASE URL"},
    {"api_key_set", "HAS KEY"},
    {"source",          "SOURCE"},
    {0}
};

const struct remote_verb remote_provider_list = {
    .command = {.name = "provider list",
                .summary = "Lists the providers.",
                .about = ABOUT,
                .examples = "  courier provider list\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/providers",
    .columns = provider_columns,
};
const struct remote_verb remote_provider_show = {
    .command = {.name = "provider show",
                .summary = "Shows a provider; its key is never shown.",
                .operand = "NAME",
                .about = ABOUT,
                .examples = "  courier provider show gpu-box\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/providers/{}",
};
const struct remote_verb remote_provider_create = {
    .command = {.name = "provider create",
                .summary = "Makes a provider.",
                .about = ABOUT,
                .examples = "  courier provider create --name gpu-box --type TYPE "
                            "--base-url http://10.0.0.5:8000/v1\n"
                            "  courier provider create --name cloud --type TYPE "
                            "--base-url https://host/v1 --api-key-file key.txt\n", .run = remote_run},
    .method = "POST",
    .path = "/admin/v1/providers",
    .settings = settings_provider,
};
const struct remote_verb remote_provider_update = {
    .command = {.name = "provider update",
                .summary = "Changes a provider.",
                .operand = "NAME",
                .about = ABOUT,
                .examples = "  printf %s \"$NEW_KEY\" | courier provider update cloud "
                            "--api-key-file -\n", .run = remote_run},
    .method = "PATCH",
    .path = "/admin/v1/providers/{}",
    .settings = settings_provider,
};
const struct remote_verb remote_provider_delete = {
    .command = {.name = "provider delete",
                .summary = "Deletes a provider that no model uses.",
                .operand = "NAME",
                .about = ABOUT,
                .examples = "  courier provider delete gpu-box\n",
                .run = remote_run},
    .method = "DELETE",
    .path = "/admin/v1/providers/{}",
    .done = "is deleted",
};

/* --- models --- */

static const struct remote_column model_columns[] = {
    {"name",           "NAME"},
    {"provider",                "PROVIDER"},
    {"upstream_model","UPSTREAM MODEL"},
    {"timeout", "TIMEOUT"},
    {"retries",                "RETRIES"},
    {"fallback",       "FALLBACK"},
    {"source",        "SOURCE"},
    {0               }
};

const struct remote_verb remote_model_list = {
    .command = {.name = "model list",
                .summary = "Lists the models.",
                .about = ABOUT,
                .examples = "  courier model list\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/models",
    .columns = model_columns,
};
const struct remote_verb remote_model_show = {
    .command = {.name = "model show",
                .summary = "Shows a model.",
                .operand = "NAME",
                .about = ABOUT,
                .examples = "  courier model show gpt-4o\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/models/{}",
};
const struct remote_verb remote_model_create = {
    .command = {.name = "model create",
                .summary = "Makes a model.",
                .about = ABOUT,
                .examples = "  courier model create --name small --provider gpu-box --timeout 60s "
                            "--fallback large\n"
                            "  courier model create --body model.json\n", .run = remote_run},
    .method = "POST",
    .path = "/admin/v1/models",
    .settings = settings_model,
};
const struct remote_verb remote_model_update = {
    .command = {.name = "model update",
                .summary = "Changes a model.",
                .operand = "NAME",
                .about = ABOUT,
                .examples = "  courier model update small --fallback none --cache 60s\n",
                .run = remote_run},
    .method = "PATCH",
    .path = "/admin/v1/models/{}",
    .settings = settings_model,
};
const struct remote_verb remote_model_delete = {
    .command = {.name = "model delete",
                .summary = "Deletes a model.",
                .operand = "NAME",
                .about = ABOUT,
                .examples = "  courier model delete small\n",
                .run = remote_run},
    .method = "DELETE",
    .path = "/admin/v1/models/{}",
    .done = "is deleted",
};

/* --- statistics and logs --- */

static const struct remote_column usage_columns[] = {
    {"group",             "GROUP"},
    {"requests",                   "REQUESTS"},
    {"errors","ERRORS"},
    {"prompt_tokens",            "PROMPT"},
    {"completion_tokens",                   "COMPLETION"},
    {"total_tokens","TOTAL"},
    {"cached_tokens", "CACHED"},
    {"reasoning_tokens",                   "REASONING"},
    {"latency_p50_ms",             "P50 MS"},
    {"latency_p95_ms",     "P95 MS"},
    {"latency_p99_ms",                   "P99 MS"},
    {0}
};
static const struct remote_word usage_query[] = {
    {"from",                     "TIME", "7d ago, or a date (24h)", "from", REMOTE_TIME},
    {"to", "TIME", "1d ago, or a date (now)", "to", REMOTE_TIME},
    {"by",               "WHAT", "hour, day, model, provider, user or key", "group_by", REMOTE_TEXT},
    {"model",                       "NAME", "of that model", "model", REMOTE_TEXT},
    {"user-id", "ID", "of that user", "user_id", REMOTE_TEXT},
    {"key-id",               "ID", "of that key", "key_id", REMOTE_TEXT},
    {0                      }
};
static const struct remote_column log_columns[] = {
    {"created_at",    "TIME"},
    {"status",               "STATUS"},
    {"http_status","HTTP"},
    {"requested_model",   "MODEL"},
    {"served_model",               "SERVED"},
    {"provider",      "PROVIDER"},
    {"prompt_tokens",  "PROMPT"},
    {"completion_tokens",               "COMPLETION"},
    {"latency_ms","MS"},
    {"first_token_ms", "FIRST MS"},
    {"attempts",               "ATTEMPTS"},
    {"key_id","KEY"},
    {"request_id",    "REQUEST"},
    {0              }
};
static const struct remote_word log_query[] = {
    {"from",                                  "TIME", "1h ago, or a date", "from", REMOTE_TIME},
    {"to",                    "TIME", "10m ago, or a date (now)", "to", REMOTE_TIME},
    {"status",                            "STATUS", "ok, client_error, upstream_error …", "status", REMOTE_TEXT},
    {"model",                                    "NAME", "of that model", "model", REMOTE_TEXT},
    {"provider",             "NAME", "of that provider", "provider", REMOTE_TEXT},
    {"user-id",                            "ID", "of that user", "user_id", REMOTE_TEXT},
    {"key-id",                                "ID", "of that key", "key_id", REMOTE_TEXT},
    {"request-id", "ID", "that request", "request_id", REMOTE_TEXT},
    {0                           }
};

const struct remote_verb remote_usage = {
    .command = {.name = "usage",
                .summary = "Sums of requests and tokens.",
                .about = ABOUT,
                .examples = "  courier usage --from 7d --by model\n"
                            "  courier usage --from 2030-01-01T00:00:00Z --by day --json\n", .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/usage",
    .query = usage_query,
    .columns = usage_columns,
};
const struct remote_verb remote_logs = {
    .command = {.name = "logs",
                .summary = "Calls, newest first.",
                .about = ABOUT,
                .examples = "  courier logs --from 1h --status upstream_error --limit 20\n"
                            "  courier logs --from 30d --format csv > calls.csv\n", .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/logs",
    .query = log_query,
    .columns = log_columns,
    .export = true,
};

/* --- stored prompts --- */

/* As controller/admin/prompts.c has it. */
enum { PROMPTS_PAGE = 20 };

#define ABOUT_PROMPTS                                                                              \
    ABOUT "What is read is told in the audit log. Nothing is stored unless store_prompts says "    \
          "so.\n"

static const struct remote_column prompt_columns[] = {
    {"created_at", "TIME"},
    {"status",            "STATUS"},
    {"model","MODEL"},
    {"mode",      "MODE"},
    {"user_id",            "USER"},
    {"key_id", "KEY"},
    {"request_id",    "REQUEST"},
    {0           }
};
static const struct remote_word prompt_query[] = {
    {"from",                      "TIME", "1h ago, or a date", "from", REMOTE_TIME},
    {"to",        "TIME", "10m ago, or a date (now)", "to", REMOTE_TIME},
    {"model",                "NAME", "of that model", "model", REMOTE_TEXT},
    {"user-id",                        "ID", "of that user", "user_id", REMOTE_TEXT},
    {"key-id", "ID", "of that key", "key_id", REMOTE_TEXT},
    {0               }
};

const struct remote_verb remote_prompts_list = {
    .command = {.name = "prompts list",
                .summary = "Calls whose prompts are stored, newest first.",
                .about = ABOUT_PROMPTS,
                .examples = "  courier prompts list --from 1h --limit 20\n"
                            "  courier prompts list --user-id 3 --json > prompts.json\n", .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/prompts",
    .query = prompt_query,
    .columns = prompt_columns,
    .page = PROMPTS_PAGE,
};
const struct remote_verb remote_prompts_show = {
    .command = {.name = "prompts show",
                .summary = "Shows what was asked and answered under a request id.",
                .operand = "REQUEST-ID",
                .about = ABOUT_PROMPTS,
                .examples = "  courier prompts show 01890a5d-ac96-774b-bcce-b302099a8057\n",
                .run = remote_run},
    .method = "GET",
    .path = "/admin/v1/prompts?request_id={}",
    .columns = prompt_columns,
    .page = PROMPTS_PAGE,
    .whole = true,
};
