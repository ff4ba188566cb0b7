/* openai_message_parse.c: system, developer, user, assistant and tool messages into turns.
 *
 * A message's members may stand in any order, so all are read first, each where it stands, and what
 * they mean is settled by the role at the end. */

#include "wire/openai_message_parse.h"

/* ---- content: a string, or parts ---- */

/* `image_url`, which old clients also give as a string, and `file`. */
struct attachment {
    const char *at;
    struct slice url, file, file_name, file_id;
};

struct part {
    struct slice type, text, refusal, cache_control;
    struct attachment image, file;
};

static bool read_image(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("url"), parse_text, offsetof(struct attachment, url)},
    };
    struct attachment *image = ret;

    image->at = json_cursor_at(&p->c);
    if (json_cursor_type(&p->c) == JSON_STRING)
        return parse_text(p, &image->url);
    return parse_object(p, rules, ARRAY_LEN(rules), image);
}

static bool read_file(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("file_data"), parse_text, offsetof(struct attachment, file)     },
        {SLICE_INIT("filename"),  parse_text, offsetof(struct attachment, file_name)},
        {SLICE_INIT("file_id"),   parse_text, offsetof(struct attachment, file_id)  },
    };
    struct attachment *file = ret;

    file->at = json_cursor_at(&p->c);
    return parse_object(p, rules, ARRAY_LEN(rules), file);
}

/* "data:image/png;base64,…" into *ret; false: it is none. */
static bool split_base64_url(struct slice url, struct chat_media *ret)
{
    struct slice scheme = SLICE("data:"), marker = SLICE(";base64,");

    if (url.len < scheme.len || !slice_eq_nocase(slice_sub(url, 0, scheme.len), scheme))
        return false;
    url = slice_sub(url, scheme.len, url.len);
    /* the head is short: parameters of a media type, no more */
    struct slice begin = slice_sub(url, 0, MIN(url.len, (size_t)256));
    size_t head = slice_find(begin, marker);
    if (head == begin.len)
        return false;
    struct slice type = slice_sub(url, 0, head);
    ret->source = CHAT_BASE64;
    ret->media_type = slice_cut(&type, ';');
    ret->content = slice_sub(url, head + marker.len, url.len);
    return ret->media_type.len > 0;
}

static bool is_http(struct slice url)
{
    struct slice secure = SLICE("https:"), plain = SLICE("http:");

    return (url.len > secure.len && slice_eq_nocase(slice_sub(url, 0, secure.len), secure)) ||
           (url.len > plain.len && slice_eq_nocase(slice_sub(url, 0, plain.len), plain));
}

static bool take_image(struct chat_parser *p, const struct attachment *image,
                       struct chat_block *block)
{
    block->kind = CHAT_IMAGE;
    block->media = (struct chat_media){0};
    if (!image->url.at)
        return parse_refuse_missing(p, image->at, SLICE("url"));
    if (split_base64_url(image->url, &block->media))
        return true;
    if (!is_http(image->url))
        return parse_refuse_value(p, image->url.at, "it must be a data: or https: URL");
    block->media.source = CHAT_URL;
    block->media.content = image->url;
    return true;
}

static bool take_file(struct chat_parser *p, const struct attachment *file,
                      struct chat_block *block)
{
    block->kind = CHAT_DOCUMENT;
    block->media = (struct chat_media){.title = file->file_name};
    if (file->file_id.at)
        return parse_refuse_unsupported(p, file->file_id.at, "the file was stored elsewhere");
    if (!file->file.at)
        return parse_refuse_missing(p, file->at, SLICE("file_data"));
    if (!split_base64_url(file->file, &block->media))
        return parse_refuse_value(p, file->file.at, "it must be a data: URL in base64");
    if (text_is(block->media.media_type, SLICE("application/pdf")))
        return true;
    return parse_refuse_unsupported(p, file->file.at, "only application/pdf is taken");
}

