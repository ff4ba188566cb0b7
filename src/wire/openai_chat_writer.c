/* openai_chat_writer.c: chunks of a stream. Every chunk has the same head, made once. */

#include "wire/openai_chat_writer.h"

#include "codec/json_out.h"
#include "wire/openai_chat_words.h"
#include "wire/openai_usage.h"

#include <errno.h>

static void put(struct openai_chat_writer *w, struct slice text)
{
    buf_add(w->out, text);
}

static void put_quoted(struct openai_chat_writer *w, struct slice text)
{
    buf_add_char(w->out, '"');
    buf_add(w->out, text);
    buf_add_char(w->out, '"');
}

/* What stands behind the choices of every chunk but the one that tells usage. */
static void put_end(struct openai_chat_writer *w)
{
    put(w, w->include_usage ? SLICE(",\"usage\":null}\n\n") : SLICE("}\n\n"));
}

static void open_delta(struct openai_chat_writer *w)
{
    put(w, w->head);
    put(w, SLICE("\"choices\":[{\"index\":0,\"delta\":{"));
}

static int close_delta(struct openai_chat_writer *w)
{
    put(w, SLICE("},\"finish_reason\":null}]"));
    put_end(w);
    return w->out->rc;
}

static int make_head(struct openai_chat_writer *w, const struct piece *p)
{
    struct json_out o;

    json_out_begin(&o, w->arena, 0);
    json_out_literal(&o, "data: {\"id\":");
    json_out_quote(&o, slice_is_empty(p->id) ? SLICE("chatcmpl-0") : p->id);
    json_out_literal(&o, ",\"object\":\"chat.completion.chunk\",\"created\":");
    json_out_u64(&o, w->created);
    json_out_literal(&o, ",\"model\":\"");
    json_out_add(&o, p->model);
    if (slice_is_empty(p->model))
        json_out_escape(&o, w->model);
    json_out_literal(&o, "\",");
    if (json_out_failed(&o))
        return -ENOMEM;
    w->head = json_out_slice(&o);
    return OK;
}

static int start(struct openai_chat_writer *w, const struct piece *p)
{
    int rc = make_head(w, p);

    if (rc < 0)
        return rc;
    w->usage = p->usage;
    open_delta(w);
    put(w, SLICE("\"role\":\"assistant\",\"content\":\"\""));
    return close_delta(w);
}

static int add_text(struct openai_chat_writer *w, struct slice member, struct slice text)
{
    open_delta(w);
    put(w, member);
    put_quoted(w, text);
    return close_delta(w);
}

static void open_block(struct openai_chat_writer *w, struct slice type)
{
    put(w, SLICE("\"thinking_blocks\":[{\"index\":"));
    buf_add_u64(w->out, w->blocks);
    put(w, SLICE(",\"type\":"));
    put(w, type);
}

static int add_thinking(struct openai_chat_writer *w, struct slice text)
{
    w->in_thinking = true;
    open_delta(w);
    put(w, SLICE("\"reasoning_content\":"));
    put_quoted(w, text);
    put(w, SLICE(","));
    open_block(w, SLICE("\"thinking\",\"thinking\":"));
    put_quoted(w, text);
    put(w, SLICE("}]"));
    return close_delta(w);
}

static void end_thinking(struct openai_chat_writer *w)
{
    w->blocks += w->in_thinking;
    w->in_thinking = false;
}

static int add_signature(struct openai_chat_writer *w, struct slice signature)
{
    open_delta(w);
    open_block(w, w->in_thinking ? SLICE("\"thinking\",\"signature\":")
                                 : SLICE("\"thinking\",\"thinking\":\"\",\"signature\":"));
    put_quoted(w, signature);
    put(w, SLICE("}]"));
    w->in_thinking = true;
    end_thinking(w);
    return close_delta(w);
}

static int add_redacted(struct openai_chat_writer *w, struct slice sealed)
{
    end_thinking(w);
    open_delta(w);
    open_block(w, SLICE("\"redacted_thinking\",\"data\":"));
    put_quoted(w, sealed);
    put(w, SLICE("}]"));
    w->blocks++;
    return close_delta(w);
}

