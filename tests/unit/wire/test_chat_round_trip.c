/* test_chat_round_trip.c: thousands of conversations go from OpenAI's dialect into Anthropic's and
 * back, and mean what they meant.
 *
 * Meaning is told by `describe`: a text of what a model would be given, with those differences
 * taken out that the dialects make (where one string is joined from parts, blank text, which
 * letters an id may have). Both ends must have the same description. The seed is fixed. */

#include "support/chance.h"
#include "support/translate.h"

#include "codec/json_out.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum { CONVERSATIONS = 4000 };

/* ---- a random request of OpenAI's dialect ---- */

static struct json_out out;

static void put(const char *text)
{
    json_out_add(&out, slice_str(text));
}

static void name(const char *text)
{
    json_out_comma(&out);
    put("\"");
    put(text);
    put("\":");
}

static void put_words(void)
{
    static const char *const pieces[] = {
        "hello", " ",       "\\n", "\\\"", "\\\\",          "\\u00e9", "\\ud83d\\ude00", "\xC3\xA9",
        "x",     "{\\\"a}", "\\t", "\\/",  "data:a;base64", "\\u0020", "[1,2]",          "\\\\n",
    };

    for (unsigned n = below(6); n > 0; n--)
        put(pieces[below(ARRAY_LEN(pieces))]);
}

static void put_string(void)
{
    put("\"");
    put_words();
    put("\"");
}

static void put_cache_control(void)
{
    if (chance(5)) {
        name("cache_control");
        put("{\"type\": \"ephemeral\"}");
    }
}

static void put_text_part(void)
{
    json_out_comma(&out);
    put("{\"type\":\"text\",\"text\":");
    put_string();
    put_cache_control();
    put("}");
}

static void put_user_part(void)
{
    static const char *const parts[] = {
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/png;base64,iVBO\\/A==\"}}",
        "{\"image_url\":{\"url\":\"https://h/x.png\",\"detail\":\"low\"},\"type\":\"image_url\"}",
        "{\"type\":\"image_url\",\"image_url\":\"data:image/jpg;base64,AA\"}",
        "{\"type\":\"file\",\"file\":{\"filename\":\"a "
        "b.pdf\",\"file_data\":\"data:application/pdf;"
        "base64,JVBE\"}}",
    };

    if (chance(60)) {
        put_text_part();
        return;
    }
    json_out_comma(&out);
    put(parts[below(ARRAY_LEN(parts))]);
}

static void put_content(void (*part)(void))
{
    name("content");
    if (chance(60)) {
        put_string();
        return;
    }
    put("[");
    for (unsigned n = below(4); n > 0; n--)
        part();
    put("]");
}

static void put_message(const char *role, void (*part)(void))
{
    json_out_comma(&out);
    put("{");
    name("role");
    put(role);
    put_content(part);
    put("}");
}

static void put_arguments(void)
{
    static const char *const arguments[] = {
        "\"\"",
        "\"{}\"",
        "\"{\\\"a\\\": 1.0, \\\"b\\\":[12345678901234567890,\\\"\\\\n\\\\u00e9\\\"]}\"",
        "\" {\\n \\\"z\\\": {\\\"\\\\\\\"\\\": null}} \"",
        "\"{\\\"\xC3\xA9\\\":\\\"\\u00e9\\\"}\"",
    };

    name("arguments");
    put(arguments[below(ARRAY_LEN(arguments))]);
}

static void put_id(unsigned turn, unsigned call)
{
    static const char *const forms[] = {"call_%u_%u", "functions.f:%u.%u", "%u-%u"};
    char id[64];

    snprintf(id, sizeof(id), forms[(turn + call) % ARRAY_LEN(forms)], turn, call);
    put("\"");
    put(id);
    put("\"");
}

static void put_calls(unsigned turn, unsigned calls)
{
    name("tool_calls");
    put("[");
    for (unsigned i = 0; i < calls; i++) {
        json_out_comma(&out);
        put("{\"type\":\"function\"");
        name("id");
        put_id(turn, i);
        name("function");
        put("{\"name\":\"f\"");
        put_arguments();
        put("}}");
    }
    put("]");
}

static void put_thinking(void)
{
    name("thinking_blocks");
    put("[");
    for (unsigned n = 1 + below(2); n > 0; n--) {
        json_out_comma(&out);
        if (chance(30)) {
            put("{\"type\":\"redacted_thinking\",\"data\":\"ZGF0YQ==\"}");
            continue;
        }
        put("{\"type\":\"thinking\",\"signature\":\"c2ln\",\"thinking\":");
        put_string();
        put("}");
    }
    put("]");
}

