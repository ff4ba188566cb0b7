/* anthropic_messages_parse.c: a request of Anthropic's dialect into a conversation: its members,
 * its tools and what it asks of the answer. Messages are read by anthropic_message_parse.c. */

#include "wire/chat_wire.h"

#include "wire/anthropic_message_parse.h"
#include "wire/chat_parser.h"

/* ---- tools ---- */

struct tool {
    struct slice type, name, description, schema, cache_control;
    bool strict;
};

/* A tool with a type of its own is run by the provider, or known to its models without a schema. */
static bool settle_tool(struct chat_parser *p, const struct tool *m, const char *at)
{
    if (m->type.at && !text_is(m->type, SLICE("custom")))
        return parse_refuse_unsupported(p, m->type.at, "only tools of type custom are known to it");
    if (!m->name.at)
        return parse_refuse_missing(p, at, SLICE("name"));
    struct chat_tool *tool = parse_new_tool(p);
    if (!tool)
        return false;
    *tool = (struct chat_tool){
        .name = m->name,
        .description = m->description,
        .schema = m->schema,
        .strict = m->strict,
        .cache_control = m->cache_control,
    };
    return true;
}

static bool read_tool(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),          parse_text,       offsetof(struct tool, type)         },
        {SLICE_INIT("name"),          parse_text,       offsetof(struct tool, name)         },
        {SLICE_INIT("description"),   parse_text,       offsetof(struct tool, description)  },
        {SLICE_INIT("input_schema"),  parse_raw_object, offsetof(struct tool, schema)       },
        {SLICE_INIT("strict"),        parse_flag,       offsetof(struct tool, strict)       },
        {SLICE_INIT("cache_control"), parse_raw,        offsetof(struct tool, cache_control)},
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

struct choice {
    struct slice type, name;
    bool one_at_a_time;
};

static bool settle_choice(struct chat_parser *p, const struct choice *m)
{
    struct chat *chat = p->chat;

    if (text_is(m->type, SLICE("auto")))
        chat->choice = CHAT_CHOICE_AUTO;
    else if (text_is(m->type, SLICE("any")))
        chat->choice = CHAT_CHOICE_ANY;
    else if (text_is(m->type, SLICE("none")))
        chat->choice = CHAT_CHOICE_NONE;
    else if (text_is(m->type, SLICE("tool")))
        chat->choice = CHAT_CHOICE_NAMED;
    else
        return parse_refuse_value(p, m->type.at, "it must be auto, any, tool or none");
    chat->choice_name = m->name;
    chat->one_tool_at_a_time = m->one_at_a_time;
    return chat->choice != CHAT_CHOICE_NAMED || m->name.at ||
           parse_refuse_missing(p, chat->choice_at.at, SLICE("name"));
}

static bool read_choice(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),                      parse_text, offsetof(struct choice, type)         },
        {SLICE_INIT("name"),                      parse_text, offsetof(struct choice, name)         },
        {SLICE_INIT("disable_parallel_tool_use"), parse_flag,
         offsetof(struct choice,                                                      one_at_a_time)},
    };
    struct choice m = {.type = {0}};

    (void)ret;
    if (json_cursor_type(&p->c) == JSON_NULL)
        return parse_ignored(p, NULL);
    p->chat->choice_at = slice_of(json_cursor_at(&p->c), 1);
    if (!parse_object(p, rules, ARRAY_LEN(rules), &m))
        return false;
    if (!m.type.at)
        return parse_refuse_missing(p, p->chat->choice_at.at, SLICE("type"));
    return settle_choice(p, &m);
}

/* ---- the form of the answer ---- */

struct format {
    struct slice type, schema;
};

