/* anthropic_message_parse.c: system, messages and their blocks.
 *
 * A block's members may stand in any order, so all are read first, each where it stands; the
 * block's type says at the end which of them count. Documents that are made of blocks themselves
 * are taken apart: their blocks stand where the document stood. */

#include "wire/anthropic_message_parse.h"

#include "wire/tool_id.h"

struct source {
    const char *at;
    struct slice type, media_type, bytes, url;
    struct block_list content;
};

struct block_members {
    struct slice type, text, cache_control;
    struct slice title, context;
    struct slice id, name, input, tool_use_id;
    struct slice thinking, signature, sealed;
    bool is_error, cites;
    struct source source;
    struct block_list content;
};

static bool read_content(struct chat_parser *p, void *ret);

static bool read_source(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),       parse_text,   offsetof(struct source, type)      },
        {SLICE_INIT("media_type"), parse_text,   offsetof(struct source, media_type)},
        {SLICE_INIT("data"),       parse_text,   offsetof(struct source, bytes)     },
        {SLICE_INIT("url"),        parse_text,   offsetof(struct source, url)       },
        {SLICE_INIT("content"),    read_content, offsetof(struct source, content)   },
    };
    struct source *source = ret;

    source->at = json_cursor_at(&p->c);
    return parse_object(p, rules, ARRAY_LEN(rules), source);
}

/* Of a document: whether to cite it. Of text: what it cited, which is no part of the prompt. */
static bool read_citations(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("enabled"), parse_flag, 0},
    };

    if (json_cursor_type(&p->c) != JSON_OBJECT)
        return parse_ignored(p, NULL);
    return parse_object(p, rules, ARRAY_LEN(rules), ret);
}

/* ---- what a block means by its type ---- */

/* Text beside the block that comes from it, such as what explains a document. */
static bool add_words(struct chat_parser *p, struct slice text, struct block_list *list)
{
    if (text.len == 0)
        return true;
    struct chat_block *words = parse_new_block(p, CHAT_TEXT, text.at);
    if (!words)
        return false;
    words->text = text;
    block_list_add(list, words);
    return true;
}

static bool settle_text(struct chat_parser *p, const struct block_members *m,
                        struct chat_block *block)
{
    block->text = m->text;
    return m->text.at || parse_refuse_missing(p, block->at, SLICE("text"));
}

static bool settle_media(struct chat_parser *p, const struct source *source,
                         struct chat_block *block)
{
    block->media = (struct chat_media){.source = CHAT_BASE64};
    if (!source->at)
        return parse_refuse_missing(p, block->at, SLICE("source"));
    if (!source->type.at)
        return parse_refuse_missing(p, source->at, SLICE("type"));
    if (text_is(source->type, SLICE("url"))) {
        block->media.source = CHAT_URL;
        block->media.content = source->url;
        return source->url.at || parse_refuse_missing(p, source->at, SLICE("url"));
    }
    if (text_is(source->type, SLICE("text")) && block->kind == CHAT_DOCUMENT)
        block->media.source = CHAT_PLAIN;
    else if (!text_is(source->type, SLICE("base64")))
        return parse_refuse_unsupported(p, source->type.at, "the source is stored elsewhere");
    else if (!source->media_type.at)
        return parse_refuse_missing(p, source->at, SLICE("media_type"));
    block->media.media_type = source->media_type;
    block->media.content = source->bytes;
    return source->bytes.at || parse_refuse_missing(p, source->at, SLICE("data"));
}

static bool settle_document(struct chat_parser *p, struct block_members *m,
                            struct chat_block *block, struct block_list *list)
{
    if (m->cites)
        return parse_refuse_unsupported(p, block->at, "it cites no documents");
    if (!add_words(p, m->context, list))
        return false;
    if (text_is(m->source.type, SLICE("content"))) {
        if (!add_words(p, m->title, list))
            return false;
        block_list_join(list, &m->source.content);
        return true;
    }
    if (!settle_media(p, &m->source, block))
        return false;
    block->media.title = m->title;
    block_list_add(list, block);
    return true;
}