static void put_results(unsigned turn, unsigned calls)
{
    for (unsigned i = 0; i < calls; i++) {
        json_out_comma(&out);
        put("{\"role\":\"tool\"");
        put_content(put_text_part);
        name("tool_call_id");
        put_id(turn, i);
        put("}");
        if (chance(5))
            put_message("\"system\"", put_text_part);
    }
}

static void put_assistant(unsigned turn, unsigned calls)
{
    json_out_comma(&out);
    put("{\"role\":\"assistant\"");
    if (chance(20))
        put_thinking();
    if (chance(80))
        put_content(put_text_part);
    else if (chance(50))
        put(",\"content\":null");
    if (calls > 0)
        put_calls(turn, calls);
    put("}");
    put_results(turn, calls);
}

/* plain: no tools, and the user has the last word. */
static void put_messages(bool plain)
{
    name("messages");
    put("[");
    if (chance(50))
        put_message(chance(50) ? "\"system\"" : "\"developer\"", put_text_part);
    put_message("\"user\"", put_user_part);
    for (unsigned turn = below(6); turn > 0; turn--) {
        put_assistant(turn, plain || chance(50) ? 0 : 1 + below(3));
        if (plain || chance(70))
            put_message("\"user\"", put_user_part);
    }
    put_message("\"user\"", put_user_part);
    json_out_comma(&out);
    put("{\"role\":\"user\",\"content\":\"said\"}");
    if (!plain && chance(20))
        put_assistant(0, 0);
    put("]");
}

