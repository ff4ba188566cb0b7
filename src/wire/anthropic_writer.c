/* anthropic_writer.c: events of a stream, one block after the other.
 *
 *   nothing open → text | thinking → nothing open     a piece of another kind closes the block
 *   nothing open → tool            → nothing open     so does another tool
 */

#include "wire/anthropic_writer.h"

#include "codec/json_out.h"
#include "wire/anthropic_usage.h"
#include "wire/tool_id.h"

#include <errno.h>

#define EVENT(name) "event: " name "\ndata: {\"type\":\"" name "\""

static void put(struct anthropic_writer *w, struct slice text)
{
    buf_add(w->out, text);
}

static void put_quoted(struct anthropic_writer *w, struct slice text)
{
    buf_add_char(w->out, '"');
    buf_add(w->out, text);
    buf_add_char(w->out, '"');
}

static int put_end(struct anthropic_writer *w, struct slice brackets)
{
    put(w, brackets);
    put(w, SLICE("\n\n"));
    return w->out->rc;
}

static void put_usage(struct anthropic_writer *w)
{
    struct usage usage = w->usage;
    char room[ANTHROPIC_USAGE_ROOM];

    if (usage.source == USAGE_NONE) {
        usage.input = w->prompt_estimate;
        usage.output = w->deltas;
    }
    put(w, SLICE(",\"usage\":"));
    put(w, anthropic_usage_write(&usage, room));
}

static int start(struct anthropic_writer *w, const struct piece *p)
{
    w->started = true;
    w->usage = p->usage;
    put(w, SLICE(EVENT("message_start") ",\"message\":{\"id\":"));
    put_quoted(w, slice_is_empty(p->id) ? SLICE("msg_0") : p->id);
    put(w, SLICE(",\"type\":\"message\",\"role\":\"assistant\",\"model\":\""));
    put(w, p->model);
    if (slice_is_empty(p->model))
        buf_add_json(w->out, w->model);
    put(w, SLICE("\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null"));
    put_usage(w);
    return put_end(w, SLICE("}}"));
}

static int close_block(struct anthropic_writer *w)
{
    if (!w->open)
        return OK;
    w->open = false;
    put(w, SLICE(EVENT("content_block_stop") ",\"index\":"));
    buf_add_u64(w->out, w->blocks - 1);
    return put_end(w, SLICE("}"));
}

/* Up to the members of the block behind its type; close with put_end("}}"). */
static void open_block(struct anthropic_writer *w, enum block_kind kind, struct slice type)
{
    close_block(w);
    w->open = true;
    w->kind = kind;
    put(w, SLICE(EVENT("content_block_start") ",\"index\":"));
    buf_add_u64(w->out, w->blocks++);
    put(w, SLICE(",\"content_block\":{\"type\":"));
    put(w, type);
}

/* delta: its beginning, up to the value of its text. */
static void begin_delta(struct anthropic_writer *w, unsigned block, struct slice delta)
{
    w->deltas++;
    put(w, SLICE(EVENT("content_block_delta") ",\"index\":"));
    buf_add_u64(w->out, block);
    put(w, SLICE(",\"delta\":{\"type\":"));
    put(w, delta);
}

static int put_delta(struct anthropic_writer *w, unsigned block, struct slice delta,
                     struct slice text)
{
    begin_delta(w, block, delta);
    put_quoted(w, text);
    return put_end(w, SLICE("}}"));
}

static int add_text(struct anthropic_writer *w, struct slice text)
{
    if (!w->open || w->kind != BLOCK_TEXT) {
        open_block(w, BLOCK_TEXT, SLICE("\"text\",\"text\":\"\""));
        put_end(w, SLICE("}}"));
    }
    return put_delta(w, w->blocks - 1, SLICE("\"text_delta\",\"text\":"), text);
}

static void open_thinking(struct anthropic_writer *w)
{
    if (w->open && w->kind == BLOCK_THINKING)
        return;
    open_block(w, BLOCK_THINKING, SLICE("\"thinking\",\"thinking\":\"\",\"signature\":\"\""));
    put_end(w, SLICE("}}"));
}

static int add_thinking(struct anthropic_writer *w, struct slice text)
{
    open_thinking(w);
    return put_delta(w, w->blocks - 1, SLICE("\"thinking_delta\",\"thinking\":"), text);
}

static int add_signature(struct anthropic_writer *w, struct slice signature)
{
    open_thinking(w);
    put_delta(w, w->blocks - 1, SLICE("\"signature_delta\",\"signature\":"), signature);
    return close_block(w);
}