static bool settle_use(struct chat_parser *p, const struct block_members *m,
                       struct chat_block *block)
{
    if (!m->id.at)
        return parse_refuse_missing(p, block->at, SLICE("id"));
    if (!m->name.at)
        return parse_refuse_missing(p, block->at, SLICE("name"));
    block->use = (struct chat_tool_use){
        .id = m->id, .name = m->name, .input = m->input.at ? m->input : SLICE("{}")};
    return tool_id_split(&block->use.id, &block->use.signature, p->r.arena) ||
           reader_refuse_memory(&p->r);
}

static bool settle_result(struct chat_parser *p, const struct block_members *m,
                          struct chat_block *block)
{
    struct slice signature; /* stands in the call, too */

    if (!m->tool_use_id.at)
        return parse_refuse_missing(p, block->at, SLICE("tool_use_id"));
    for (const struct chat_block *b = m->content.first; b; b = b->next)
        if (b->kind > CHAT_DOCUMENT)
            return parse_refuse_value(p, b->at, "it cannot stand in the result of a tool");
    block->result = (struct chat_tool_result){m->tool_use_id, m->is_error, m->content.first};
    return tool_id_split(&block->result.id, &signature, p->r.arena) || reader_refuse_memory(&p->r);
}

static bool settle_thinking(struct chat_parser *p, const struct block_members *m,
                            struct chat_block *block)
{
    bool redacted = block->kind == CHAT_REDACTED_THINKING;

    block->thinking = (struct chat_thinking){redacted ? m->sealed : m->thinking, m->signature};
    return block->thinking.text.at ||
           parse_refuse_missing(p, block->at, redacted ? SLICE("data") : SLICE("thinking"));
}

static bool settle_kind(struct chat_parser *p, struct block_members *m, struct chat_block *block,
                        struct block_list *list)
{
    bool fits = false;

    switch (block->kind) {
    case CHAT_DOCUMENT:
        return settle_document(p, m, block, list);
    case CHAT_TEXT:
        fits = settle_text(p, m, block);
        break;
    case CHAT_IMAGE:
        fits = settle_media(p, &m->source, block);
        break;
    case CHAT_TOOL_USE:
        fits = settle_use(p, m, block);
        break;
    case CHAT_TOOL_RESULT:
        fits = settle_result(p, m, block);
        break;
    case CHAT_THINKING:
    case CHAT_REDACTED_THINKING:
        fits = settle_thinking(p, m, block);
        break;
    }
    if (fits)
        block_list_add(list, block);
    return fits;
}

/* False: no block that can be told in any other dialect. */
static bool kind_of(struct slice type, enum chat_block_kind *ret)
{
    static const struct slice names[] = {
        [CHAT_TEXT] = SLICE_INIT("text"),
        [CHAT_IMAGE] = SLICE_INIT("image"),
        [CHAT_DOCUMENT] = SLICE_INIT("document"),
        [CHAT_TOOL_USE] = SLICE_INIT("tool_use"),
        [CHAT_TOOL_RESULT] = SLICE_INIT("tool_result"),
        [CHAT_THINKING] = SLICE_INIT("thinking"),
        [CHAT_REDACTED_THINKING] = SLICE_INIT("redacted_thinking"),
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_is(type, names[i])) {
            *ret = (enum chat_block_kind)i;
            return true;
        }
    }
    return false;
}

