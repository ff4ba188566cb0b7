/* openai_chat_parse.c: a request of OpenAI's dialect into a conversation: its members, its tools
 * and what it asks of the answer. Messages are read by openai_message_parse.c. */

#include "wire/chat_wire.h"

#include "wire/chat_parser.h"
#include "wire/openai_message_parse.h"

/* ---- tools ---- */

struct function {
    const char *at;
    struct slice name, description, schema, cache_control;
    bool strict;
};

struct tool {
    struct slice type, cache_control;
    struct function function;
};

static bool read_function(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("name"),          parse_text,       offsetof(struct function, name)         },
        {SLICE_INIT("description"),   parse_text,       offsetof(struct function, description)  },
        {SLICE_INIT("parameters"),    parse_raw_object, offsetof(struct function, schema)       },
        {SLICE_INIT("strict"),        parse_flag,       offsetof(struct function, strict)       },
        {SLICE_INIT("cache_control"), parse_raw,        offsetof(struct function, cache_control)},
    };
    struct function *function = ret;

    function->at = json_cursor_at(&p->c);
    return parse_object(p, rules, ARRAY_LEN(rules), function);
}

static bool settle_tool(struct chat_parser *p, const struct tool *m, const char *at)
{
    const struct function *f = &m->function;

    if (m->type.at && !text_is(m->type, SLICE("function")))
        return parse_refuse_unsupported(p, m->type.at, "only functions can be tools");
    if (!f->at)
        return parse_refuse_missing(p, at, SLICE("function"));
    if (!f->name.at)
        return parse_refuse_missing(p, f->at, SLICE("name"));
    struct chat_tool *tool = parse_new_tool(p);
    if (!tool)
        return false;
    *tool = (struct chat_tool){
        .name = f->name,
        .description = f->description,
        .schema = f->schema,
        .strict = f->strict,
        .cache_control = m->cache_control.len > 0 ? m->cache_control : f->cache_control,
    };
    return true;
}

static bool read_tool(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),          parse_text,    offsetof(struct tool, type)         },
        {SLICE_INIT("function"),      read_function, offsetof(struct tool, function)     },
        {SLICE_INIT("cache_control"), parse_raw,     offsetof(struct tool, cache_control)},
    };
    const char *at = json_cursor_at(&p->c);
    struct tool m = {.type = {0}};

    (void)ret;
    return parse_object(p, rules, ARRAY_LEN(rules), &m) && settle_tool(p, &m, at);
}

static bool read_tools(struct chat_parser *p, void *ret)
{
    return parse_array(p, read_tool, ret);
}

/* ---- which tool ---- */

static bool read_named_choice(struct chat_parser *p)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),     parse_text,    offsetof(struct tool, type)    },
        {SLICE_INIT("function"), read_function, offsetof(struct tool, function)},
    };
    const char *at = json_cursor_at(&p->c);
    struct tool m = {.type = {0}};

    if (!parse_object(p, rules, ARRAY_LEN(rules), &m))
        return false;
    if (m.type.at && !text_is(m.type, SLICE("function")))
        return parse_refuse_unsupported(p, m.type.at, "only a function can be chosen");
    if (!m.function.at)
        return parse_refuse_missing(p, at, SLICE("function"));
    if (!m.function.name.at)
        return parse_refuse_missing(p, m.function.at, SLICE("name"));
    p->chat->choice = CHAT_CHOICE_NAMED;
    p->chat->choice_name = m.function.name;
    return true;
}

static bool read_choice(struct chat_parser *p, void *ret)
{
    struct chat *chat = p->chat;
    struct slice word = {0};

    (void)ret;
    chat->choice_at = slice_of(json_cursor_at(&p->c), 1);
    if (json_cursor_type(&p->c) == JSON_OBJECT)
        return read_named_choice(p);
    if (!parse_text(p, &word))
        return false;
    if (text_is(word, SLICE("auto")))
        chat->choice = CHAT_CHOICE_AUTO;
    else if (text_is(word, SLICE("required")))
        chat->choice = CHAT_CHOICE_ANY;
    else if (text_is(word, SLICE("none")))
        chat->choice = CHAT_CHOICE_NONE;
    else if (word.at)
        return parse_refuse_value(p, word.at, "it must be none, auto or required, or a function");
    return true;
}

