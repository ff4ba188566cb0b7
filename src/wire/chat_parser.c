/* chat_parser.c: objects by tables, values by their types, and the lists of a chat. */

#include "wire/chat_parser.h"

void chat_parser_begin(struct chat_parser *p, struct slice body, struct arena *a, struct chat *chat,
                       struct fault *fault)
{
    *fault = (struct fault){0};
    *chat = (struct chat){.body = body};
    *p = (struct chat_parser){
        .r = {body, a, fault},
        .c = json_cursor_of(body),
        .chat = chat,
    };
}

/* ---- refusing ---- */

static struct slice path_of(struct chat_parser *p, const char *at)
{
    return json_path(p->r.body, at, p->r.arena);
}

bool parse_refuse_type(struct chat_parser *p, const char *expected)
{
    enum json_type type = json_cursor_type(&p->c);

    return reader_refuse_type(&p->r, path_of(p, json_cursor_at(&p->c)), expected, type);
}

bool parse_refuse_missing(struct chat_parser *p, const char *object_at, struct slice name)
{
    struct slice object = path_of(p, object_at);
    struct slice param = arena_printf(p->r.arena, "%.*s%s%.*s", SLICE_FMT(object),
                                      object.len > 0 ? "." : "", SLICE_FMT(name));

    return reader_refuse_missing(&p->r, param.at ? param : name);
}

bool parse_refuse_value(struct chat_parser *p, const char *at, const char *why)
{
    return reader_refuse_value(&p->r, path_of(p, at), why);
}

bool parse_refuse_unsupported(struct chat_parser *p, const char *at, const char *why)
{
    return reader_refuse_unsupported(&p->r, path_of(p, at), why);
}

static bool refuse_duplicate(struct chat_parser *p)
{
    return reader_refuse_duplicate(&p->r, path_of(p, json_cursor_at(&p->c)));
}

/* ---- reading values ---- */

static const struct member_rule *rule_of(const struct json_name *name,
                                         const struct member_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rules[i].name.len == 0 || json_name_is(name, rules[i].name))
            return &rules[i];
    return NULL;
}

bool parse_object(struct chat_parser *p, const struct member_rule *rules, size_t n, void *into)
{
    struct json_name name;
    uint64_t seen = 0;

    if (json_cursor_type(&p->c) != JSON_OBJECT)
        return parse_refuse_type(p, "an object");
    json_cursor_enter(&p->c);
    while (json_cursor_member(&p->c, &name)) {
        const struct member_rule *rule = rule_of(&name, rules, n);
        if (!rule) {
            json_cursor_take(&p->c);
            continue;
        }
        uint64_t bit = rule->name.len > 0 ? UINT64_C(1) << (rule - rules) : 0;
        if (seen & bit)
            return refuse_duplicate(p);
        seen |= bit;
        p->name = name;
        if (!rule->read(p, (char *)into + rule->offset))
            return false;
    }
    return true;
}

bool parse_array(struct chat_parser *p, parse_fn *read, void *into)
{
    if (json_cursor_type(&p->c) == JSON_NULL)
        return parse_ignored(p, NULL);
    if (json_cursor_type(&p->c) != JSON_ARRAY)
        return parse_refuse_type(p, "an array");
    json_cursor_enter(&p->c);
    while (json_cursor_element(&p->c))
        if (!read(p, into))
            return false;
    return true;
}

/* A value of the type, or null, which leaves *ret as it is. */
static bool parse_typed(struct chat_parser *p, enum json_type type, const char *expected,
                        struct json_value *ret)
{
    enum json_type found = json_cursor_type(&p->c);

    *ret = (struct json_value){0};
    if (found != type && found != JSON_NULL && found != JSON_NONE)
        return parse_refuse_type(p, expected);
    *ret = json_cursor_take(&p->c);
    return true;
}

bool parse_text(struct chat_parser *p, void *ret)
{
    struct json_value v;

    if (!parse_typed(p, JSON_STRING, "a string", &v))
        return false;
    if (v.type == JSON_STRING && v.text.len >= 2)
        *(struct slice *)ret = slice_sub(v.text, 1, v.text.len - 1);
    return true;
}

bool parse_raw(struct chat_parser *p, void *ret)
{
    struct json_value v = json_cursor_take(&p->c);

    if (v.type != JSON_NULL)
        *(struct slice *)ret = v.text;
    return true;
}