static bool read_block(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("type"),          parse_text,       offsetof(struct block_members, type)         },
        {SLICE_INIT("text"),          parse_text,       offsetof(struct block_members, text)         },
        {SLICE_INIT("cache_control"), parse_raw,        offsetof(struct block_members, cache_control)},
        {SLICE_INIT("id"),            parse_text,       offsetof(struct block_members, id)           },
        {SLICE_INIT("name"),          parse_text,       offsetof(struct block_members, name)         },
        {SLICE_INIT("input"),         parse_raw_object, offsetof(struct block_members, input)        },
        {SLICE_INIT("tool_use_id"),   parse_text,       offsetof(struct block_members, tool_use_id)  },
        {SLICE_INIT("content"),       read_content,     offsetof(struct block_members, content)      },
        {SLICE_INIT("is_error"),      parse_flag,       offsetof(struct block_members, is_error)     },
        {SLICE_INIT("source"),        read_source,      offsetof(struct block_members, source)       },
        {SLICE_INIT("title"),         parse_text,       offsetof(struct block_members, title)        },
        {SLICE_INIT("context"),       parse_text,       offsetof(struct block_members, context)      },
        {SLICE_INIT("citations"),     read_citations,   offsetof(struct block_members, cites)        },
        {SLICE_INIT("thinking"),      parse_text,       offsetof(struct block_members, thinking)     },
        {SLICE_INIT("signature"),     parse_text,       offsetof(struct block_members, signature)    },
        {SLICE_INIT("data"),          parse_text,       offsetof(struct block_members, sealed)       },
    };
    struct block_members m = {.type = {0}};
    struct chat_block *block = parse_new_block(p, CHAT_TEXT, json_cursor_at(&p->c));

    if (!block || !parse_object(p, rules, ARRAY_LEN(rules), &m))
        return false;
    if (!m.type.at)
        return parse_refuse_missing(p, block->at, SLICE("type"));
    if (!kind_of(m.type, &block->kind))
        return parse_refuse_unsupported(p, m.type.at, "content of this type has no counterpart");
    block->cache_control = m.cache_control;
    return settle_kind(p, &m, block, ret);
}

/* A string or blocks, into a list. */
static bool read_content(struct chat_parser *p, void *ret)
{
    return parse_content(p, read_block, ret);
}

/* ---- messages ---- */

static bool add_system(struct chat_parser *p, struct block_list *blocks)
{
    for (const struct chat_block *b = blocks->first; b; b = b->next)
        if (b->kind != CHAT_TEXT)
            return parse_refuse_value(p, b->at, "only text can be a system prompt");
    block_list_join(&p->system, blocks);
    p->chat->system = p->system.first;
    return true;
}

bool parse_anthropic_system(struct chat_parser *p, void *ret)
{
    struct block_list blocks = {0};

    (void)ret;
    return read_content(p, &blocks) && add_system(p, &blocks);
}

static bool may_say(enum chat_role role, enum chat_block_kind kind)
{
    if (kind == CHAT_TEXT)
        return true;
    return (role == CHAT_USER) ==
           (kind == CHAT_IMAGE || kind == CHAT_DOCUMENT || kind == CHAT_TOOL_RESULT);
}

static bool add_turn(struct chat_parser *p, enum chat_role role, struct block_list *blocks)
{
    for (const struct chat_block *b = blocks->first; b; b = b->next)
        if (!may_say(role, b->kind))
            return parse_refuse_value(p, b->at, "it cannot stand in a message of this role");
    return parse_add_turn(p, role, blocks);
}

struct message {
    struct slice role;
    struct block_list content;
};

bool parse_anthropic_message(struct chat_parser *p, void *ret)
{
    static const struct member_rule rules[] = {
        {SLICE_INIT("role"),    parse_text,   offsetof(struct message, role)   },
        {SLICE_INIT("content"), read_content, offsetof(struct message, content)},
    };
    struct message m = {.role = {0}};
    const char *at = json_cursor_at(&p->c);

    (void)ret;
    if (!parse_object(p, rules, ARRAY_LEN(rules), &m))
        return false;
    if (!m.role.at)
        return parse_refuse_missing(p, at, SLICE("role"));
    if (text_is(m.role, SLICE("user")))
        return add_turn(p, CHAT_USER, &m.content);
    if (text_is(m.role, SLICE("assistant")))
        return add_turn(p, CHAT_ASSISTANT, &m.content);
    if (text_is(m.role, SLICE("system")))
        return add_system(p, &m.content);
    return parse_refuse_value(p, m.role.at, "it must be user or assistant");
}