static bool read_parallel(struct chat_parser *p, void *ret)
{
    bool parallel = true;

    (void)ret;
    if (!parse_flag(p, &parallel))
        return false;
    p->chat->one_tool_at_a_time = !parallel;
    return true;
}

/* ---- the form of the answer ---- */

struct schema {
    const char *at;
    struct slice name, note, schema;
    bool strict;
};

struct format {
    struct slice type;
    struct schema schema;
};

static bool read_schema(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("name"),        parse_text,       offsetof(struct schema, name)  },
        {SLICE_INIT("description"), parse_text,       offsetof(struct schema, note)  },
        {SLICE_INIT("schema"),      parse_raw_object, offsetof(struct schema, schema)},
        {SLICE_INIT("strict"),      parse_flag,       offsetof(struct schema, strict)},
    };
    struct schema *schema = ret;

    schema->at = json_cursor_at(&p->c);
    return parse_object(p, rules, ARRAY_LEN(rules), schema);
}

static bool settle_format(struct chat_parser *p, const struct format *m, const char *at)
{
    struct chat *chat = p->chat;

    if (!m->type.at)
        return parse_refuse_missing(p, at, SLICE("type"));
    if (text_is(m->type, SLICE("text")))
        return true;
    if (!text_is(m->type, SLICE("json_schema")))
        return parse_refuse_unsupported(p, m->type.at, "it knows text and json_schema only");
    if (!m->schema.at)
        return parse_refuse_missing(p, at, SLICE("json_schema"));
    if (!m->schema.schema.at)
        return parse_refuse_missing(p, m->schema.at, SLICE("schema"));
    chat->format = CHAT_FORMAT_SCHEMA;
    chat->format_at = slice_of(at, 1);
    chat->schema = m->schema.schema;
    chat->schema_name = m->schema.name;
    chat->schema_note = m->schema.note;
    chat->schema_strict = m->schema.strict;
    return true;
}

static bool read_format(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),        parse_text,  offsetof(struct format, type)  },
        {SLICE_INIT("json_schema"), read_schema, offsetof(struct format, schema)},
    };
    const char *at = json_cursor_at(&p->c);
    struct format m = {.type = {0}};

    (void)ret;
    if (json_cursor_type(&p->c) == JSON_NULL)
        return parse_ignored(p, NULL);
    return parse_object(p, rules, ARRAY_LEN(rules), &m) && settle_format(p, &m, at);
}

/* ---- the rest ---- */

static bool read_messages(struct chat_parser *p, void *ret)
{
    return parse_array(p, parse_openai_message, ret);
}

static bool read_stop(struct chat_parser *p, void *ret)
{
    if (json_cursor_type(&p->c) == JSON_STRING)
        return parse_stop(p, ret);
    return parse_array(p, parse_stop, ret);
}

static bool read_effort(struct chat_parser *p, void *ret)
{
    struct slice word = {0};

    (void)ret;
    if (!parse_text(p, &word))
        return false;
    p->chat->effort = effort_of(word);
    return p->chat->effort != CHAT_EFFORT_UNSET || !word.at ||
           parse_refuse_value(p, word.at,
                              "it must be none, minimal, low, medium, high, xhigh or max");
}

static bool read_n(struct chat_parser *p, void *ret)
{
    const char *at = json_cursor_at(&p->c);
    uint64_t n = 1;

    (void)ret;
    if (!parse_count(p, &n))
        return false;
    return n == 1 || parse_refuse_unsupported(p, at, "it gives one answer only");
}

static bool read_modality(struct chat_parser *p, void *ret)
{
    struct slice word = {0};

    (void)ret;
    if (!parse_text(p, &word))
        return false;
    return !word.at || text_is(word, SLICE("text")) ||
           parse_refuse_unsupported(p, word.at, "it answers in text only");
}

static bool read_modalities(struct chat_parser *p, void *ret)
{
    return parse_array(p, read_modality, ret);
}

/* Two members for one thing: the newer name wins. */

static bool read_max_completion(struct chat_parser *p, void *ret)
{
    (void)ret;
    return parse_count(p, &p->chat->max_tokens);
}

static bool read_max_tokens(struct chat_parser *p, void *ret)
{
    uint64_t older = 0;

    (void)ret;
    if (!parse_count(p, &older))
        return false;
    if (p->chat->max_tokens == 0)
        p->chat->max_tokens = older;
    return true;
}

