/* openai_chat_write.c: a conversation as a request of OpenAI's dialect.
 *
 * The order of members is fixed, what changes least first (model … tools, messages). A turn of the
 * user with results of tools becomes one message for each of them, then one of what else the user
 * says. */

#include "wire/chat_wire.h"

#include "wire/anthropic_thinking.h"
#include "wire/chat_writer.h"

enum { USER_MAX = 64 }; /* characters of `user` that OpenAI takes */

/* ---- parts of content ---- */

static void write_text_part(struct chat_writer *w, const struct chat_block *b)
{
    json_out_literal(&w->o, "{\"type\":\"text\",\"text\":");
    json_out_quote(&w->o, b->text);
}

/* Inside the quotes: the URL, or one that holds the bytes. */
static void write_url(struct chat_writer *w, const struct chat_media *m)
{
    if (m->source == CHAT_BASE64) {
        json_out_literal(&w->o, "data:");
        json_out_add(&w->o, m->media_type);
        json_out_literal(&w->o, ";base64,");
    }
    json_out_add(&w->o, m->content);
}

static void write_image_part(struct chat_writer *w, const struct chat_block *b)
{
    json_out_literal(&w->o, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
    write_url(w, &b->media);
    json_out_literal(&w->o, "\"}");
}

/* A document of plain text is its title and its words. */
static void write_plain_part(struct chat_writer *w, const struct chat_media *m)
{
    json_out_literal(&w->o, "{\"type\":\"text\",\"text\":\"");
    json_out_add(&w->o, m->title);
    if (m->title.len > 0)
        json_out_literal(&w->o, "\\n\\n");
    json_out_add(&w->o, m->content);
    json_out_char(&w->o, '"');
}

static bool write_document_part(struct chat_writer *w, const struct chat_block *b)
{
    const struct chat_media *m = &b->media;

    if (m->source == CHAT_URL)
        return write_refuse_unsupported(w, m->content.at, "it fetches no documents");
    if (m->source == CHAT_PLAIN) {
        write_plain_part(w, m);
        return true;
    }
    json_out_literal(&w->o, "{\"type\":\"file\",\"file\":{\"filename\":");
    json_out_quote(&w->o, m->title.len > 0 ? m->title : SLICE("document.pdf"));
    json_out_literal(&w->o, ",\"file_data\":\"");
    write_url(w, m);
    json_out_literal(&w->o, "\"}");
    return true;
}

static bool write_part(struct chat_writer *w, const struct chat_block *b)
{
    json_out_comma(&w->o);
    if (b->kind == CHAT_IMAGE)
        write_image_part(w, b);
    else if (b->kind == CHAT_TEXT)
        write_text_part(w, b);
    else if (!write_document_part(w, b))
        return false;
    if (w->options->cache_control)
        write_cache_control(w, b->cache_control);
    json_out_char(&w->o, '}');
    return true;
}

/* The texts of the blocks as one string, or null when there is none and that is allowed. */
static void write_string(struct chat_writer *w, const struct chat_block *blocks, struct slice glue)
{
    json_out_char(&w->o, '"');
    write_joined(w, blocks, glue);
    json_out_char(&w->o, '"');
}

/* ---- messages ---- */

/* A tool's message has no place for the mark. */
static bool marks_cache(const struct chat_writer *w, const struct chat_block *b)
{
    for (; w->options->cache_control && b; b = b->next)
        if (b->cache_control.len > 0 && b->kind != CHAT_TOOL_RESULT)
            return true;
    return false;
}

static bool write_system(struct chat_writer *w)
{
    const struct chat_block *b = w->chat->system;

    if (!b)
        return true;
    json_out_literal(&w->o, "{\"role\":\"system\",\"content\":");
    if (!marks_cache(w, b)) {
        write_string(w, b, SLICE("\\n"));
        json_out_char(&w->o, '}');
        return true;
    }
    json_out_char(&w->o, '[');
    for (; b; b = b->next)
        write_part(w, b);
    json_out_literal(&w->o, "]}");
    return true;
}

static void write_result(struct chat_writer *w, const struct chat_tool_result *result)
{
    json_out_comma(&w->o);
    json_out_literal(&w->o, "{\"role\":\"tool\",\"tool_call_id\":");
    json_out_quote(&w->o, result->id);
    json_out_literal(&w->o, ",\"content\":");
    write_string(w, result->blocks, SLICE("\\n"));
    json_out_char(&w->o, '}');
}

/* What a tool message cannot hold, images and documents, is said by the user right behind it. */
static bool write_attachments(struct chat_writer *w, const struct chat_tool_result *result)
{
    for (const struct chat_block *b = result->blocks; b; b = b->next)
        if (b->kind != CHAT_TEXT && !write_part(w, b))
            return false;
    return true;
}

static bool write_parts(struct chat_writer *w, const struct chat_message *m)
{
    for (const struct chat_block *b = m->blocks; b; b = b->next)
        if (b->kind == CHAT_TOOL_RESULT && !write_attachments(w, &b->result))
            return false;
    for (const struct chat_block *b = m->blocks; b; b = b->next)
        if (b->kind != CHAT_TOOL_RESULT && !write_part(w, b))
            return false;
    return true;
}

struct turn {
    size_t results, texts, others; /* others: what only parts can hold */
};

static struct turn turn_of(const struct chat_writer *w, const struct chat_message *m)
{
    struct turn t = {0};

    for (const struct chat_block *b = m->blocks; b; b = b->next) {
        t.results += b->kind == CHAT_TOOL_RESULT;
        t.texts += b->kind == CHAT_TEXT;
        t.others += b->kind == CHAT_IMAGE || b->kind == CHAT_DOCUMENT;
        for (const struct chat_block *r = b->kind == CHAT_TOOL_RESULT ? b->result.blocks : NULL; r;
             r = r->next)
            t.others += r->kind != CHAT_TEXT;
    }
    t.others += marks_cache(w, m->blocks);
    return t;
}

static bool write_user(struct chat_writer *w, const struct chat_message *m)
{
    struct turn t = turn_of(w, m);

    for (const struct chat_block *b = m->blocks; t.results > 0 && b; b = b->next)
        if (b->kind == CHAT_TOOL_RESULT)
            write_result(w, &b->result);
    if (t.results > 0 && t.texts + t.others == 0)
        return true;
    json_out_comma(&w->o);
    json_out_literal(&w->o, "{\"role\":\"user\",\"content\":");
    if (t.others == 0 && t.texts <= 1) {
        write_string(w, m->blocks, (struct slice){0});
    } else {
        json_out_char(&w->o, '[');
        if (!write_parts(w, m))
            return false;
        json_out_char(&w->o, ']');
    }
    json_out_char(&w->o, '}');
    return true;
}

/* For the calls of another model. Source: ai.google.dev/gemini-api/docs/thought-signatures, "FAQs".
 */
static const struct slice no_signature = SLICE_INIT("skip_thought_signature_validator");

static void write_call(struct chat_writer *w, const struct chat_tool_use *use,
                       struct slice signature)
{
    struct json_out *o = &w->o;

    json_out_comma(o);
    json_out_literal(o, "{\"id\":");
    json_out_quote(o, use->id);
    json_out_literal(o, ",\"type\":\"function\",\"function\":{\"name\":");
    json_out_quote(o, use->name);
    json_out_literal(o, ",\"arguments\":\"");
    json_out_escape(o, use->input);
    json_out_literal(o, "\"}");
    if (w->options->thought_signatures && signature.len > 0) {
        json_out_literal(o, ",\"extra_content\":{\"google\":{\"thought_signature\":");
        json_out_quote(o, signature);
        json_out_literal(o, "}}");
    }
    json_out_char(o, '}');
}

static void write_thinking_block(struct chat_writer *w, const struct chat_block *b)
{
    struct json_out *o = &w->o;

    json_out_comma(o);
    if (b->kind == CHAT_REDACTED_THINKING) {
        json_out_literal(o, "{\"type\":\"redacted_thinking\",\"data\":");
        json_out_quote(o, b->thinking.text);
    } else {
        json_out_literal(o, "{\"type\":\"thinking\",\"thinking\":");
        json_out_quote(o, b->thinking.text);
        json_out_name(o, "signature");
        json_out_quote(o, b->thinking.signature);
    }
    json_out_char(o, '}');
}

/* For providers that take back what was thought; others refuse members that they do not know. */
static void write_reasoning(struct chat_writer *w, const struct chat_message *m)
{
    struct json_out *o = &w->o;

    if (w->options->reasoning_content && chat_message_has(m, CHAT_THINKING)) {
        json_out_name(o, "reasoning_content");
        json_out_char(o, '"');
        for (const struct chat_block *b = m->blocks; b; b = b->next)
            if (b->kind == CHAT_THINKING)
                json_out_add(o, b->thinking.text);
        json_out_char(o, '"');
    }
    if (!w->options->thinking_blocks ||
        (!chat_message_has(m, CHAT_THINKING) && !chat_message_has(m, CHAT_REDACTED_THINKING)))
        return;
    json_out_name(o, "thinking_blocks");
    json_out_char(o, '[');
    for (const struct chat_block *b = m->blocks; b; b = b->next)
        if (b->kind == CHAT_THINKING || b->kind == CHAT_REDACTED_THINKING)
            write_thinking_block(w, b);
    json_out_char(o, ']');
}

static bool is_signed(const struct chat_message *m)
{
    for (const struct chat_block *b = m->blocks; b; b = b->next)
        if (b->kind == CHAT_TOOL_USE && b->use.signature.len > 0)
            return true;
    return false;
}

/* Of the calls of a turn the first is signed. */
static void write_calls(struct chat_writer *w, const struct chat_message *m)
{
    bool lacks = w->options->unsigned_is_refused && !is_signed(m);

    json_out_name(&w->o, "tool_calls");
    json_out_char(&w->o, '[');
    for (const struct chat_block *b = m->blocks; b; b = b->next) {
        if (b->kind != CHAT_TOOL_USE)
            continue;
        write_call(w, &b->use, lacks ? no_signature : b->use.signature);
        lacks = false;
    }
    json_out_char(&w->o, ']');
}

static void write_assistant(struct chat_writer *w, const struct chat_message *m)
{
    struct json_out *o = &w->o;
    bool calls = chat_message_has(m, CHAT_TOOL_USE);

    json_out_comma(o);
    json_out_literal(o, "{\"role\":\"assistant\",\"content\":");
    if (calls && !chat_message_has(m, CHAT_TEXT))
        json_out_literal(o, "null");
    else
        write_string(w, m->blocks, (struct slice){0});
    write_reasoning(w, m);
    if (calls)
        write_calls(w, m);
    json_out_char(o, '}');
}

static bool write_messages(struct chat_writer *w)
{
    json_out_name(&w->o, "messages");
    json_out_char(&w->o, '[');
    if (!write_system(w))
        return false;
    for (const struct chat_message *m = w->chat->messages; m; m = m->next) {
        if (m->role == CHAT_ASSISTANT)
            write_assistant(w, m);
        else if (!write_user(w, m))
            return false;
    }
    json_out_char(&w->o, ']');
    return true;
}

/* ---- tools ---- */

static void write_tool(struct chat_writer *w, const struct chat_tool *tool)
{
    struct json_out *o = &w->o;

    json_out_comma(o);
    json_out_literal(o, "{\"type\":\"function\",\"function\":");
    write_function_words(w, tool);
    json_out_name(o, "parameters");
    write_schema(w, tool->schema);
    if (tool->strict && w->options->strict_tools)
        json_out_literal(o, ",\"strict\":true");
    json_out_char(o, '}');
    if (w->options->cache_control)
        write_cache_control(w, tool->cache_control);
    json_out_char(o, '}');
}

static void write_choice(struct chat_writer *w)
{
    static const struct slice words[] = {
        [CHAT_CHOICE_AUTO] = SLICE_INIT("\"auto\""),
        [CHAT_CHOICE_ANY] = SLICE_INIT("\"required\""),
        [CHAT_CHOICE_NONE] = SLICE_INIT("\"none\""),
    };
    const struct chat *c = w->chat;

    if (c->choice == CHAT_CHOICE_UNSET)
        return;
    json_out_name(&w->o, "tool_choice");
    if (c->choice != CHAT_CHOICE_NAMED) {
        json_out_add(&w->o, words[c->choice]);
        return;
    }
    json_out_literal(&w->o, "{\"type\":\"function\",\"function\":{\"name\":");
    json_out_quote(&w->o, c->choice_name);
    json_out_literal(&w->o, "}}");
}

static void write_tools(struct chat_writer *w)
{
    if (!w->chat->tools)
        return;
    write_choice(w);
    if (w->chat->one_tool_at_a_time)
        json_out_literal(&w->o, ",\"parallel_tool_calls\":false");
    json_out_name(&w->o, "tools");
    json_out_char(&w->o, '[');
    for (const struct chat_tool *tool = w->chat->tools; tool; tool = tool->next)
        write_tool(w, tool);
    json_out_char(&w->o, ']');
}

/* ---- the answer ---- */

static void write_stops(struct chat_writer *w)
{
    if (!w->chat->stops)
        return;
    json_out_name(&w->o, "stop");
    json_out_char(&w->o, '[');
    for (const struct chat_stop *s = w->chat->stops; s; s = s->next) {
        json_out_comma(&w->o);
        json_out_quote(&w->o, s->text);
    }
    json_out_char(&w->o, ']');
}

static void write_format(struct chat_writer *w)
{
    const struct chat *c = w->chat;
    struct json_out *o = &w->o;

    if (c->format != CHAT_FORMAT_SCHEMA)
        return;
    json_out_name(o, "response_format");
    json_out_literal(o, "{\"type\":\"json_schema\",\"json_schema\":{\"name\":");
    json_out_quote(o, c->schema_name.len > 0 ? c->schema_name : SLICE("response"));
    if (c->schema_note.len > 0) {
        json_out_name(o, "description");
        json_out_quote(o, c->schema_note);
    }
    if (c->schema_strict)
        json_out_literal(o, ",\"strict\":true");
    json_out_name(o, "schema");
    json_out_add(o, c->schema);
    json_out_literal(o, "}}");
}

static void write_effort(struct chat_writer *w)
{
    static const struct slice words[] = {
        [CHAT_EFFORT_UNSET] = {0},
        [CHAT_EFFORT_NONE] = SLICE_INIT("none"),
        [CHAT_EFFORT_MINIMAL] = SLICE_INIT("minimal"),
        [CHAT_EFFORT_LOW] = SLICE_INIT("low"),
        [CHAT_EFFORT_MEDIUM] = SLICE_INIT("medium"),
        [CHAT_EFFORT_HIGH] = SLICE_INIT("high"),
        [CHAT_EFFORT_MAX] = SLICE_INIT("high"), /* the most that every model that thinks knows */
    };
    const struct chat *c = w->chat;
    enum chat_effort effort = c->effort;

    if (effort == CHAT_EFFORT_UNSET && c->thinking_on && c->thinking_budget > 0)
        effort = thinking_effort_of(c->thinking_budget);
    if (effort == CHAT_EFFORT_UNSET || w->options->reasoning == WIRE_REASONING_UNKNOWN)
        return;
    json_out_name(&w->o, "reasoning_effort");
    json_out_quote(&w->o, words[effort]);
}

static void write_max_tokens(struct chat_writer *w)
{
    if (w->chat->max_tokens == 0)
        return;
    if (w->options->max_completion_tokens)
        json_out_name(&w->o, "max_completion_tokens");
    else
        json_out_name(&w->o, "max_tokens");
    json_out_u64(&w->o, w->chat->max_tokens);
}

static void write_stream(struct chat_writer *w)
{
    if (!w->chat->stream)
        return;
    json_out_literal(&w->o, ",\"stream\":true");
    if (!w->options->no_stream_options)
        json_out_literal(&w->o, ",\"stream_options\":{\"include_usage\":true}");
}

/* top_k is known to few, and refused by OpenAI. */
static void write_sampling(struct chat_writer *w)
{
    const struct chat *c = w->chat;
    bool both = c->temperature.len > 0 && w->options->temperature_xor_top_p;

    if (w->options->no_sampling)
        return;
    write_number(w, "temperature", c->temperature);
    if (!both)
        write_number(w, "top_p", c->top_p);
}

static void write_answer_members(struct chat_writer *w)
{
    const struct chat *c = w->chat;

    write_max_tokens(w);
    write_stream(w);
    write_sampling(w);
    write_stops(w);
    write_effort(w);
    write_format(w);
    if (c->user.len > 0 && c->user.len <= USER_MAX) {
        json_out_name(&w->o, "user");
        json_out_quote(&w->o, c->user);
    }
}

bool openai_chat_write(const struct chat *c, const struct wire_options *o, struct arena *a,
                       struct slice *ret_body, struct fault *ret_fault)
{
    static const struct slice own[] = {
        SLICE_INIT("stop"),
        SLICE_INIT("user"),
        SLICE_INIT("n"),
        SLICE_INIT("response_format"),
        SLICE_INIT("reasoning_effort"),
        SLICE_INIT("parallel_tool_calls"),
        SLICE_INIT("max_completion_tokens"),
        SLICE_INIT("stream_options"),
    };
    struct chat_writer w;

    chat_writer_begin(&w, c, o, a, ret_fault);
    json_out_char(&w.o, '{');
    write_model(&w);
    write_answer_members(&w);
    if (!check_choice(&w) || !write_extras(&w, own, ARRAY_LEN(own)))
        return false;
    write_tools(&w);
    if (!write_messages(&w))
        return false;
    json_out_char(&w.o, '}');
    return chat_writer_end(&w, ret_body);
}
