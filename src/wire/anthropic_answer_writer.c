/* anthropic_answer_writer.c: a whole answer as one message. */

#include "wire/anthropic_writer.h"

#include "codec/json_out.h"
#include "wire/anthropic_usage.h"
#include "wire/tool_id.h"

enum { ROOM = 512, ROOM_OF_BLOCK = 128 };

static void write_tool(struct json_out *o, const struct answer_block *b)
{
    json_out_literal(o, "{\"type\":\"tool_use\",\"id\":\"");
    tool_id_write(o, b->id, b->signature);
    json_out_literal(o, "\",\"name\":");
    json_out_quote(o, b->name);
    json_out_literal(o, ",\"input\":");
    json_out_add(o, b->input);
}

static void write_block(struct json_out *o, const struct answer_block *b)
{
    switch (b->kind) {
    case BLOCK_TEXT:
        json_out_literal(o, "{\"type\":\"text\",\"text\":");
        json_out_quote(o, b->text);
        break;
    case BLOCK_THINKING:
        json_out_literal(o, "{\"type\":\"thinking\",\"thinking\":");
        json_out_quote(o, b->text);
        json_out_literal(o, ",\"signature\":");
        json_out_quote(o, b->signature);
        break;
    case BLOCK_REDACTED:
        json_out_literal(o, "{\"type\":\"redacted_thinking\",\"data\":");
        json_out_quote(o, b->text);
        break;
    case BLOCK_TOOL:
        write_tool(o, b);
        break;
    }
    json_out_char(o, '}');
}

/* Its blocks, and what it says instead of an answer as one more. Returns whether it calls tools. */
static bool write_content(struct json_out *o, const struct answer *answer)
{
    const struct answer_block refusal = {.kind = BLOCK_TEXT, .text = answer->refusal};
    bool calls_tools = false;

    for (size_t i = 0; i < answer->blocks_len; i++) {
        if (i > 0)
            json_out_char(o, ',');
        write_block(o, &answer->blocks[i]);
        calls_tools |= answer->blocks[i].kind == BLOCK_TOOL;
    }
    if (!slice_is_empty(answer->refusal)) {
        if (answer->blocks_len > 0)
            json_out_char(o, ',');
        write_block(o, &refusal);
    }
    return calls_tools;
}

static void write_stop(struct json_out *o, const struct answer *answer, bool calls_tools)
{
    bool refused = !slice_is_empty(answer->refusal);

    json_out_literal(o, "\"stop_reason\":");
    json_out_quote(o, anthropic_stop_word(answer->stop, refused, calls_tools));
    json_out_literal(o, ",\"stop_sequence\":");
    if (slice_is_empty(answer->stop_sequence))
        json_out_literal(o, "null");
    else
        json_out_quote(o, answer->stop_sequence);
}

static size_t expected(const struct answer *answer)
{
    size_t n = ROOM + answer->refusal.len;

    for (size_t i = 0; i < answer->blocks_len; i++) {
        const struct answer_block *b = &answer->blocks[i];
        n += ROOM_OF_BLOCK + b->text.len + b->signature.len + b->input.len;
    }
    return n;
}

struct slice anthropic_answer_write(const struct answer *answer, struct arena *a)
{
    char room[ANTHROPIC_USAGE_ROOM];
    struct json_out o;

    json_out_begin(&o, a, expected(answer));
    json_out_literal(&o, "{\"id\":");
    json_out_quote(&o, slice_is_empty(answer->id) ? SLICE("msg_0") : answer->id);
    json_out_literal(&o, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    json_out_quote(&o, answer->model);
    json_out_literal(&o, ",\"content\":[");
    bool calls_tools = write_content(&o, answer);
    json_out_literal(&o, "],");
    write_stop(&o, answer, calls_tools);
    json_out_literal(&o, ",\"usage\":");
    json_out_add(&o, anthropic_usage_write(&answer->usage, room));
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}
