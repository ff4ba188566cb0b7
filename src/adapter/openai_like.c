/* openai_like.c: one row for each vendor that speaks OpenAI's dialect.
 *
 * To add one: a row here, a folder of fixtures in tests/adapter/, see docs/adding-a-provider.md.
 * What vendors do differently in their answers (where usage stands, how errors look) is read by
 * wire/ for all of them alike; a rule is needed only for what must be sent differently. */

#include "adapter/openai_like.h"
#include "adapter/openai.h"

enum need { OPTIONAL = false, REQUIRED = true };

/* clang-format off */
#define SETTINGS(url, url_need)                                                                    \
    (const struct setting_rule[]){                                                                 \
        {"base_url", url_need, url, "where its API is; ends before /chat/completions"},            \
        {"api_key", OPTIONAL, NULL, "sent as Authorization: Bearer when given"},                   \
        {NULL, false, NULL, NULL},                                                                 \
    }

/* What is behind classify_ are the endpoints that it has besides chat. */
#define VENDOR(vendor, settings_, rules, classify_, ...)                                           \
    {                                                                                              \
        .name = vendor, .dialect = DIALECT_CHAT, .settings = settings_,                            \
        .ops = {[CALL_CHAT] = &openai_chat_op, [CALL_MESSAGES] = &openai_messages_op,              \
                __VA_ARGS__},                                                                      \
        .row = &rules, .classify = classify_,                                                      \
    }
#define COMPLETIONS [CALL_COMPLETIONS] = &openai_chat_op
#define EMBEDDINGS  [CALL_EMBEDDINGS] = &openai_embeddings_op
#define RESPONSES   [CALL_RESPONSES] = &openai_responses_op
#define ALL         COMPLETIONS, EMBEDDINGS, RESPONSES
/* clang-format on */

static const struct setting_rule azure_settings[] = {
    {"base_url", REQUIRED, NULL, "the resource, https://NAME.openai.azure.com; ?api-version=…"},
    {"api_key",  OPTIONAL, NULL, "sent as api-key when given"                                   },
    {NULL,       false,    NULL, NULL                                                           },
};

/* ---- members ---- */

/* Models that reason answer 400 unsupported_parameter to max_tokens. Source: platform.openai.com,
 * API reference "Chat", max_tokens */
static const struct openai_member origin_members[] = {
    {"max_tokens", OPENAI_RENAME, "max_completion_tokens", "o1"   },
    {"max_tokens", OPENAI_RENAME, "max_completion_tokens", "o3"   },
    {"max_tokens", OPENAI_RENAME, "max_completion_tokens", "o4"   },
    {"max_tokens", OPENAI_RENAME, "max_completion_tokens", "gpt-5"},
    {NULL,         0,             NULL,                    NULL   },
};

/* They document the old name only. */
static const struct openai_member old_names[] = {
    {"max_completion_tokens", OPENAI_RENAME, "max_tokens", NULL},
    {NULL,                    0,             NULL,         NULL},
};

/* docs.bigmodel.cn and platform.moonshot.ai: temperature is 0 to 1 */
static const struct openai_member cool_members[] = {
    {"max_completion_tokens", OPENAI_RENAME, "max_tokens", NULL},
    {"temperature",           OPENAI_CLAMP,  "1",          NULL},
    {NULL,                    0,             NULL,         NULL},
};

/* help.aliyun.com/zh/model-studio, "OpenAI compatible - Chat": temperature is below 2 */
static const struct openai_member qwen_members[] = {
    {"max_completion_tokens", OPENAI_RENAME, "max_tokens", NULL},
    {"temperature",           OPENAI_CLAMP,  "1.99",       NULL},
    {NULL,                    0,             NULL,         NULL},
};

/* Mistral answers 422 extra_forbidden to what it does not know. Sources: docs.mistral.ai, API
 * "Chat" (names, temperature to 1.5); github.com/BerriAI/litellm/issues/8978,
 * github.com/Gitlawb/openclaude/issues/739, github.com/editor-code-assistant/eca/issues/231 */