bool parse_raw_object(struct chat_parser *p, void *ret)
{
    struct json_value v;

    if (!parse_typed(p, JSON_OBJECT, "an object", &v))
        return false;
    if (v.type == JSON_OBJECT)
        *(struct slice *)ret = v.text;
    return true;
}

bool parse_number(struct chat_parser *p, void *ret)
{
    struct json_value v;

    if (!parse_typed(p, JSON_NUMBER, "a number", &v))
        return false;
    if (v.type == JSON_NUMBER)
        *(struct slice *)ret = v.text;
    return true;
}

bool parse_count(struct chat_parser *p, void *ret)
{
    struct json_cursor before = p->c;
    struct json_value v = json_cursor_take(&p->c);

    if (v.type == JSON_NULL || json_u64(v, ret))
        return true;
    p->c = before;
    return parse_refuse_type(p, "a non-negative integer");
}

bool parse_flag(struct chat_parser *p, void *ret)
{
    struct json_value v;

    if (!parse_typed(p, JSON_BOOL, "a boolean", &v))
        return false;
    json_bool(v, ret);
    return true;
}

bool parse_ignored(struct chat_parser *p, void *ret)
{
    (void)ret;
    json_cursor_take(&p->c);
    return true;
}

/* A value that asks for nothing. */
static bool asks_nothing(struct json_value v)
{
    size_t at = 0;
    struct json_value element;

    switch (v.type) {
    case JSON_NONE:
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return v.text.at[0] == 'f';
    case JSON_NUMBER:
        return slice_eq(v.text, SLICE("0"));
    case JSON_STRING:
        return v.text.len == 2;
    case JSON_ARRAY:
        return !json_next(v.text, &at, &element);
    case JSON_OBJECT:
        break;
    }
    struct json_cursor inside = json_cursor_of(v.text);
    return json_cursor_enter(&inside) && !json_cursor_element(&inside);
}

bool parse_refused(struct chat_parser *p, void *ret)
{
    struct json_value v = json_cursor_take(&p->c);

    (void)ret;
    return asks_nothing(v) || parse_refuse_unsupported(p, v.text.at, "its API has no counterpart");
}

bool parse_extra(struct chat_parser *p, void *ret)
{
    struct json_value v = json_cursor_take(&p->c);

    (void)ret;
    if (p->extras++ == CHAT_EXTRAS_MAX)
        return parse_refuse_value(p, v.text.at, "there are too many unknown parameters");
    struct chat_extra *extra = arena_new(p->r.arena, struct chat_extra);
    if (!extra)
        return reader_refuse_memory(&p->r);
    extra->name = p->name.text;
    extra->value = v.text;
    *(p->last_extra ? &p->last_extra->next : &p->chat->extras) = extra;
    p->last_extra = extra;
    return true;
}

bool parse_stop(struct chat_parser *p, void *ret)
{
    const char *at = json_cursor_at(&p->c);

    (void)ret;
    if (json_cursor_type(&p->c) != JSON_STRING)
        return parse_refuse_type(p, "a string");
    if (p->stops++ == CHAT_STOPS_MAX)
        return parse_refuse_value(p, at, "there are too many stop sequences");
    struct chat_stop *stop = arena_new(p->r.arena, struct chat_stop);
    if (!stop)
        return reader_refuse_memory(&p->r);
    *(p->last_stop ? &p->last_stop->next : &p->chat->stops) = stop;
    p->last_stop = stop;
    return parse_text(p, &stop->text);
}

struct thinking_members {
    struct slice type;
    uint64_t budget;
};

bool parse_thinking(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),          parse_text,  offsetof(struct thinking_members, type)  },
        {SLICE_INIT("budget_tokens"), parse_count, offsetof(struct thinking_members, budget)},
    };
    struct thinking_members m = {.type = {0}};
    const char *at = json_cursor_at(&p->c);

    (void)ret;
    if (json_cursor_type(&p->c) == JSON_NULL)
        return parse_ignored(p, NULL);
    if (!parse_object(p, rules, ARRAY_LEN(rules), &m))
        return false;
    if (!m.type.at)
        return parse_refuse_missing(p, at, SLICE("type"));
    p->chat->thinking = slice_of(at, (size_t)((const char *)p->c.at - at));
    p->chat->thinking_budget = m.budget;
    p->chat->thinking_on = !text_is(m.type, SLICE("disabled"));
    return true;
}

bool text_is(struct slice text, struct slice s)
{
    if (!text.at)
        return false;
    return json_string_eq(
        (struct json_value){.type = JSON_STRING, .text = slice_of(text.at - 1, text.len + 2)}, s);
}