static bool take_text(struct chat_parser *p, struct slice text, struct slice name,
                      struct chat_block *block)
{
    block->kind = CHAT_TEXT;
    block->text = text;
    return text.at || parse_refuse_missing(p, block->at, name);
}

/* What the part means by its type. */
static bool settle_part(struct chat_parser *p, const struct part *part, struct chat_block *block)
{
    struct slice type = part->type;

    if (!type.at)
        return parse_refuse_missing(p, block->at, SLICE("type"));
    if (text_is(type, SLICE("text")))
        return take_text(p, part->text, SLICE("text"), block);
    if (text_is(type, SLICE("refusal")))
        return take_text(p, part->refusal, SLICE("refusal"), block);
    if (text_is(type, SLICE("image_url")))
        return part->image.at ? take_image(p, &part->image, block)
                              : parse_refuse_missing(p, block->at, SLICE("image_url"));
    if (text_is(type, SLICE("file")))
        return part->file.at ? take_file(p, &part->file, block)
                             : parse_refuse_missing(p, block->at, SLICE("file"));
    return parse_refuse_unsupported(p, type.at, "content of this type has no counterpart");
}

static bool read_part(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),          parse_text, offsetof(struct part, type)         },
        {SLICE_INIT("text"),          parse_text, offsetof(struct part, text)         },
        {SLICE_INIT("image_url"),     read_image, offsetof(struct part, image)        },
        {SLICE_INIT("file"),          read_file,  offsetof(struct part, file)         },
        {SLICE_INIT("refusal"),       parse_text, offsetof(struct part, refusal)      },
        {SLICE_INIT("cache_control"), parse_raw,  offsetof(struct part, cache_control)},
    };
    struct part part = {.type = {0}};
    struct chat_block *block = parse_new_block(p, CHAT_TEXT, json_cursor_at(&p->c));

    if (!block || !parse_object(p, rules, ARRAY_LEN(rules), &part))
        return false;
    block->cache_control = part.cache_control;
    block_list_add(ret, block);
    return settle_part(p, &part, block);
}

static bool read_content(struct chat_parser *p, void *ret)
{
    return parse_content(p, read_part, ret);
}

/* ---- calls of tools ---- */

struct function_call {
    const char *at;
    struct slice name, arguments;
};

struct tool_call {
    struct slice id, type;
    struct function_call function;
};

static bool read_function_call(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("name"),      parse_text, offsetof(struct function_call, name)     },
        {SLICE_INIT("arguments"), parse_text, offsetof(struct function_call, arguments)},
    };
    struct function_call *function = ret;

    function->at = json_cursor_at(&p->c);
    return parse_object(p, rules, ARRAY_LEN(rules), function);
}

/* The object in a string of JSON. Nothing, as models write it that call a function without
 * parameters, is an empty one. */
static bool decode_arguments(struct chat_parser *p, struct slice text, struct slice *ret)
{
    struct json_error why;
    char *decoded = arena_alloc(p->r.arena, text.len + 2);

    if (!decoded)
        return reader_refuse_memory(&p->r);
    struct json_value v = {.type = JSON_STRING, .text = slice_of(text.at - 1, text.len + 2)};
    struct slice object = slice_of(decoded, json_decode(v, decoded));
    bool valid = json_is_valid(object, &why);
    if (!valid && why.fault == JSON_EMPTY) {
        *ret = SLICE("{}");
        return true;
    }
    struct json_cursor c = json_cursor_of(object);
    if (!valid || json_cursor_type(&c) != JSON_OBJECT)
        return parse_refuse_value(p, text.at, "it must be a JSON object in a string");
    *ret = json_cursor_take(&c).text;
    return true;
}

static bool settle_call(struct chat_parser *p, const struct tool_call *call,
                        struct chat_block *block)
{
    const struct function_call *function = &call->function;