static void put_tools(void)
{
    static const char *const choices[] = {
        "\"auto\"",
        "\"required\"",
        "\"none\"",
        "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
    };

    name("tools");
    put("[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":");
    put_string();
    put(",\"parameters\":{ \"z\":1.0,\"a\" : [1e400] },\"strict\":true}},");
    put("{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]");
    if (chance(50)) {
        name("tool_choice");
        put(choices[below(ARRAY_LEN(choices))]);
    }
    if (chance(30))
        put(",\"parallel_tool_calls\":false");
}

static void put_parameters(void)
{
    static const char *const members[] = {
        "\"temperature\":0.70",
        "\"temperature\":1.7",
        "\"top_p\":0.5",
        "\"stop\":\"x\\n\"",
        "\"stop\":[\"a\",\"\\u00e9\"]",
        "\"user\":\"u-1\"",
        "\"stream\":true",
        "\"seed\":7",
        ("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"response\","
         "\"strict\":true,\"schema\":{\"b\" :1,\"a\":2}}}"),
    };
    unsigned seen = 0;

    for (unsigned n = below(5); n > 0; n--) {
        unsigned i = below(ARRAY_LEN(members));
        unsigned kind = i == 1 ? 0 : i == 4 ? 3 : i; /* two for the same member */
        if (seen & 1u << kind)
            continue;
        seen |= 1u << kind;
        json_out_comma(&out);
        put(members[i]);
    }
}

static struct slice random_request(struct arena *a)
{
    static const char *const efforts[] = {"minimal", "low", "medium", "high", "xhigh"};
    bool thinks = chance(20);

    json_out_begin(&out, a, 4096);
    put("{\"model\":\"m\",\"max_tokens\":100000");
    if (thinks) {
        name("reasoning_effort");
        put("\"");
        put(efforts[below(ARRAY_LEN(efforts))]);
        put("\"");
    } else {
        put_parameters();
    }
    if (!thinks && chance(50))
        put_tools();
    put_messages(thinks);
    put("}");
    assert_false(json_out_failed(&out));
    return json_out_slice(&out);
}

/* ---- what a conversation means ---- */

static struct slice decoded(struct arena *a, struct slice text)
{
    char *at = arena_alloc(a, text.len + 2);

    assert_non_null(at);
    if (!text.at)
        return text;
    struct json_value v = {.type = JSON_STRING, .text = slice_of(text.at - 1, text.len + 2)};
    return slice_of(at, json_decode(v, at));
}

static bool is_white(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static struct slice trimmed(struct slice s)
{
    while (s.len > 0 && is_white(s.at[s.len - 1]))
        s.len--;
    return s;
}

/* Joined with glue; blank ones count for nothing. */
static void tell_texts(struct json_out *o, const struct chat_block *b, const char *glue)
{
    bool first = true;

    for (; b; b = b->next) {
        struct slice text = b->kind == CHAT_TEXT ? decoded(o->arena, b->text) : (struct slice){0};
        if (trimmed(text).len == 0)
            continue;
        if (!first)
            json_out_add(o, slice_str(glue));
        json_out_add(o, text);
        first = false;
    }
}

static void tell_id(struct json_out *o, struct slice id)
{
    for (size_t i = 0; i < id.len; i++)
        json_out_char(o, id.at[i] == '.' || id.at[i] == ':' ? '_' : id.at[i]);
}

static void tell_media(struct json_out *o, const struct chat_block *b)
{
    struct slice type = decoded(o->arena, b->media.media_type);

    json_out_add(o, b->kind == CHAT_IMAGE ? SLICE("image ") : SLICE("document "));
    json_out_add(o, slice_eq(type, SLICE("image/jpg")) ? SLICE("image/jpeg") : type);
    json_out_char(o, ' ');
    json_out_add(o, decoded(o->arena, b->media.content));
    json_out_add(o, decoded(o->arena, b->media.title));
    json_out_char(o, '\n');
}

static void tell_user(struct json_out *o, const struct chat_message *m)
{
    for (const struct chat_block *b = m->blocks; b; b = b->next) {
        if (b->kind != CHAT_TOOL_RESULT)
            continue;
        json_out_literal(o, "result ");
        tell_id(o, b->result.id);
        json_out_char(o, ' ');
        tell_texts(o, b->result.blocks, "\n");
        json_out_char(o, '\n');
    }
    for (const struct chat_block *b = m->blocks; b; b = b->next) {
        struct chat_block alone = *b;
        alone.next = NULL;
        if (b->kind == CHAT_TEXT && trimmed(decoded(o->arena, b->text)).len > 0) {
            json_out_literal(o, "user ");
            tell_texts(o, &alone, "");
            json_out_char(o, '\n');
        } else if (b->kind == CHAT_IMAGE || b->kind == CHAT_DOCUMENT) {
            tell_media(o, b);
        }
    }
}

static void tell_thinking(struct json_out *o, const struct chat_message *m)
{
    for (const struct chat_block *b = m->blocks; b; b = b->next) {
        if (b->kind != CHAT_THINKING && b->kind != CHAT_REDACTED_THINKING)
            continue;
        json_out_literal(o, "thought ");
        json_out_add(o, decoded(o->arena, b->thinking.text));
        json_out_char(o, ' ');
        json_out_add(o, b->thinking.signature);
        json_out_char(o, '\n');
    }
}

static size_t said_to; /* where the assistant's words ended that were told last */

/* What it says in messages behind each other is one text, as it is for the provider. */
static void tell_said(struct json_out *o, const struct chat_message *m)
{
    size_t from = o->len;

    if (from == said_to)
        o->len--; /* the end of the line */
    else
        json_out_literal(o, "assistant ");
    size_t text = o->len;
    tell_texts(o, m->blocks, "");
    if (!m->next) /* an answer that is begun */
        o->len = text + trimmed(slice_sub(json_out_slice(o), text, o->len)).len;
    if (o->len == text) { /* it said nothing */
        o->len = from;
        return;
    }
    json_out_char(o, '\n');
    said_to = o->len;
}

static void tell_assistant(struct json_out *o, const struct chat_message *m)
{
    tell_thinking(o, m);
    tell_said(o, m);
    for (const struct chat_block *b = m->blocks; b; b = b->next) {
        if (b->kind != CHAT_TOOL_USE)
            continue;
        json_out_literal(o, "call ");
        tell_id(o, b->use.id);
        json_out_add(o, b->use.name);
        json_out_add(o, b->use.input);
        json_out_char(o, '\n');
    }
}

static void tell_answer(struct json_out *o, const struct chat *c)
{
    bool hot = slice_eq(c->temperature, SLICE("1.7"));
    enum chat_effort effort = c->effort;

    json_out_u64(o, c->max_tokens);
    json_out_add(o, hot ? SLICE("1") : c->temperature);
    json_out_char(o, ' ');
    json_out_add(o, c->top_p);
    for (const struct chat_stop *s = c->stops; s; s = s->next) {
        json_out_literal(o, " stop ");
        json_out_add(o, decoded(o->arena, s->text));
    }
    json_out_literal(o, " schema ");
    json_out_add(o, c->schema);
    json_out_add(o, c->schema_name);
    json_out_literal(o, " user ");
    json_out_add(o, c->user);
    if (c->stream)
        json_out_literal(o, " stream");
    if (effort == CHAT_EFFORT_MINIMAL)
        effort = CHAT_EFFORT_LOW;
    if (effort == CHAT_EFFORT_MAX)
        effort = CHAT_EFFORT_HIGH;
    json_out_u64(o, effort);
    json_out_char(o, '\n');
}

static void tell_tools(struct json_out *o, const struct chat *c)
{
    enum chat_choice choice = c->choice;
    bool one = c->one_tool_at_a_time && choice != CHAT_CHOICE_NONE;

    if (one && choice == CHAT_CHOICE_UNSET) /* has to be said */
        choice = CHAT_CHOICE_AUTO;
    for (const struct chat_tool *t = c->tools; t; t = t->next) {
        json_out_literal(o, "tool ");
        json_out_add(o, t->name);
        json_out_add(o, decoded(o->arena, t->description));
        json_out_add(o,
                     t->schema.len ? t->schema : SLICE("{\"type\":\"object\",\"properties\":{}}"));
        json_out_add(o, t->strict ? SLICE(" strict\n") : SLICE("\n"));
    }
    json_out_u64(o, choice);
    json_out_add(o, c->choice_name);
    json_out_u64(o, one);
    json_out_char(o, '\n');
}

static struct slice describe(const struct chat *c, struct arena *a)
{
    struct json_out o;

    said_to = 0;
    json_out_begin(&o, a, 4096);
    tell_answer(&o, c);
    tell_tools(&o, c);
    json_out_literal(&o, "system ");
    tell_texts(&o, c->system, "\n");
    json_out_char(&o, '\n');
    for (const struct chat_message *m = c->messages; m; m = m->next) {
        if (m->role == CHAT_USER)
            tell_user(&o, m);
        else
            tell_assistant(&o, m);
    }
    assert_false(json_out_failed(&o));
    return json_out_slice(&o);
}

/* ---- there and back ---- */

static void parse(parse_chat_fn *fn, struct slice body, struct arena *a, struct chat *ret)
{
    struct fault fault;
    struct json_error why;

    if (!json_is_valid(body, &why))
        fail_msg("no JSON: %.*s", SLICE_FMT(body));
    if (!fn(body, a, ret, &fault))
        fail_msg("%.*s: %.*s", SLICE_FMT(body), SLICE_FMT(fault.message));
}

static struct slice write(write_chat_fn *fn, const struct chat *c, struct arena *a)
{
    static const struct wire_options options = {
        .model = SLICE_INIT("m"),
        .reasoning = WIRE_REASONING_BUDGET,
        .strict_tools = true,
        .cache_control = true,
        .max_tokens_default = 4096,
        .thinking_blocks = true,
    };
    struct fault fault;
    struct slice body;

    if (!fn(c, &options, a, &body, &fault))
        fail_msg("%.*s: %.*s", SLICE_FMT(c->body), SLICE_FMT(fault.message));
    return body;
}

static void a_conversation_keeps_its_meaning(void **state)
{
    (void)state;
    seed = 0x9E3779B97F4A7C15;
    for (unsigned i = 0; i < CONVERSATIONS; i++) {
        struct chat asked, told, again;
        struct arena a;

        arena_init(&a, 0);
        struct slice body = random_request(&a);
        parse(openai_chat_parse, body, &a, &asked);
        struct slice there = write(anthropic_messages_write, &asked, &a);
        parse(anthropic_messages_parse, there, &a, &told);
        struct slice back = write(openai_chat_write, &told, &a);
        parse(openai_chat_parse, back, &a, &again);

        struct slice before = describe(&asked, &a), after = describe(&again, &a);
        if (!slice_eq(before, after)) {
            fprintf(stderr, "%.*s\n%.*s\n%.*s\n", SLICE_FMT(body), SLICE_FMT(there),
                    SLICE_FMT(back));
            fprintf(stderr, "-- before\n%.*s-- after\n%.*s", SLICE_FMT(before), SLICE_FMT(after));
            fail_msg("conversation %u", i);
        }
        /* what was made once is made the same way again */
        struct chat third;
        parse(anthropic_messages_parse, write(anthropic_messages_write, &again, &a), &a, &third);
        assert_true(slice_eq(write(openai_chat_write, &third, &a), back));
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_keeps_its_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
