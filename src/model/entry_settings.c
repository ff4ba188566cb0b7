/* entry_settings.c: what users, keys, providers, models and their targets may have. */

#include "model/setting.h"

#define HOUR (60ul * 60 * 1000)

enum { TOKENS_MOST = 100000000, LIMIT_MOST = 1000000000, TPM_MOST = 2000000000 };

#define PROVIDER(member) SETTING_MEMBER(struct provider_row, member)
#define MODEL(member)    SETTING_MEMBER(struct model_row, member)
#define TARGET(member)   SETTING_MEMBER(struct target_row, member)
#define USER(member)     SETTING_MEMBER(struct user_row, member)
#define KEY(member)      SETTING_MEMBER(struct key_row, member)
#define LIMIT(member)    SETTING_MEMBER(struct key_limit, member)
#define WORDS(...)       .words = SETTING_LIST(__VA_ARGS__)

const struct setting settings_provider[] = {
    {"name",                                                                           SETTING_NAME, .required = true, .fixed = true, .max = 64, PROVIDER(name),
     .help = "What models call it; `x-courier-provider` and the usage rows carry it."},
    {"type",                                                                SETTING_TYPE, .required = true, .max = 64, PROVIDER(type),
     .help = "How it is spoken to: one of the types below."},
    {"base_url",                                                                       SETTING_URL, PROVIDER(base_url),
     .help = "Where it is, with the path before `/chat`; a query goes with every request.",
     .absent = "the type's own"},
    {"api_key", SETTING_SECRET, .min = 1, PROVIDER(api_key),
     .help = "Its key, sealed in the store.", .absent = "none is sent"},
    {0                                                                          },
};

const struct setting settings_model[] = {
    {"name",                                           SETTING_NAME, .required = true, .fixed = true, .max = 128, MODEL(name),
     .help = "What clients call it."},
    {"provider",                                SETTING_NAME, .max = 64, MODEL(provider),
     .help = "The provider's name, from `providers`.",
     .absent = "required, unless each of `targets` has one"},
    {"upstream_model",                                      SETTING_NAME, .max = 256, MODEL(upstream_model),
     .help = "What the provider calls it.", .absent = "the name"},
    {"endpoint",                  SETTING_URL, MODEL(endpoint), .help = "A base URL of its own.",
     .absent = "the provider's"},
    {"api_key",                                       SETTING_SECRET, .min = 1, MODEL(api_key), .help = "A key of its own.",
     .absent = "the provider's"},
    {"timeout",                                       SETTING_DURATION, .min = 1, .max = 24 * HOUR, MODEL(timeout_ms),
     .help =
         "How long one attempt may take until it is answered: until the whole body, or, streamed, "
         "until the first content.", .absent = "`timeouts.answer`, `timeouts.first_token`"},
    {"retries", SETTING_COUNT, "1", .min = 0, .max = 10, MODEL(retries),
     .help = "How often a call that failed fast is repeated on the same target, before the next "
             "one is tried."},
    {"fallback",                                                SETTING_NAMES, .max = 128, MODEL(fallback),
     .help = "Other models that answer when this one cannot, in this order.", .absent = "none"},
    {"fallback_on",SETTING_WORDS, WORDS("context_length"), MODEL(fallback_on),
     .help = "Faults of the caller's own request that the fallback may still answer: "
             "`context_length`, a prompt that is too long for this model.", .absent = "none"},
    {"keepalive",                           SETTING_DURATION, "off", .off = true, .min = 1000, .max = HOUR,
     MODEL(keepalive_ms),
     .help = "Streamed: how often a comment is sent while the first content is awaited. From the "
             "first comment on a failure is told within the stream."},
    {"rescue",                            SETTING_WORD, "off", WORDS("off", "verified"), MODEL(rescue),
     .help =
         "`verified`: a stream that was cut is asked for again elsewhere and goes on when that "
         "answer begins with exactly the text already sent. For the same model at temperature 0."},
    {"max_tokens",                                       SETTING_COUNT, .min = 1, .max = TOKENS_MOST, MODEL(max_tokens),
     .help = "The tokens that an answer may have when the caller gives no limit and the provider "
             "insists on one. Clients are told it by `/v1/models`.", .absent = "what the provider's model is known to take"},
    {"context_window",                                 SETTING_COUNT, .min = 1, .max = TOKENS_MOST, MODEL(context_window),
     .help = "Tokens of prompt and answer together. Clients are told it by `/v1/models`.",
     .absent = "not told"},
    {"modalities",                       SETTING_WORDS, WORDS("text", "image", "audio", "file"), MODEL(modalities),
     .help = "What its prompts may hold. Clients are told it by `/v1/models`.",
     .absent = "not told"},
    {"cache",                                        SETTING_DURATION, "off", .off = true, .min = 1000, .max = 24 * HOUR, MODEL(cache_ms),
     .help = "How long an answer is kept and given again to exactly the same call, without asking "
             "the provider (docs/caching.md)."},
    {"cache_scope",                                        SETTING_WORD, "key", WORDS("key", "shared"), MODEL(cache_shared),
     .help = "Who gets it: only calls with the same key, or those of every key that may use the "
             "model."},
    {0                    },
};

