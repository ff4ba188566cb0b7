/* anthropic_messages_write.c: a conversation as a request of Anthropic's dialect.
 *
 * The order of members is fixed, what changes least first (model … tools, system, messages), as the
 * provider's prompt cache wants it. */

#include "wire/chat_wire.h"

#include "wire/anthropic_thinking.h"
#include "wire/chat_writer.h"

/* ---- blocks ---- */

/* Anthropic refuses text without words, and thinking that it has not signed. */
static bool block_counts(const struct chat_block *b)
{
    if (b->kind == CHAT_TEXT)
        return !text_is_blank(b->text);
    return b->kind != CHAT_THINKING || b->thinking.signature.len > 0;
}

static const struct chat_block *next_counting(const struct chat_block *b)
{
    while (b && !block_counts(b))
        b = b->next;
    return b;
}

static void write_text(struct chat_writer *w, struct slice text)
{
    json_out_literal(&w->o, "{\"type\":\"text\",\"text\":");
    json_out_quote(&w->o, text);
}

static void write_source(struct chat_writer *w, const struct chat_media *m)
{
    struct json_out *o = &w->o;
    bool jpg = slice_eq(m->media_type, SLICE("image/jpg")); /* often written, never registered */

    switch (m->source) {
    case CHAT_URL:
        json_out_literal(o, "\"source\":{\"type\":\"url\",\"url\":");
        break;
    case CHAT_PLAIN:
        json_out_literal(o,
                         "\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":");
        break;
    case CHAT_BASE64:
        json_out_literal(o, "\"source\":{\"type\":\"base64\",\"media_type\":");
        json_out_quote(o, jpg ? SLICE("image/jpeg") : m->media_type);
        json_out_literal(o, ",\"data\":");
        break;
    }
    json_out_quote(o, m->content);
    json_out_char(o, '}');
}

static void write_media(struct chat_writer *w, const struct chat_block *b)
{
    if (b->kind == CHAT_IMAGE)
        json_out_literal(&w->o, "{\"type\":\"image\",");
    else
        json_out_literal(&w->o, "{\"type\":\"document\",");
    write_source(w, &b->media);
    if (b->media.title.len > 0) {
        json_out_name(&w->o, "title");
        json_out_quote(&w->o, b->media.title);
    }
}

static bool is_id_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* Other providers' ids ("functions.f:0") hold letters that Anthropic refuses; the call and its
 * result change alike. */
static void write_id(struct chat_writer *w, struct slice id)
{
    json_out_char(&w->o, '"');
    for (size_t i = 0; i < id.len; i++)
        json_out_char(&w->o, is_id_letter(id.at[i]) ? id.at[i] : '_');
    json_out_char(&w->o, '"');
}

static void write_use(struct chat_writer *w, const struct chat_tool_use *use)
{
    json_out_literal(&w->o, "{\"type\":\"tool_use\",\"id\":");
    write_id(w, use->id);
    json_out_literal(&w->o, ",\"name\":");
    json_out_quote(&w->o, use->name);
    json_out_literal(&w->o, ",\"input\":");
    json_out_add(&w->o, use->input);
}

static void write_thinking(struct chat_writer *w, const struct chat_block *b)
{
    struct json_out *o = &w->o;

    if (b->kind == CHAT_REDACTED_THINKING) {
        json_out_literal(o, "{\"type\":\"redacted_thinking\",\"data\":");
        json_out_quote(o, b->thinking.text);
        return;
    }
    json_out_literal(o, "{\"type\":\"thinking\",\"thinking\":");
    json_out_quote(o, b->thinking.text);
    json_out_literal(o, ",\"signature\":");
    json_out_quote(o, b->thinking.signature);
}

static void write_block(struct chat_writer *w, const struct chat_block *b);

/* One plain text is a string, everything else blocks. */
static void write_content(struct chat_writer *w, const struct chat_block *blocks)
{
    const struct chat_block *b = next_counting(blocks);

    if (b && b->kind == CHAT_TEXT && b->cache_control.len == 0 && !next_counting(b->next)) {
        json_out_quote(&w->o, b->text);
        return;
    }
    json_out_char(&w->o, '[');
    for (; b; b = next_counting(b->next))
        write_block(w, b);
    json_out_char(&w->o, ']');
}

static void write_result(struct chat_writer *w, const struct chat_tool_result *result)
{
    json_out_literal(&w->o, "{\"type\":\"tool_result\",\"tool_use_id\":");
    write_id(w, result->id);
    if (next_counting(result->blocks)) {
        json_out_name(&w->o, "content");
        write_content(w, result->blocks);
    }
    if (result->is_error)
        json_out_literal(&w->o, ",\"is_error\":true");
}

static void write_block(struct chat_writer *w, const struct chat_block *b)
{
    json_out_comma(&w->o);
    switch (b->kind) {
    case CHAT_TEXT:
        write_text(w, b->text);
        break;
    case CHAT_IMAGE:
    case CHAT_DOCUMENT:
        write_media(w, b);
        break;
    case CHAT_TOOL_USE:
        write_use(w, &b->use);
        break;
    case CHAT_TOOL_RESULT:
        write_result(w, &b->result);
        break;
    case CHAT_THINKING:
    case CHAT_REDACTED_THINKING:
        write_thinking(w, b);
        break;
    }
    if (b->kind != CHAT_THINKING && b->kind != CHAT_REDACTED_THINKING)
        write_cache_control(w, b->cache_control);
    json_out_char(&w->o, '}');
}

/* ---- messages ---- */

static bool is_result(const struct chat_block *b)
{
    return b->kind == CHAT_TOOL_RESULT;
}

static bool answers_tools(const struct chat_message *m)
{
    for (const struct chat_block *b = m->blocks; b; b = b->next)
        if (is_result(b))
            return true;
    return false;
}

/* Results of tools must stand first in their turn. */
static void write_results_first(struct chat_writer *w, const struct chat_message *m)
{
    json_out_char(&w->o, '[');
    for (const struct chat_block *b = m->blocks; b; b = b->next)
        if (is_result(b))
            write_block(w, b);
    for (const struct chat_block *b = next_counting(m->blocks); b; b = next_counting(b->next))
        if (!is_result(b))
            write_block(w, b);
    json_out_char(&w->o, ']');
}

/* An answer that the client has begun must not end in white space: the last text is trimmed. */
static void write_prefill(struct chat_writer *w, const struct chat_block *first)
{
    json_out_char(&w->o, '[');
    for (const struct chat_block *b = first, *next; b; b = next) {
        struct chat_block copy = *b;
        next = next_counting(b->next);
        if (b->kind == CHAT_TEXT && !next)
            copy.text = text_trim_end(b->text);
        write_block(w, &copy);
    }
    json_out_char(&w->o, ']');
}

/* False: nothing in it could be written, and so it was not. */
static bool write_message(struct chat_writer *w, const struct chat_message *m)
{
    const struct chat_block *first = next_counting(m->blocks);

    if (!first)
        return false;
    json_out_comma(&w->o);
    if (m->role == CHAT_USER)
        json_out_literal(&w->o, "{\"role\":\"user\",\"content\":");
    else
        json_out_literal(&w->o, "{\"role\":\"assistant\",\"content\":");
    if (m->role == CHAT_USER && answers_tools(m))
        write_results_first(w, m);
    else if (m->role == CHAT_ASSISTANT && !m->next)
        write_prefill(w, first);
    else
        write_content(w, first);
    json_out_char(&w->o, '}');
    return true;
}

static bool write_messages(struct chat_writer *w)
{
    bool any = false;

    json_out_name(&w->o, "messages");
    json_out_char(&w->o, '[');
    for (const struct chat_message *m = w->chat->messages; m; m = m->next)
        any |= write_message(w, m);
    json_out_char(&w->o, ']');
    return any || reader_refuse_value(&w->r, SLICE("messages"),
                                      "a message of the user or the assistant must say something");
}

/* ---- what stands before the messages ---- */

static bool has_cache_control(const struct chat_block *b)
{
    for (; b; b = b->next)
        if (b->cache_control.len > 0)
            return true;
    return false;
}

/* One text, its parts a line each; blocks when the client marked some for the cache. */
static void write_system(struct chat_writer *w)
{
    const struct chat_block *b = next_counting(w->chat->system);

    if (!b)
        return;
    json_out_name(&w->o, "system");
    if (has_cache_control(b)) {
        json_out_char(&w->o, '[');
        for (; b; b = next_counting(b->next))
            write_block(w, b);
        json_out_char(&w->o, ']');
        return;
    }
    json_out_char(&w->o, '"');
    write_joined(w, b, SLICE("\\n"));
    json_out_char(&w->o, '"');
}

static void write_tool(struct chat_writer *w, const struct chat_tool *tool)
{
    struct json_out *o = &w->o;

    json_out_comma(o);
    write_function_words(w, tool);
    json_out_name(o, "input_schema");
    write_schema(w, tool->schema);
    if (tool->strict && w->options->strict_tools)
        json_out_literal(o, ",\"strict\":true");
    write_cache_control(w, tool->cache_control);
    json_out_char(o, '}');
}

static void write_choice(struct chat_writer *w)
{
    static const struct slice types[] = {
        [CHAT_CHOICE_UNSET] = SLICE_INIT("{\"type\":\"auto\""),
        [CHAT_CHOICE_AUTO] = SLICE_INIT("{\"type\":\"auto\""),
        [CHAT_CHOICE_ANY] = SLICE_INIT("{\"type\":\"any\""),
        [CHAT_CHOICE_NONE] = SLICE_INIT("{\"type\":\"none\""),
        [CHAT_CHOICE_NAMED] = SLICE_INIT("{\"type\":\"tool\""),
    };
    const struct chat *c = w->chat;

    if (c->choice == CHAT_CHOICE_UNSET && !c->one_tool_at_a_time)
        return;
    json_out_name(&w->o, "tool_choice");
    json_out_add(&w->o, types[c->choice]);
    if (c->choice == CHAT_CHOICE_NAMED) {
        json_out_name(&w->o, "name");
        json_out_quote(&w->o, c->choice_name);
    }
    if (c->one_tool_at_a_time && c->choice != CHAT_CHOICE_NONE)
        json_out_literal(&w->o, ",\"disable_parallel_tool_use\":true");
    json_out_char(&w->o, '}');
}

static void write_tools(struct chat_writer *w)
{
    if (!w->chat->tools)
        return;
    write_choice(w);
    json_out_name(&w->o, "tools");
    json_out_char(&w->o, '[');
    for (const struct chat_tool *tool = w->chat->tools; tool; tool = tool->next)
        write_tool(w, tool);
    json_out_char(&w->o, ']');
}

/* ---- the answer ---- */

static bool write_stops(struct chat_writer *w)
{
    if (!w->chat->stops)
        return true;
    json_out_name(&w->o, "stop_sequences");
    json_out_char(&w->o, '[');
    for (const struct chat_stop *s = w->chat->stops; s; s = s->next) {
        if (text_is_blank(s->text))
            return write_refuse_unsupported(w, s->text.at, "it does not stop at white space");
        json_out_comma(&w->o);
        json_out_quote(&w->o, s->text);
    }
    json_out_char(&w->o, ']');
    return true;
}

/* A model that thinks draws in its own way: OpenAI's range is the wider one. */
static void write_sampling(struct chat_writer *w, const struct thinking_plan *plan)
{
    const struct chat *c = w->chat;
    bool both = c->temperature.len > 0 && w->options->temperature_xor_top_p;

    if (plan->on || w->options->no_sampling)
        return;
    if (c->temperature.len > 0 && number_of(c->temperature) > 1)
        write_number(w, "temperature", SLICE("1"));
    else
        write_number(w, "temperature", c->temperature);
    if (!both)
        write_number(w, "top_p", c->top_p);
    write_number(w, "top_k", c->top_k);
}

static bool write_thinking_plan(struct chat_writer *w, const struct thinking_plan *plan)
{
    const struct chat *c = w->chat;
    struct json_out *o = &w->o;

    if (plan->on && (c->choice == CHAT_CHOICE_ANY || c->choice == CHAT_CHOICE_NAMED))
        return write_refuse_unsupported(w, c->choice_at.at,
                                        "a tool cannot be demanded of a model that is to think");
    if (plan->member.len > 0) {
        json_out_name(o, "thinking");
        json_out_add(o, plan->member);
    } else if (plan->adaptive) {
        json_out_name(o, "thinking");
        json_out_literal(o, "{\"type\":\"adaptive\"");
        if (w->options->thinking_omitted)
            json_out_literal(o, ",\"display\":\"summarized\"");
        json_out_char(o, '}');
    } else if (plan->budget > 0) {
        json_out_name(o, "thinking");
        json_out_literal(o, "{\"type\":\"enabled\",\"budget_tokens\":");
        json_out_u64(o, plan->budget);
        json_out_char(o, '}');
    }
    return true;
}

static void write_output_config(struct chat_writer *w, const struct thinking_plan *plan)
{
    const struct chat *c = w->chat;
    struct json_out *o = &w->o;

    if (plan->effort.len == 0 && c->format == CHAT_FORMAT_TEXT)
        return;
    json_out_name(o, "output_config");
    json_out_char(o, '{');
    if (plan->effort.len > 0) {
        json_out_name(o, "effort");
        json_out_quote(o, plan->effort);
    }
    if (c->format == CHAT_FORMAT_SCHEMA) {
        json_out_name(o, "format");
        json_out_literal(o, "{\"type\":\"json_schema\",\"schema\":");
        json_out_add(o, c->schema);
        json_out_char(o, '}');
    }
    json_out_char(o, '}');
}

static void write_metadata(struct chat_writer *w)
{
    if (w->chat->user.len == 0)
        return;
    json_out_name(&w->o, "metadata");
    json_out_literal(&w->o, "{\"user_id\":");
    json_out_quote(&w->o, w->chat->user);
    json_out_char(&w->o, '}');
}

static bool write_answer_members(struct chat_writer *w)
{
    struct thinking_plan plan = thinking_plan_of(w->chat, w->options);

    json_out_name(&w->o, "max_tokens");
    json_out_u64(&w->o, plan.max_tokens);
    if (w->chat->stream)
        json_out_literal(&w->o, ",\"stream\":true");
    write_sampling(w, &plan);
    if (!write_stops(w) || !write_thinking_plan(w, &plan))
        return false;
    write_output_config(w, &plan);
    write_metadata(w);
    return true;
}

bool anthropic_messages_write(const struct chat *c, const struct wire_options *o, struct arena *a,
                              struct slice *ret_body, struct fault *ret_fault)
{
    static const struct slice own[] = {
        SLICE_INIT("system"),
        SLICE_INIT("stop_sequences"),
        SLICE_INIT("output_config"),
    };
    struct chat_writer w;

    chat_writer_begin(&w, c, o, a, ret_fault);
    json_out_char(&w.o, '{');
    write_model(&w);
    if (!check_choice(&w) || !write_answer_members(&w) || !write_extras(&w, own, ARRAY_LEN(own)))
        return false;
    write_tools(&w);
    write_system(&w);
    if (!write_messages(&w))
        return false;
    json_out_char(&w.o, '}');
    return chat_writer_end(&w, ret_body);
}