static bool read_format(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),   parse_text,       offsetof(struct format, type)  },
        {SLICE_INIT("schema"), parse_raw_object, offsetof(struct format, schema)},
    };
    const char *at = json_cursor_at(&p->c);
    struct format m = {.type = {0}};

    (void)ret;
    if (json_cursor_type(&p->c) == JSON_NULL)
        return parse_ignored(p, NULL);
    if (!parse_object(p, rules, ARRAY_LEN(rules), &m))
        return false;
    if (!m.type.at)
        return parse_refuse_missing(p, at, SLICE("type"));
    if (!text_is(m.type, SLICE("json_schema")))
        return parse_refuse_unsupported(p, m.type.at, "it knows json_schema only");
    if (!m.schema.at)
        return parse_refuse_missing(p, at, SLICE("schema"));
    p->chat->format = CHAT_FORMAT_SCHEMA;
    p->chat->format_at = slice_of(at, 1);
    p->chat->schema = m.schema;
    p->chat->schema_strict = true; /* answers always fit */
    return true;
}

static bool read_effort(struct chat_parser *p, void *ret)
{
    struct slice word = {0};

    (void)ret;
    if (!parse_text(p, &word))
        return false;
    p->chat->effort = effort_of(word);
    return p->chat->effort != CHAT_EFFORT_UNSET || !word.at ||
           parse_refuse_value(p, word.at, "it must be low, medium, high, xhigh or max");
}

static bool read_output_config(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("effort"), read_effort, 0},
        {SLICE_INIT("format"), read_format, 0},
    };

    if (json_cursor_type(&p->c) == JSON_NULL)
        return parse_ignored(p, NULL);
    return parse_object(p, rules, ARRAY_LEN(rules), ret);
}

/* ---- the rest ---- */

static bool read_messages(struct chat_parser *p, void *ret)
{
    return parse_array(p, parse_anthropic_message, ret);
}

static bool read_stops(struct chat_parser *p, void *ret)
{
    return parse_array(p, parse_stop, ret);
}

static bool read_metadata(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("user_id"), parse_text, offsetof(struct chat, user)},
    };

    if (json_cursor_type(&p->c) == JSON_NULL)
        return parse_ignored(p, NULL);
    return parse_object(p, rules, ARRAY_LEN(rules), ret);
}

#define FIELD(member) offsetof(struct chat, member)

/* clang-format off */
static const struct member_rule request_rules[] = {
    {SLICE_INIT("model"),              parse_ignored,          0},
    {SLICE_INIT("messages"),           read_messages,          0},
    {SLICE_INIT("system"),             parse_anthropic_system, 0},
    {SLICE_INIT("max_tokens"),         parse_count,            FIELD(max_tokens)},
    {SLICE_INIT("stream"),             parse_flag,             FIELD(stream)},
    {SLICE_INIT("temperature"),        parse_number,           FIELD(temperature)},
    {SLICE_INIT("top_p"),              parse_number,           FIELD(top_p)},
    {SLICE_INIT("top_k"),              parse_number,           FIELD(top_k)},
    {SLICE_INIT("stop_sequences"),     read_stops,             0},
    {SLICE_INIT("tools"),              read_tools,             0},
    {SLICE_INIT("tool_choice"),        read_choice,            0},
    {SLICE_INIT("thinking"),           parse_thinking,         0},
    {SLICE_INIT("output_config"),      read_output_config,     0},
    {SLICE_INIT("output_format"),      read_format,            0},
    {SLICE_INIT("metadata"),           read_metadata,          0},
    /* what cannot be said and would change the answer, or where it is made */
    {SLICE_INIT("mcp_servers"),        parse_refused,          0},
    {SLICE_INIT("container"),          parse_refused,          0},
    {SLICE_INIT("inference_geo"),      parse_refused,          0},
    /* hints */
    {SLICE_INIT("service_tier"),       parse_ignored,          0},
    {SLICE_INIT("speed"),              parse_ignored,          0},
    {SLICE_INIT("cache_control"),      parse_ignored,          0},
    {SLICE_INIT("context_management"), parse_ignored,          0},
    {SLICE_INIT("diagnostics"),        parse_ignored,          0},
    {SLICE_INIT("user_profile_id"),    parse_ignored,          0},
    {{0},                              parse_extra,            0},
};
/* clang-format on */

bool anthropic_messages_parse(struct slice body, struct arena *a, struct chat *ret,
                              struct fault *ret_fault)
{
    struct chat_parser p;

    chat_parser_begin(&p, body, a, ret, ret_fault);
    return parse_object(&p, request_rules, ARRAY_LEN(request_rules), ret);
}