static const struct openai_member mistral_members[] = {
    {"max_completion_tokens", OPENAI_RENAME, "max_tokens",  NULL},
    {"seed",                  OPENAI_RENAME, "random_seed", NULL},
    {"temperature",           OPENAI_CLAMP,  "1.5",         NULL},
    {"stream_options",        OPENAI_DROP,   NULL,          NULL},
    {"store",                 OPENAI_DROP,   NULL,          NULL},
    {"user",                  OPENAI_DROP,   NULL,          NULL},
    {"service_tier",          OPENAI_DROP,   NULL,          NULL},
    {"safety_identifier",     OPENAI_DROP,   NULL,          NULL},
    {"logit_bias",            OPENAI_REFUSE, NULL,          NULL},
    {"logprobs",              OPENAI_REFUSE, NULL,          NULL},
    {"top_logprobs",          OPENAI_REFUSE, NULL,          NULL},
    {NULL,                    0,             NULL,          NULL},
};

/* console.groq.com/docs/openai, "Currently Unsupported OpenAI Features": a 400 when supplied */
static const struct openai_member groq_members[] = {
    {"logit_bias",   OPENAI_REFUSE, NULL, NULL},
    {"logprobs",     OPENAI_REFUSE, NULL, NULL},
    {"top_logprobs", OPENAI_REFUSE, NULL, NULL},
    {NULL,           0,             NULL, NULL},
};

/* 400 "Unknown name": github.com/ed-donner/agents/issues/45,
 * github.com/liliMozi/openhanako/issues/394 */
static const struct openai_member gemini_members[] = {
    {"store",    OPENAI_DROP, NULL, NULL},
    {"metadata", OPENAI_DROP, NULL, NULL},
    {NULL,       0,           NULL, NULL},
};

/* ---- rows ---- */

static const struct openai_rules plain = {0};

static const struct openai_rules origin = {.members = origin_members, .is_origin = true};

static const struct openai_rules old = {.members = old_names};

static const struct openai_rules qwen = {.members = qwen_members};

static const struct openai_rules zhipu = {.members = cool_members};

static const struct openai_rules groq = {.members = groq_members};

/* They reason between tool calls, and want what they thought back with the results. Sources:
 * api-docs.deepseek.com "Thinking Mode"; platform.moonshot.ai "Use the thinking model" */
static const struct openai_rules deepseek = {.members = old_names, .takes_reasoning = true};
static const struct openai_rules moonshot = {.members = cool_members, .takes_reasoning = true};

/* openrouter.ai/docs, "Prompt caching", "Reasoning tokens": effort is ignored by models without it
 */
static const struct openai_rules openrouter = {.knows_cache_control = true, .has_effort = true};

/* It tells usage on the last chunk unasked. Source: github.com/TabbyML/tabby/pull/4082 */
static const struct openai_rules mistral = {
    .members = mistral_members,
    .refuses_stream_options = true,
};

/* learn.microsoft.com, "Azure OpenAI in Azure AI Foundry Models REST API reference". The query is
 * the version that is generally available longest. What the model is called is the deployment: the
 * rules of a model's name hold when it is named after its model. */
static const struct openai_rules azure = {
    .members = origin_members,
    .key = OPENAI_KEY_HEADER,
    .deployments = "/openai/deployments/",
    .query = "api-version=2024-10-21",
    .is_origin = true,
};

/* ai.google.dev/gemini-api/docs/thought-signatures */
static const struct openai_rules gemini = {
    .members = gemini_members,
    .takes_signatures = true,
    .is_gemini = true,
};

/* Vertex AI, and gateways, may stand in front of Gemini. */
static const struct openai_rules any = {.takes_signatures = true};

/* Zhipu numbers its errors: key or account, whatever the status (an account in arrears is 429), and
 * a prompt that is too long. Source: docs.z.ai/api-reference/api-code */
static void classify_zhipu(int status, const struct headers *h, struct slice body,
                           struct fault *ret)
{
    static const char *const account[] = {"1000", "1001", "1002", "1003", "1004", "1110",
                                          "1111", "1112", "1113", "1120", "1121", NULL};
    static const char *const context[] = {"1261", NULL};