const struct setting settings_target[] = {
    {"provider",                                             SETTING_NAME, .max = 64, TARGET(provider),
     .help = "The provider's name, from `providers`. With another than the model's, endpoint and "
             "key are not the model's but that provider's.", .absent = "the model's"},
    {"upstream_model",                                             SETTING_NAME, .max = 256, TARGET(upstream_model),
     .help = "What the provider calls it.", .absent = "the model's"},
    {"endpoint", SETTING_URL, TARGET(endpoint), .help = "A base URL of its own.",
     .absent = "the model's"},
    {"api_key",                                                      SETTING_SECRET, .min = 1, TARGET(api_key), .help = "A key of its own.",
     .absent = "the model's"},
    {0},
};

#define STATUS_HELP "`disabled` works at once, and can be taken back."

const struct setting settings_user[] = {
    {"name",            SETTING_LABEL, .required = true, .max = 128, USER(name), .help = "Who it is."},
    {"status", SETTING_WORD, "active", .apart = true, WORDS("active", "disabled"), USER(disabled),
     .help = STATUS_HELP},
    {0      },
};

const struct setting settings_key[] = {
    {"user_id",          SETTING_COUNT, .required = true, .fixed = true, .min = 1, .max = INT64_MAX,
     KEY(user_id), .help = "Whose it is."},
    {"name",  SETTING_LABEL, .max = 128, KEY(name), .help = "What it is for.", .absent = "empty"},
    {"status",          SETTING_WORD, "active", .apart = true, WORDS("active", "disabled"), KEY(disabled),
     .help = STATUS_HELP},
    {"admin",       SETTING_BOOL, "false", KEY(admin), .help = "Whether it may administer."},
    {"rpm",                  SETTING_COUNT, .min = 1, .max = LIMIT_MOST, KEY(rpm), .help = "Requests a minute.",
     .absent = "no limit"},
    {"tpm",    SETTING_COUNT, .min = 1, .max = TPM_MOST, KEY(tpm), .help = "Tokens a minute.",
     .absent = "no limit"},
    {"concurrency",         SETTING_COUNT, .min = 1, .max = LIMIT_MOST, KEY(concurrency),
     .help = "Requests at a time.", .absent = "no limit"},
    {"models", SETTING_NAMES, .filled = true, .max = 128, KEY(models),
     .help = "It may use only these.", .absent = "all"},
    {"expires_at",           SETTING_TIME, KEY(expires_wall_us), .help = "From then on it is refused.",
     .absent = "never"},
    {0         },
};

const struct setting settings_key_limit[] = {
    {"rpm",       SETTING_COUNT, .min = 1, .max = LIMIT_MOST, LIMIT(rpm), .absent = "no limit"},
    {"tpm",   SETTING_COUNT, .min = 1, .max = TPM_MOST, LIMIT(tpm), .absent = "no limit"},
    {"concurrency", SETTING_COUNT, .min = 1, .max = LIMIT_MOST, LIMIT(concurrency),
     .absent = "no limit"},
    {0          },
};