    if (call->type.at && !text_is(call->type, SLICE("function")))
        return parse_refuse_unsupported(p, call->type.at, "only functions can be called");
    if (!call->id.at)
        return parse_refuse_missing(p, block->at, SLICE("id"));
    if (!function->at)
        return parse_refuse_missing(p, block->at, SLICE("function"));
    if (!function->name.at)
        return parse_refuse_missing(p, function->at, SLICE("name"));
    block->use =
        (struct chat_tool_use){.id = call->id, .name = function->name, .input = SLICE("{}")};
    return !function->arguments.at || decode_arguments(p, function->arguments, &block->use.input);
}

static bool read_call(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("id"),       parse_text,         offsetof(struct tool_call, id)      },
        {SLICE_INIT("type"),     parse_text,         offsetof(struct tool_call, type)    },
        {SLICE_INIT("function"), read_function_call, offsetof(struct tool_call, function)},
    };
    struct tool_call call = {.id = {0}};
    struct chat_block *block = parse_new_block(p, CHAT_TOOL_USE, json_cursor_at(&p->c));

    if (!block || !parse_object(p, rules, ARRAY_LEN(rules), &call))
        return false;
    block_list_add(ret, block);
    return settle_call(p, &call, block);
}

static bool read_calls(struct chat_parser *p, void *ret)
{
    return parse_array(p, read_call, ret);
}

/* ---- reasoning that comes back (model/chat.h: thinking_blocks) ---- */

struct thinking_block {
    struct slice type, thinking, signature, sealed;
};

static bool read_thinking_block(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),      parse_text, offsetof(struct thinking_block, type)     },
        {SLICE_INIT("thinking"),  parse_text, offsetof(struct thinking_block, thinking) },
        {SLICE_INIT("signature"), parse_text, offsetof(struct thinking_block, signature)},
        {SLICE_INIT("data"),      parse_text, offsetof(struct thinking_block, sealed)   },
    };
    struct thinking_block m = {.type = {0}};
    struct chat_block *block = parse_new_block(p, CHAT_THINKING, json_cursor_at(&p->c));

    if (!block || !parse_object(p, rules, ARRAY_LEN(rules), &m))
        return false;
    block->thinking = (struct chat_thinking){m.thinking, m.signature};
    if (text_is(m.type, SLICE("redacted_thinking"))) {
        block->kind = CHAT_REDACTED_THINKING;
        block->thinking = (struct chat_thinking){.text = m.sealed};
    } else if (!text_is(m.type, SLICE("thinking"))) {
        return parse_refuse_missing(p, block->at, SLICE("type"));
    }
    block_list_add(ret, block);
    return true;
}

static bool read_thinking_blocks(struct chat_parser *p, void *ret)
{
    return parse_array(p, read_thinking_block, ret);
}

/* ---- messages ---- */

struct message {
    const char *at;
    struct slice role, tool_call_id, refusal, reasoning, cache_control;
    struct block_list content, calls, thinking;
};

static struct chat_block *last_of(const struct block_list *l)
{
    return l->end ? container_of(l->end, struct chat_block, next) : NULL;
}

/* Of a whole message: it marks the end of its last block. */
static void settle_cache_control(const struct message *m, const struct block_list *blocks)
{
    struct chat_block *last = last_of(blocks);

    if (last && m->cache_control.len > 0)
        last->cache_control = m->cache_control;
}

/* The first block that may not stand where only text may. */
static bool check_text_only(struct chat_parser *p, const struct block_list *l)
{
    for (const struct chat_block *b = l->first; b; b = b->next)
        if (b->kind != CHAT_TEXT)
            return parse_refuse_value(p, b->at, "only text can be the content of this role");
    return true;
}

static bool settle_system(struct chat_parser *p, struct message *m)
{
    settle_cache_control(m, &m->content);
    if (!check_text_only(p, &m->content))
        return false;
    block_list_join(&p->system, &m->content);
    p->chat->system = p->system.first;
    return true;
}