enum chat_effort effort_of(struct slice text)
{
    static const struct {
        struct slice name;
        enum chat_effort effort;
    } efforts[] = {
        {SLICE_INIT("none"),    CHAT_EFFORT_NONE   },
        {SLICE_INIT("minimal"), CHAT_EFFORT_MINIMAL},
        {SLICE_INIT("low"),     CHAT_EFFORT_LOW    },
        {SLICE_INIT("medium"),  CHAT_EFFORT_MEDIUM },
        {SLICE_INIT("high"),    CHAT_EFFORT_HIGH   },
        {SLICE_INIT("xhigh"),   CHAT_EFFORT_MAX    },
        {SLICE_INIT("max"),     CHAT_EFFORT_MAX    },
    };

    for (size_t i = 0; i < ARRAY_LEN(efforts); i++)
        if (text_is(text, efforts[i].name))
            return efforts[i].effort;
    return CHAT_EFFORT_UNSET;
}

/* ---- building ---- */

struct chat_block *parse_new_block(struct chat_parser *p, enum chat_block_kind kind, const char *at)
{
    if (p->chat->blocks++ == CHAT_BLOCKS_MAX) {
        parse_refuse_value(p, at, "there are too many parts of content");
        return NULL;
    }
    struct chat_block *block = arena_new(p->r.arena, struct chat_block);
    if (!block) {
        reader_refuse_memory(&p->r);
        return NULL;
    }
    block->kind = kind;
    block->at = at;
    return block;
}

void block_list_add(struct block_list *l, struct chat_block *b)
{
    *(l->end ? l->end : &l->first) = b;
    l->end = &b->next;
}

void block_list_join(struct block_list *l, struct block_list *more)
{
    if (!more->first)
        return;
    *(l->end ? l->end : &l->first) = more->first;
    l->end = more->end;
}

/* Results must stand right behind the calls, and calls beside what was thought of them: some
 * clients send a message for each block of an answer. */
static bool continues(const struct chat_message *last, const struct chat_message *next)
{
    if (!last || last->role != next->role || !last->blocks)
        return false;
    if (next->role == CHAT_USER)
        return last->blocks->kind == CHAT_TOOL_RESULT;
    if (chat_message_has(last, CHAT_TOOL_USE) || !chat_message_has(last, CHAT_TEXT))
        return true;
    return chat_message_has(last, CHAT_THINKING) && chat_message_has(next, CHAT_TOOL_USE) &&
           !chat_message_has(next, CHAT_THINKING);
}

bool parse_add_turn(struct chat_parser *p, enum chat_role role, struct block_list *blocks)
{
    const struct chat_message next = {.role = role, .blocks = blocks->first};

    if (continues(p->last, &next)) {
        block_list_join(&p->turn, blocks);
        return true;
    }
    if (p->messages++ == CHAT_MESSAGES_MAX)
        return reader_refuse_value(&p->r, SLICE("messages"), "there are too many messages");
    struct chat_message *message = arena_new(p->r.arena, struct chat_message);
    if (!message)
        return reader_refuse_memory(&p->r);
    *message = next;
    *(p->last ? &p->last->next : &p->chat->messages) = message;
    p->last = message;
    p->turn = *blocks;
    return true;
}

bool parse_content(struct chat_parser *p, parse_fn *read_block, struct block_list *ret)
{
    enum json_type type = json_cursor_type(&p->c);

    if (type == JSON_ARRAY || type == JSON_NULL)
        return parse_array(p, read_block, ret);
    if (type != JSON_STRING)
        return parse_refuse_type(p, "a string or an array of objects");
    struct chat_block *block = parse_new_block(p, CHAT_TEXT, json_cursor_at(&p->c));
    if (!block)
        return false;
    block_list_add(ret, block);
    return parse_text(p, &block->text);
}

struct chat_tool *parse_new_tool(struct chat_parser *p)
{
    if (p->tools++ == CHAT_TOOLS_MAX) {
        reader_refuse_value(&p->r, SLICE("tools"), "there are too many tools");
        return NULL;
    }
    struct chat_tool *tool = arena_new(p->r.arena, struct chat_tool);
    if (!tool) {
        reader_refuse_memory(&p->r);
        return NULL;
    }
    *(p->last_tool ? &p->last_tool->next : &p->chat->tools) = tool;
    p->last_tool = tool;
    return tool;
}
