/* openai_chat_answer.c: a buffered answer, whole, for a client of another dialect. */

#include "wire/openai_chat.h"

#include "codec/json_out.h"
#include "wire/inside.h"
#include "wire/openai_chat_said.h"
#include "wire/openai_chat_words.h"
#include "wire/openai_error.h"
#include "wire/openai_usage.h"

#include <errno.h>

enum { ID, MODEL, CREATED, CHOICES, USAGE, ERROR, ANSWER_LEN };

static const struct json_member answer_members[ANSWER_LEN] = {
    [ID] = {SLICE_INIT("id")},           [MODEL] = {SLICE_INIT("model")},
    [CREATED] = {SLICE_INIT("created")}, [CHOICES] = {SLICE_INIT("choices")},
    [USAGE] = {SLICE_INIT("usage")},     [ERROR] = {SLICE_INIT("error")},
};

enum { FINISH, MESSAGE = OPENAI_FINISH_LEN, CHOICE_USAGE, CHOICE_LEN };

static const struct json_member choice_members[CHOICE_LEN] = {
    OPENAI_FINISH_MEMBERS, [MESSAGE] = {SLICE_INIT("message")},
    [CHOICE_USAGE] = {SLICE_INIT("usage")}, /* Moonshot */
};

/* An answer being read. The first fault is kept; what follows it does no harm. */
struct reading {
    struct arena *arena;
    struct answer *answer;
    struct answer_block *blocks;
    size_t cap;
    int rc;
};

static bool members_of(struct reading *r, struct json_value v, const struct json_member *wanted,
                       size_t n, struct json_value *ret)
{
    if (v.type == JSON_OBJECT && json_members(v.text, wanted, n, ret))
        return true;
    if (r->rc == OK)
        r->rc = -EBADMSG;
    return false;
}

/* Room for one more block, kept when the caller then counts it. */
static struct answer_block *next_block(struct reading *r)
{
    size_t len = r->answer->blocks_len;

    if (len == r->cap) {
        size_t cap = MAX(r->cap * 2, (size_t)4);
        struct answer_block *more = arena_new_array(r->arena, struct answer_block, cap);
        if (!more) {
            r->rc = -ENOMEM;
            return NULL;
        }
        if (len > 0)
            memcpy(more, r->blocks, len * sizeof(*more));
        r->blocks = more;
        r->cap = cap;
        r->answer->blocks = more;
    }
    return &r->blocks[len];
}

static void add_block(struct reading *r, const struct answer_block *block)
{
    struct answer_block *b = r->rc == OK ? next_block(r) : NULL;

    if (!b)
        return;
    *b = *block;
    r->answer->blocks_len++;
}

static void add_text(struct reading *r, enum block_kind kind, struct json_value v)
{
    struct slice text = inside_of(v);

    if (!slice_is_empty(text))
        add_block(r, &(struct answer_block){.kind = kind, .text = text});
}

/* Text, or a list of parts with text. */
static void add_texts(struct reading *r, enum block_kind kind, struct json_value v)
{
    struct json_value part, m[PART_LEN];
    size_t at = 0;

    add_text(r, kind, v);
    while (v.type == JSON_ARRAY && json_next(v.text, &at, &part) &&
           members_of(r, part, openai_part_members, PART_LEN, m)) {
        add_text(r, kind, m[PART_TEXT]);
        if (kind == BLOCK_TEXT)
            add_texts(r, BLOCK_THINKING, m[PART_THINKING]);
    }
}

/* Returns whether there were any. */
static bool add_thinking_blocks(struct reading *r, struct json_value v)
{
    struct json_value block, m[PART_LEN];
    size_t at = 0, before = r->answer->blocks_len;

    while (v.type == JSON_ARRAY && json_next(v.text, &at, &block) &&
           members_of(r, block, openai_part_members, PART_LEN, m)) {
        struct slice text = inside_of(m[PART_THINKING]), signature = inside_of(m[PART_SIGNATURE]);
        if (text.len + signature.len > 0)
            add_block(r, &(struct answer_block){
                             .kind = BLOCK_THINKING, .text = text, .signature = signature});
        add_text(r, BLOCK_REDACTED, m[PART_SEALED]);
    }
    return r->answer->blocks_len > before;
}

static void add_reasoning(struct reading *r, const struct json_value *v)
{
    if (add_thinking_blocks(r, v[SAID_THINKING_BLOCKS]))
        return;
    if (!slice_is_empty(inside_of(v[SAID_REASONING_CONTENT])))
        add_text(r, BLOCK_THINKING, v[SAID_REASONING_CONTENT]);
    else
        add_text(r, BLOCK_THINKING, v[SAID_REASONING]); /* OpenRouter, newer vLLM */
}

/* What a model wrote that is no object, in one: {"INVALID_JSON": its text}. Source:
 * docs.anthropic.com, "Fine-grained tool streaming", "Handling invalid JSON in tool responses". */
static struct slice wrap_invalid(struct arena *a, struct slice inside)
{
    struct json_out o;