static int add_redacted(struct anthropic_writer *w, struct slice sealed)
{
    open_block(w, BLOCK_REDACTED, SLICE("\"redacted_thinking\",\"data\":"));
    put_quoted(w, sealed);
    put_end(w, SLICE("}}"));
    return close_block(w);
}

static int start_tool(struct anthropic_writer *w, const struct piece *p)
{
    struct json_out id;

    if (p->tool >= ANTHROPIC_TOOLS_MAX)
        return -EMSGSIZE;
    json_out_begin(&id, w->arena, p->id.len);
    tool_id_write(&id, p->id, p->signature);
    if (json_out_failed(&id))
        return -ENOMEM;
    open_block(w, BLOCK_TOOL, SLICE("\"tool_use\",\"id\":"));
    w->block_of_tool[p->tool] = w->blocks - 1;
    w->tools = p->tool + 1;
    w->deltas++;
    put_quoted(w, json_out_slice(&id));
    put(w, SLICE(",\"name\":"));
    put_quoted(w, p->name);
    put(w, SLICE(",\"input\":{}"));
    return put_end(w, SLICE("}}"));
}

static int add_input(struct anthropic_writer *w, const struct piece *p)
{
    if (p->tool >= w->tools)
        return OK; /* of a tool that never began */
    begin_delta(w, w->block_of_tool[p->tool], SLICE("\"input_json_delta\",\"partial_json\":\""));
    put(w, p->text);
    buf_add_json(w->out, p->input);
    return put_end(w, SLICE("\"}}"));
}

static int end_tool(struct anthropic_writer *w, unsigned tool)
{
    bool is_open = tool < w->tools && w->open && w->block_of_tool[tool] == w->blocks - 1;

    return is_open ? close_block(w) : OK;
}

static int finish(struct anthropic_writer *w, const struct piece *p)
{
    w->stop = p->stop;
    w->stop_sequence = arena_copy(w->arena, p->stop_sequence);
    return w->stop_sequence.at ? close_block(w) : -ENOMEM;
}

static int end(struct anthropic_writer *w)
{
    close_block(w);
    put(w, SLICE(EVENT("message_delta") ",\"delta\":{\"stop_reason\":"));
    put_quoted(w, anthropic_stop_word(w->stop, w->refused, w->tools > 0));
    put(w, SLICE(",\"stop_sequence\":"));
    if (slice_is_empty(w->stop_sequence))
        put(w, SLICE("null"));
    else
        put_quoted(w, w->stop_sequence);
    put(w, SLICE("}"));
    put_usage(w);
    put_end(w, SLICE("}"));
    put(w, SLICE(EVENT("message_stop")));
    return put_end(w, SLICE("}"));
}

static int take(struct piece_sink *sink, const struct piece *p)
{
    struct anthropic_writer *w = container_of(sink, struct anthropic_writer, sink);

    if (!w->started && p->kind != PIECE_START)
        start(w, &(struct piece){.kind = PIECE_START});
    switch (p->kind) {
    case PIECE_START:
        return start(w, p);
    case PIECE_REFUSAL:
        w->refused = true;
        return add_text(w, p->text);
    case PIECE_TEXT:
        return add_text(w, p->text);
    case PIECE_THINKING:
        return add_thinking(w, p->text);
    case PIECE_SIGNATURE:
        return add_signature(w, p->text);
    case PIECE_REDACTED:
        return add_redacted(w, p->text);
    case PIECE_TOOL_START:
        return start_tool(w, p);
    case PIECE_TOOL_INPUT:
        return add_input(w, p);
    case PIECE_TOOL_END:
        return end_tool(w, p->tool);
    case PIECE_FINISH:
        return finish(w, p);
    case PIECE_USAGE:
        w->usage = p->usage;
        return OK;
    case PIECE_DONE:
        return end(w);
    }
    return OK;
}

void anthropic_writer_begin(struct anthropic_writer *w)
{
    w->sink.take = take;
}

struct slice anthropic_stop_word(enum stop_reason stop, bool refused, bool calls_tools)
{
    switch (stop) {
    case STOP_SEQUENCE:
        return SLICE("stop_sequence");
    case STOP_LENGTH:
        return SLICE("max_tokens");
    case STOP_TOOLS:
        return SLICE("tool_use");
    case STOP_FILTERED:
        return SLICE("refusal");
    case STOP_NONE:
    case STOP_END:
        break;
    }
    if (refused)
        return SLICE("refusal");
    return calls_tools ? SLICE("tool_use") : SLICE("end_turn");
}