static bool read_safety_identifier(struct chat_parser *p, void *ret)
{
    (void)ret;
    return parse_text(p, &p->chat->user);
}

static bool read_user(struct chat_parser *p, void *ret)
{
    struct slice older = {0};

    (void)ret;
    if (!parse_text(p, &older))
        return false;
    if (p->chat->user.len == 0)
        p->chat->user = older;
    return true;
}

/* Being there is asking for it. */
static bool read_web_search(struct chat_parser *p, void *ret)
{
    struct json_value v = json_cursor_take(&p->c);

    (void)ret;
    return v.type == JSON_NULL || v.type == JSON_NONE ||
           parse_refuse_unsupported(p, v.text.at, "it searches by a tool of its own");
}

#define FIELD(member) offsetof(struct chat, member)

/* clang-format off */
static const struct member_rule request_rules[] = {
    {SLICE_INIT("messages"),               read_messages,          0                 },
    {SLICE_INIT("model"),                  parse_ignored,          0                 },
    {SLICE_INIT("stream"),                 parse_flag,             FIELD(stream)     },
    {SLICE_INIT("max_tokens"),             read_max_tokens,        0                 },
    {SLICE_INIT("max_completion_tokens"),  read_max_completion,    0                 },
    {SLICE_INIT("temperature"),            parse_number,           FIELD(temperature)},
    {SLICE_INIT("top_p"),                  parse_number,           FIELD(top_p)      },
    {SLICE_INIT("top_k"),                  parse_number,           FIELD(top_k)      },
    {SLICE_INIT("stop"),                   read_stop,              0                 },
    {SLICE_INIT("tools"),                  read_tools,             0                 },
    {SLICE_INIT("tool_choice"),            read_choice,            0                 },
    {SLICE_INIT("parallel_tool_calls"),    read_parallel,          0                 },
    {SLICE_INIT("response_format"),        read_format,            0                 },
    {SLICE_INIT("reasoning_effort"),       read_effort,            0                 },
    {SLICE_INIT("thinking"),               parse_thinking,         0                 },
    {SLICE_INIT("user"),                   read_user,              0                 },
    {SLICE_INIT("safety_identifier"),      read_safety_identifier, 0                 },
    /* what cannot be said and would change the answer */
    {SLICE_INIT("n"),                      read_n,                 0                 },
    {SLICE_INIT("modalities"),             read_modalities,        0                 },
    {SLICE_INIT("logprobs"),               parse_refused,          0                 },
    {SLICE_INIT("top_logprobs"),           parse_refused,          0                 },
    {SLICE_INIT("logit_bias"),             parse_refused,          0                 },
    {SLICE_INIT("audio"),                  parse_refused,          0                 },
    {SLICE_INIT("web_search_options"),     read_web_search,        0                 },
    {SLICE_INIT("functions"),              parse_refused,          0                 },
    {SLICE_INIT("function_call"),          parse_refused,          0                 },
    /* hints */
    {SLICE_INIT("stream_options"),         parse_ignored,          0                 },
    {SLICE_INIT("seed"),                   parse_ignored,          0                 },
    {SLICE_INIT("store"),                  parse_ignored,          0                 },
    {SLICE_INIT("metadata"),               parse_ignored,          0                 },
    {SLICE_INIT("prediction"),             parse_ignored,          0                 },
    {SLICE_INIT("service_tier"),           parse_ignored,          0                 },
    {SLICE_INIT("verbosity"),              parse_ignored,          0                 },
    {SLICE_INIT("presence_penalty"),       parse_ignored,          0                 },
    {SLICE_INIT("frequency_penalty"),      parse_ignored,          0                 },
    {SLICE_INIT("prompt_cache_key"),       parse_ignored,          0                 },
    {SLICE_INIT("prompt_cache_retention"), parse_ignored,          0                 },
    {{0},                                  parse_extra,            0                 },
};
/* clang-format on */

bool openai_chat_parse(struct slice body, struct arena *a, struct chat *ret,
                       struct fault *ret_fault)
{
    struct chat_parser p;

    chat_parser_begin(&p, body, a, ret, ret_fault);
    return parse_object(&p, request_rules, ARRAY_LEN(request_rules), ret);
}