static bool settle_user(struct chat_parser *p, struct message *m)
{
    settle_cache_control(m, &m->content);
    return parse_add_turn(p, CHAT_USER, &m->content);
}

/* A refusal is what the assistant said; reasoning is kept when nothing signed stands for it. */
static bool settle_words(struct chat_parser *p, struct message *m)
{
    struct chat_block *block;

    if (!m->content.first && m->refusal.len > 0) {
        block = parse_new_block(p, CHAT_TEXT, m->refusal.at);
        if (!block)
            return false;
        block->text = m->refusal;
        block_list_add(&m->content, block);
    }
    if (!m->thinking.first && m->reasoning.len > 0) {
        block = parse_new_block(p, CHAT_THINKING, m->reasoning.at);
        if (!block)
            return false;
        block->thinking = (struct chat_thinking){.text = m->reasoning};
        block_list_add(&m->thinking, block);
    }
    return true;
}

static bool settle_assistant(struct chat_parser *p, struct message *m)
{
    if (!check_text_only(p, &m->content) || !settle_words(p, m))
        return false;
    block_list_join(&m->content, &m->calls);
    settle_cache_control(m, &m->content);
    block_list_join(&m->thinking, &m->content);
    return parse_add_turn(p, CHAT_ASSISTANT, &m->thinking);
}

static bool settle_tool(struct chat_parser *p, struct message *m)
{
    struct block_list turn = {0};
    struct chat_block *block;

    if (!m->tool_call_id.at)
        return parse_refuse_missing(p, m->at, SLICE("tool_call_id"));
    block = parse_new_block(p, CHAT_TOOL_RESULT, m->at);
    if (!block)
        return false;
    block->cache_control = m->cache_control;
    block->result = (struct chat_tool_result){.id = m->tool_call_id, .blocks = m->content.first};
    block_list_add(&turn, block);
    return parse_add_turn(p, CHAT_USER, &turn);
}

static bool settle_message(struct chat_parser *p, struct message *m)
{
    struct slice role = m->role;

    if (!role.at)
        return parse_refuse_missing(p, m->at, SLICE("role"));
    if (text_is(role, SLICE("assistant")))
        return settle_assistant(p, m);
    if (m->calls.first)
        return parse_refuse_value(p, m->calls.first->at, "only the assistant calls tools");
    if (text_is(role, SLICE("user")))
        return settle_user(p, m);
    if (text_is(role, SLICE("tool")))
        return settle_tool(p, m);
    if (text_is(role, SLICE("system")) || text_is(role, SLICE("developer")))
        return settle_system(p, m);
    if (text_is(role, SLICE("function")))
        return parse_refuse_unsupported(p, role.at, "functions are called as tools");
    return parse_refuse_value(p, role.at, "it must be system, developer, user, assistant or tool");
}

bool parse_openai_message(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("role"),       parse_text,              offsetof(struct message,                                role)},
        {SLICE_INIT("content"),                        read_content,                           offsetof(struct message,                                              content)},
        {SLICE_INIT("tool_calls"),                read_calls,                                       offsetof(struct message,                         calls)},
        {SLICE_INIT("tool_call_id"), parse_text,offsetof(struct message,          tool_call_id)},
        {SLICE_INIT("refusal"),              parse_text,                                   offsetof(struct message,                                                                   refusal)},
        {SLICE_INIT("thinking_blocks"),    read_thinking_blocks,    offsetof(struct message, thinking)},
        {SLICE_INIT("reasoning_content"),                        parse_text,                   offsetof(struct message,                                                  reasoning)},
        {SLICE_INIT("cache_control"),               parse_raw,                                      offsetof(struct message,                                                              cache_control)},
        {SLICE_INIT("audio"), parse_refused,0},
        {SLICE_INIT("function_call"), parse_refused,0},
    };
    struct message m = {.at = json_cursor_at(&p->c)};

    (void)ret;
    return parse_object(p, rules, ARRAY_LEN(rules), &m) && settle_message(p, &m);
}
