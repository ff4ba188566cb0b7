/* openai_like.c: one row for each vendor that speaks OpenAI's dialect.
 *
 * To add one: a row here, a folder of fixtures in tests/adapter/. What vendors do differently in
 * their answers (where usage stands, how errors look) is read by wire/ for all of them alike; a
 * rule is needed only for what must be sent differently. */

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

#define VENDOR(vendor, settings_, rules, classify_)                                                \
    {                                                                                              \
        .name = vendor, .dialect = DIALECT_CHAT, .settings = settings_,                            \
        .ops = {[CALL_CHAT] = &openai_chat_op}, .row = &rules, .classify = classify_,              \
    }
/* clang-format on */

static const struct openai_rules plain = {0};

/* Mistral answers 422 extra_forbidden to stream_options, and tells usage on the last chunk unasked.
 * Source: github.com/BerriAI/litellm/issues/8978, github.com/TabbyML/tabby/pull/4082 */
static const struct openai_rules mistral = {.refuses_stream_options = true};

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
    VENDOR("openai", SETTINGS("https://api.openai.com/v1", OPTIONAL), plain, openai_classify),
    /* any service of that dialect: a private one over plain http, or one without a row here */
    VENDOR("openai_compatible", SETTINGS(NULL, REQUIRED), plain, openai_classify),
    /* docs.vllm.ai, "OpenAI-Compatible Server": port 8000; wants a key only with --api-key */
    VENDOR("vllm", SETTINGS("http://127.0.0.1:8000/v1", OPTIONAL), plain, openai_classify),
    /* docs.ollama.com, "OpenAI compatibility": a key is accepted and ignored */
    VENDOR("ollama", SETTINGS("http://127.0.0.1:11434/v1", OPTIONAL), plain, openai_classify),
    /* api-docs.deepseek.com: cached tokens are prompt_cache_hit_tokens */
    VENDOR("deepseek", SETTINGS("https://api.deepseek.com", OPTIONAL), plain, openai_classify),
    /* Alibaba Cloud Model Studio, "OpenAI compatible - Chat"; outside China
     * https://dashscope-intl.aliyuncs.com/compatible-mode/v1 */
    VENDOR("qwen", SETTINGS("https://dashscope.aliyuncs.com/compatible-mode/v1", OPTIONAL), plain,
           openai_classify),
    /* docs.bigmodel.cn; outside China https://api.z.ai/api/paas/v4 */
    VENDOR("zhipu", SETTINGS("https://open.bigmodel.cn/api/paas/v4", OPTIONAL), plain,
           classify_zhipu),
    /* platform.moonshot.ai; in China https://api.moonshot.cn/v1. Usage stands in the last choice:
     * github.com/northes/go-moonshot/issues/17 */
    VENDOR("moonshot", SETTINGS("https://api.moonshot.ai/v1", OPTIONAL), plain, openai_classify),
    /* console.groq.com/docs/openai; older streams tell usage in x_groq */
    VENDOR("groq", SETTINGS("https://api.groq.com/openai/v1", OPTIONAL), plain, openai_classify),
    VENDOR("mistral", SETTINGS("https://api.mistral.ai/v1", OPTIONAL), mistral, openai_classify),
    /* openrouter.ai/docs: errors carry the status as a number in `code` */
    VENDOR("openrouter", SETTINGS("https://openrouter.ai/api/v1", OPTIONAL), plain,
           openai_classify),
    /* docs.together.ai, "OpenAI compatibility" */
    VENDOR("together", SETTINGS("https://api.together.ai/v1", OPTIONAL), plain, openai_classify),
    /* docs.x.ai: completion_tokens leave the reasoning tokens out */
    VENDOR("xai", SETTINGS("https://api.x.ai/v1", OPTIONAL), plain, openai_classify),
    /* docs.siliconflow.cn; outside China https://api.siliconflow.com/v1 */
    VENDOR("siliconflow", SETTINGS("https://api.siliconflow.cn/v1", OPTIONAL), plain,
           openai_classify),
};