static bool is_fed(const struct openai_chat_writer *w, unsigned tool)
{
    return w->fed[tool / 64] >> tool % 64 & 1;
}

static int add_input(struct openai_chat_writer *w, const struct piece *p)
{
    if (p->tool >= w->tools)
        return OK; /* of a tool that never began */
    w->fed[p->tool / 64] |= UINT64_C(1) << p->tool % 64;
    open_delta(w);
    put(w, SLICE("\"tool_calls\":[{\"index\":"));
    buf_add_u64(w->out, p->tool);
    put(w, SLICE(",\"function\":{\"arguments\":\""));
    put(w, p->text);
    buf_add_json(w->out, p->input);
    put(w, SLICE("\"}}]"));
    return close_delta(w);
}

/* A tool that is called without arguments: clients parse what they have got. */
static int end_tool(struct openai_chat_writer *w, unsigned tool)
{
    const struct piece nothing = {.tool = tool, .text = SLICE("{}")};

    return tool < w->tools && !is_fed(w, tool) ? add_input(w, &nothing) : OK;
}

static int end_tools(struct openai_chat_writer *w)
{
    int rc = OK;

    for (unsigned tool = 0; rc == OK && tool < w->tools; tool++)
        rc = end_tool(w, tool);
    return rc;
}

static int start_tool(struct openai_chat_writer *w, const struct piece *p)
{
    if (p->tool >= OPENAI_WRITER_TOOLS)
        return -EMSGSIZE;
    w->tools = p->tool + 1;
    open_delta(w);
    put(w, SLICE("\"tool_calls\":[{\"index\":"));
    buf_add_u64(w->out, p->tool);
    put(w, SLICE(",\"id\":"));
    put_quoted(w, p->id);
    put(w, SLICE(",\"type\":\"function\",\"function\":{\"name\":"));
    put_quoted(w, p->name);
    put(w, SLICE(",\"arguments\":\"\"}}]"));
    return close_delta(w);
}

static void put_finish(struct openai_chat_writer *w)
{
    put(w, w->head);
    put(w, SLICE("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"));
    put_quoted(w, openai_stop_word(w->stop));
    put(w, SLICE("}]"));
    put_end(w);
}

static void put_usage(struct openai_chat_writer *w)
{
    char room[OPENAI_USAGE_ROOM];

    put(w, w->head);
    put(w, SLICE("\"choices\":[],\"usage\":"));
    put(w, openai_usage_write(&w->usage, room));
    put(w, SLICE("}\n\n"));
}

/* Why it ends is held until here: clients take it for the end of a whole answer. */
static int end(struct openai_chat_writer *w)
{
    if (w->finished)
        put_finish(w);
    if (w->include_usage && w->usage.source != USAGE_NONE)
        put_usage(w);
    put(w, SLICE("data: [DONE]\n\n"));
    return w->out->rc;
}

static int take(struct piece_sink *sink, const struct piece *p)
{
    struct openai_chat_writer *w = container_of(sink, struct openai_chat_writer, sink);

    if (slice_is_empty(w->head) && p->kind != PIECE_START) {
        int rc = start(w, &(struct piece){.kind = PIECE_START});
        if (rc < 0)
            return rc;
    }
    if (p->kind != PIECE_THINKING && p->kind != PIECE_SIGNATURE)
        end_thinking(w);
    switch (p->kind) {
    case PIECE_START:
        return slice_is_empty(w->head) ? start(w, p) : OK;
    case PIECE_TEXT:
        return add_text(w, SLICE("\"content\":"), p->text);
    case PIECE_REFUSAL:
        return add_text(w, SLICE("\"refusal\":"), p->text);
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
        w->finished = true;
        w->stop = p->stop;
        return end_tools(w);
    case PIECE_USAGE:
        w->usage = p->usage;
        return OK;
    case PIECE_DONE:
        return end(w);
    }
    return OK;
}

void openai_chat_writer_begin(struct openai_chat_writer *w)
{
    w->sink.take = take;
}
