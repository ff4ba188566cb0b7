/* openai_chat_answer_writer.c: a whole answer as one chat.completion. */

#include "wire/openai_chat_writer.h"

#include "codec/json_out.h"
#include "wire/openai_chat_words.h"
#include "wire/openai_usage.h"

enum { ROOM = 1024, ROOM_OF_BLOCK = 160 };

static bool has(const struct answer *answer, enum block_kind kind)
{
    for (size_t i = 0; i < answer->blocks_len; i++)
        if (answer->blocks[i].kind == kind)
            return true;
    return false;
}

/* The texts of all blocks of a kind as one string. */
static void write_joined(struct json_out *o, const struct answer *answer, enum block_kind kind)
{
    json_out_char(o, '"');
    for (size_t i = 0; i < answer->blocks_len; i++)
        if (answer->blocks[i].kind == kind)
            json_out_add(o, answer->blocks[i].text);
    json_out_char(o, '"');
}

static void write_thinking_block(struct json_out *o, const struct answer_block *b)
{
    if (b->kind == BLOCK_REDACTED) {
        json_out_literal(o, "{\"type\":\"redacted_thinking\",\"data\":");
        json_out_quote(o, b->text);
    } else {
        json_out_literal(o, "{\"type\":\"thinking\",\"thinking\":");
        json_out_quote(o, b->text);
        json_out_literal(o, ",\"signature\":");
        json_out_quote(o, b->signature);
    }
    json_out_char(o, '}');
}

static void write_thinking(struct json_out *o, const struct answer *answer)
{
    bool first = true;

    if (has(answer, BLOCK_THINKING)) {
        json_out_literal(o, ",\"reasoning_content\":");
        write_joined(o, answer, BLOCK_THINKING);
    }
    json_out_literal(o, ",\"thinking_blocks\":[");
    for (size_t i = 0; i < answer->blocks_len; i++) {
        const struct answer_block *b = &answer->blocks[i];
        if (b->kind != BLOCK_THINKING && b->kind != BLOCK_REDACTED)
            continue;
        if (!first)
            json_out_char(o, ',');
        first = false;
        write_thinking_block(o, b);
    }
    json_out_char(o, ']');
}

static void write_tools(struct json_out *o, const struct answer *answer)
{
    bool first = true;

    json_out_literal(o, ",\"tool_calls\":[");
    for (size_t i = 0; i < answer->blocks_len; i++) {
        const struct answer_block *b = &answer->blocks[i];
        if (b->kind != BLOCK_TOOL)
            continue;
        json_out_add(o, first ? SLICE("{\"id\":") : SLICE(",{\"id\":"));
        first = false;
        json_out_quote(o, b->id);
        json_out_literal(o, ",\"type\":\"function\",\"function\":{\"name\":");
        json_out_quote(o, b->name);
        json_out_literal(o, ",\"arguments\":\"");
        json_out_escape(o, b->input);
        json_out_literal(o, "\"}}");
    }
    json_out_char(o, ']');
}

static void write_message(struct json_out *o, const struct answer *answer)
{
    json_out_literal(o, "{\"role\":\"assistant\",\"content\":");
    if (has(answer, BLOCK_TEXT))
        write_joined(o, answer, BLOCK_TEXT);
    else
        json_out_literal(o, "null");
    json_out_literal(o, ",\"refusal\":");
    if (slice_is_empty(answer->refusal))
        json_out_literal(o, "null");
    else
        json_out_quote(o, answer->refusal);
    if (has(answer, BLOCK_THINKING) || has(answer, BLOCK_REDACTED))
        write_thinking(o, answer);
    if (has(answer, BLOCK_TOOL))
        write_tools(o, answer);
    json_out_char(o, '}');
}

static size_t expected(const struct answer *answer)
{
    size_t n = ROOM;

    for (size_t i = 0; i < answer->blocks_len; i++) {
        const struct answer_block *b = &answer->blocks[i];
        n += ROOM_OF_BLOCK + 2 * b->text.len + b->signature.len + 2 * b->input.len;
    }
    return n;
}

struct slice openai_chat_answer_write(const struct answer *answer, struct arena *a)
{
    char room[OPENAI_USAGE_ROOM];
    struct json_out o;

    json_out_begin(&o, a, expected(answer));
    json_out_literal(&o, "{\"id\":");
    json_out_quote(&o, slice_is_empty(answer->id) ? SLICE("chatcmpl-0") : answer->id);
    json_out_literal(&o, ",\"object\":\"chat.completion\",\"created\":");
    json_out_u64(&o, answer->created);
    json_out_literal(&o, ",\"model\":");
    json_out_quote(&o, answer->model);
    json_out_literal(&o, ",\"choices\":[{\"index\":0,\"message\":");
    write_message(&o, answer);
    json_out_literal(&o, ",\"logprobs\":null,\"finish_reason\":");
    json_out_quote(&o, openai_stop_word(answer->stop));
    json_out_literal(&o, "}],\"usage\":");
    json_out_add(&o, openai_usage_write(&answer->usage, room));
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}