    openai_classify_by(status, h, body, &(struct openai_codes){account, context}, ret);
}

const struct adapter openai_like[OPENAI_LIKE_LEN] = {
    VENDOR("openai", SETTINGS("https://api.openai.com/v1", OPTIONAL), origin, openai_classify, ALL),
    VENDOR("azure_openai", azure_settings, azure, openai_classify, COMPLETIONS, EMBEDDINGS),
    /* any service of that dialect: a private one over plain http, or one without a row here */
    VENDOR("openai_compatible", SETTINGS(NULL, REQUIRED), any, openai_classify, ALL),
    /* docs.vllm.ai, "OpenAI-Compatible Server": port 8000; wants a key only with --api-key */
    VENDOR("vllm", SETTINGS("http://127.0.0.1:8000/v1", OPTIONAL), plain, openai_classify, ALL),
    /* docs.ollama.com, "OpenAI compatibility": a key is accepted and ignored */
    VENDOR("ollama", SETTINGS("http://127.0.0.1:11434/v1", OPTIONAL), old, openai_classify, ALL),
    /* api-docs.deepseek.com: cached tokens are prompt_cache_hit_tokens; completions are at another
     * URL, /beta */
    VENDOR("deepseek", SETTINGS("https://api.deepseek.com", OPTIONAL), deepseek, openai_classify),
    /* Alibaba Cloud Model Studio, "OpenAI compatible - Chat", "Embedding", "Completions"; outside
     * China https://dashscope-intl.aliyuncs.com/compatible-mode/v1 */
    VENDOR("qwen", SETTINGS("https://dashscope.aliyuncs.com/compatible-mode/v1", OPTIONAL), qwen,
           openai_classify, COMPLETIONS, EMBEDDINGS),
    /* docs.bigmodel.cn; outside China https://api.z.ai/api/paas/v4 */
    VENDOR("zhipu", SETTINGS("https://open.bigmodel.cn/api/paas/v4", OPTIONAL), zhipu,
           classify_zhipu, EMBEDDINGS),
    /* platform.moonshot.ai; in China https://api.moonshot.cn/v1. Usage stands in the last choice:
     * github.com/northes/go-moonshot/issues/17 */
    VENDOR("moonshot", SETTINGS("https://api.moonshot.ai/v1", OPTIONAL), moonshot, openai_classify),
    /* console.groq.com/docs/openai, "Responses API"; older streams tell usage in x_groq */
    VENDOR("groq", SETTINGS("https://api.groq.com/openai/v1", OPTIONAL), groq, openai_classify,
           RESPONSES),
    VENDOR("mistral", SETTINGS("https://api.mistral.ai/v1", OPTIONAL), mistral, openai_classify,
           EMBEDDINGS),
    /* openrouter.ai/docs: errors carry the status as a number in `code` */
    VENDOR("openrouter", SETTINGS("https://openrouter.ai/api/v1", OPTIONAL), openrouter,
           openai_classify, ALL),
    /* docs.together.ai, "OpenAI compatibility" */
    VENDOR("together", SETTINGS("https://api.together.ai/v1", OPTIONAL), old, openai_classify,
           COMPLETIONS, EMBEDDINGS),
    /* docs.x.ai: completion_tokens leave the reasoning tokens out */
    VENDOR("xai", SETTINGS("https://api.x.ai/v1", OPTIONAL), plain, openai_classify, RESPONSES),
    /* docs.siliconflow.cn; outside China https://api.siliconflow.com/v1 */
    VENDOR("siliconflow", SETTINGS("https://api.siliconflow.cn/v1", OPTIONAL), old, openai_classify,
           EMBEDDINGS),
    /* ai.google.dev/gemini-api/docs/openai; errors are objects in an array */
    VENDOR("gemini", SETTINGS("https://generativelanguage.googleapis.com/v1beta/openai", OPTIONAL),
           gemini, openai_classify, EMBEDDINGS),
};