    json_out_begin(&o, a, inside.len + 32);
    json_out_literal(&o, "{\"INVALID_JSON\":");
    json_out_quote(&o, inside);
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}

static struct slice without_space(struct slice s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.at[0]))
        s = slice_sub(s, 1, s.len);
    return s;
}

/* The object that a tool gets; .at is NULL when out of memory. */
static struct slice read_input(struct arena *a, struct json_value arguments)
{
    struct json_error why;
    struct slice plain;

    if (arguments.type == JSON_OBJECT)
        return arguments.text;
    if (arguments.type != JSON_STRING)
        return SLICE("{}");
    if (!json_plain(arguments, &plain)) {
        char *decoded = arena_alloc(a, arguments.text.len);
        if (!decoded)
            return (struct slice){0};
        plain = slice_of(decoded, json_decode(arguments, decoded));
    }
    plain = without_space(plain);
    if (slice_is_empty(plain))
        return SLICE("{}");
    return json_scan(plain, NULL, 0, NULL, &why) ? plain : wrap_invalid(a, inside_of(arguments));
}

/* An id that is this answer's and this tool's own, for a provider that gives none. */
static struct slice make_id(struct arena *a, const struct answer *answer)
{
    return arena_printf(a, "call_%.*s_%zu", SLICE_FMT(answer->id), answer->blocks_len);
}

static void add_call(struct reading *r, struct slice id, struct json_value function,
                     struct json_value extra)
{
    static const struct json_member members[] = {{SLICE_INIT("name")}, {SLICE_INIT("arguments")}};
    struct json_value v[2];

    if (!members_of(r, function, members, 2, v))
        return;
    struct answer_block block = {
        .kind = BLOCK_TOOL,
        .id = slice_is_empty(id) ? make_id(r->arena, r->answer) : id,
        .name = inside_of(v[0]),
        .input = read_input(r->arena, v[1]),
    };
    if (!openai_signature_read(extra, &block.signature))
        r->rc = -EBADMSG;
    if (!block.id.at || !block.input.at)
        r->rc = -ENOMEM;
    add_block(r, &block);
}

static void add_calls(struct reading *r, struct json_value calls)
{
    static const struct json_member members[] = {
        {SLICE_INIT("id")}, {SLICE_INIT("function")}, {SLICE_INIT("extra_content")}};
    struct json_value call, v[3];
    size_t at = 0;

    while (calls.type == JSON_ARRAY && json_next(calls.text, &at, &call) &&
           members_of(r, call, members, 3, v))
        if (v[1].type == JSON_OBJECT) /* else a tool of a kind that nobody here declared */
            add_call(r, inside_of(v[0]), v[1], v[2]);
}

static void read_message(struct reading *r, struct json_value message)
{
    struct json_value v[SAID_LEN];

    if (!members_of(r, message, openai_said_members, SAID_LEN, v))
        return;
    add_reasoning(r, v);
    add_texts(r, BLOCK_TEXT, v[SAID_CONTENT]);
    r->answer->refusal = inside_of(v[SAID_REFUSAL]);
    add_calls(r, v[SAID_TOOL_CALLS]);
    if (v[SAID_FUNCTION_CALL].type == JSON_OBJECT)
        add_call(r, (struct slice){0}, v[SAID_FUNCTION_CALL], (struct json_value){0});
}

static int read_choice(struct reading *r, struct json_value choice)
{
    struct json_value v[CHOICE_LEN];

    if (!members_of(r, choice, choice_members, CHOICE_LEN, v))
        return r->rc;
    if (slice_eq(inside_of(v[FINISH]), SLICE("error"))) /* Mistral, OpenRouter */
        return -EBADMSG;
    r->answer->stop = openai_finish_read(&v[FINISH], &r->answer->stop_sequence);
    if (r->answer->usage.source == USAGE_NONE)
        openai_usage_read(v[CHOICE_USAGE], &r->answer->usage);
    read_message(r, v[MESSAGE]);
    return r->rc;
}

int openai_chat_read_answer(struct slice body, struct arena *a, struct answer *ret)
{
    struct reading r = {.arena = a, .answer = ret};
    struct json_value v[ANSWER_LEN], choice;
    struct openai_error error;
    struct json_error why;
    size_t at = 0;

    *ret = (struct answer){.stop = STOP_NONE};
    bool is_object = json_scan(body, answer_members, ANSWER_LEN, v, &why);
    bool is_answer = is_object && v[CHOICES].type == JSON_ARRAY && v[ERROR].type == JSON_NONE;
    if (!is_answer && openai_error_read(body, &error))
        return -EPROTO;
    if (!is_object || v[CHOICES].type != JSON_ARRAY || !json_next(v[CHOICES].text, &at, &choice))
        return -EBADMSG;

    ret->id = inside_of(v[ID]);
    ret->model = inside_of(v[MODEL]);
    json_u64(v[CREATED], &ret->created);
    openai_usage_read(v[USAGE], &ret->usage);
    return read_choice(&r, choice);
}
