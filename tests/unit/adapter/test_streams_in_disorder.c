/* test_streams_in_disorder.c: thousands of streams as providers might send them at their worst, for
 * clients of the other dialect: pieces in any order, tools that go on after others have begun,
 * deltas of nothing, characters in halves, garbage, reads of any size. What the client puts
 * together must be what was said, and every frame must be one that its dialect allows there. The
 * seed is fixed. */

#include "adapter/registry.h"

#include "base/buf.h"
#include "codec/json.h"
#include "codec/sse.h"

#include "support/chance.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { STREAMS = 3000, STEPS = 40, TOOLS = 12, BLOCKS = 40, ROOM = 1 << 20 };

/* ---- what is said, and what is heard: insides of JSON strings ---- */

struct tool {
    char id[32], name[16];
    struct buf input;
    bool open; /* its block has not been ended */
};

struct speech {
    struct buf text, thinking;
    struct tool tools[TOOLS];
    unsigned len;
};

static void speech_init(struct speech *s)
{
    memset(s, 0, sizeof(*s));
    buf_init(&s->text, ROOM);
    buf_init(&s->thinking, ROOM);
    for (unsigned i = 0; i < TOOLS; i++)
        buf_init(&s->tools[i].input, ROOM);
}

static void speech_free(struct speech *s)
{
    buf_free(&s->text);
    buf_free(&s->thinking);
    for (unsigned i = 0; i < TOOLS; i++)
        buf_free(&s->tools[i].input);
}

/* ---- a stream being made ---- */

struct made {
    struct buf out; /* as the provider sends it */
    struct speech said;
    struct {
        unsigned kind, tool;
        bool open;
    } blocks[BLOCKS]; /* of Anthropic's dialect */
    unsigned blocks_len;
};

static const char *words(void)
{
    static const char *const pieces[] = {
        "hello",
        " ",
        "\\n",
        "\\\"",
        "\\\\",
        "\\u00e9",
        "\\ud83d",
        "\\ude00",
        "\xC3\xA9",
        "\xF0\x9F\x98\x80",
        "{\\\"a\\\":",
        "[DONE]",
        "data: x\\n\\n",
        "\\/",
        "event: error",
        "}]}",
        "\\u0000",
        "usage",
        "\\\"error\\\":{",
        "finish_reason",
    };

    return pieces[below(ARRAY_LEN(pieces))];
}

/* Some words, also added to what is said. */
static const char *say(struct buf *said)
{
    static char text[256];
    size_t len = 0;

    for (unsigned n = 1 + below(4); n > 0; n--)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", words());
    buf_add(said, slice_str(text));
    return text;
}

static struct tool *new_tool(struct speech *s)
{
    struct tool *t = &s->tools[s->len];

    snprintf(t->id, sizeof(t->id), "call_%u", s->len++);
    snprintf(t->name, sizeof(t->name), "f%u", below(3)); /* may be called twice */
    return t;
}

#define AN_OBJECT         "{\"a\":\"b\\n\"}"
#define AN_OBJECT_IN_TEXT "{\\\"a\\\":\\\"b\\\\n\\\"}"

/* ---- chunks of OpenAI's dialect ---- */

static const char chunk_head[] = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\","
                                 "\"created\":1,\"model\":\"m\",\"choices\":[";

static void end_frame(struct buf *out)
{
    buf_add(out, chance(20) ? SLICE("\r\n\r\n") : SLICE("\n\n"));
}

static void begin_delta(struct buf *out)
{
    buf_printf(out, "%s{\"index\":0,\"delta\":{", chunk_head);
    if (chance(10))
        buf_add(out, SLICE("\"role\":\"assistant\","));
}

static void end_delta(struct buf *out)
{
    static const char *const ends[] = {
        "},\"finish_reason\":null}]}",
        "}}]}",
        "},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}",
        "},\"finish_reason\":\"\"}],\"usage\":{}}",
    };

    /* an unknown member comes last: it spares the commas */
    buf_printf(out, "\"x\":[{}]%s", ends[below(ARRAY_LEN(ends))]);
    end_frame(out);
}

static void add_call(struct made *m, bool begin)
{
    struct speech *s = &m->said;
    unsigned i = begin ? s->len : below(s->len);
    struct tool *t = begin ? new_tool(s) : &s->tools[i];

    buf_printf(&m->out, "{\"index\":%u,", i);
    if (begin)
        buf_printf(&m->out, "\"id\":\"%s\",\"type\":\"function\",", t->id);
    else if (chance(30))
        buf_add(&m->out, chance(50) ? SLICE("\"id\":null,") : SLICE("\"id\":\"\","));
    buf_add(&m->out, SLICE("\"function\":{"));
    if (begin)
        buf_printf(&m->out, "\"name\":\"%s\",", t->name);
    else if (chance(30))
        buf_add(&m->out, chance(50) ? SLICE("\"name\":null,") : SLICE("\"name\":\"\","));
    if (chance(90)) {
        buf_printf(&m->out, "\"arguments\":\"%s\"}}", chance(30) ? "" : say(&t->input));
    } else { /* an object, and not its text */
        buf_add(&m->out, SLICE("\"arguments\":" AN_OBJECT "}}"));
        buf_add(&t->input, SLICE(AN_OBJECT_IN_TEXT));
    }
}

static void chunk_of_tools(struct made *m)
{
    begin_delta(&m->out);
    if (chance(20)) /* text goes before */
        buf_printf(&m->out, "\"content\":\"%s\",", say(&m->said.text));
    buf_add(&m->out, SLICE("\"tool_calls\":["));
    for (unsigned n = 1 + below(2); n > 0; n--) {
        bool begin = m->said.len == 0 || (m->said.len < TOOLS && chance(30));
        add_call(m, begin);
        buf_add(&m->out, n > 1 ? SLICE(",") : SLICE("],"));
    }
    end_delta(&m->out);
}

static void chunk_of_nothing(struct buf *out)
{
    static const char *const nothing[] = {
        ": comment\n\n",
        "data:\n\n",
        "data: {not json\n\n",
        "event: ping\ndata: {}\n\n",
        "data: {\"choices\":[]}\n\n",
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"of another choice\"},"
        "\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":null,\"tool_calls\":[]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":null,\"refusal\":null}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{}}],\"usage\":{\"prompt_tokens\":1,"
        "\"completion_tokens\":1}}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":null,\"finish_reason\":null}]}\n\n",
    };

    buf_add(out, slice_str(nothing[below(ARRAY_LEN(nothing))]));
}

static void chunk(struct made *m)
{
    unsigned kind = below(100);

    if (kind < 25) {
        chunk_of_nothing(&m->out);
        return;
    }
    if (kind < 65) {
        chunk_of_tools(m);
        return;
    }
    begin_delta(&m->out);
    if (kind < 75) {
        const char *name = chance(50) ? "reasoning" : "reasoning_content";
        buf_printf(&m->out, "\"%s\":\"%s\",", name, say(&m->said.thinking));
    }
    if (kind >= 73)
        buf_printf(&m->out, "\"content\":\"%s\",", say(&m->said.text));
    end_delta(&m->out);
}

static void make_chunks(struct made *m)
{
    for (unsigned n = below(STEPS); n > 0; n--)
        chunk(m);
    buf_printf(&m->out, "%s{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
               chunk_head);
    if (chance(50))
        chunk_of_nothing(&m->out);
    if (chance(80))
        buf_add(&m->out, SLICE("data: [DONE]\n\n"));
}

/* ---- events of Anthropic's dialect ---- */

enum { TEXT_BLOCK, THINKING_BLOCK, TOOL_BLOCK, SERVER_BLOCK };

static void event(struct made *m, const char *type)
{
    if (chance(90))
        buf_printf(&m->out, "event: %s\n", type);
    buf_printf(&m->out, "data: {\"type\":\"%s\"", type);
}

static void end_event(struct made *m)
{
    buf_add_char(&m->out, '}');
    end_frame(&m->out);
}

static void begin_tool_block(struct made *m)
{
    struct tool *t = new_tool(&m->said);
    bool whole = chance(15);

    buf_printf(&m->out, "\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":%s}", t->id, t->name,
               whole ? AN_OBJECT : "{}");
    if (whole) {
        buf_add(&t->input, SLICE(AN_OBJECT_IN_TEXT));
        m->blocks[m->blocks_len].kind = SERVER_BLOCK; /* what still comes is not of it */
    }
}

static void begin_block(struct made *m)
{
    unsigned i = m->blocks_len, kind = below(4);

    if (i == BLOCKS || (kind == TOOL_BLOCK && m->said.len == TOOLS))
        return;
    m->blocks[i].kind = kind;
    m->blocks[i].open = true;
    m->blocks[i].tool = m->said.len;
    event(m, "content_block_start");
    buf_printf(&m->out, ",\"index\":%u,\"content_block\":{\"type\":", i);
    if (kind == TEXT_BLOCK)
        buf_printf(&m->out, "\"text\",\"text\":\"%s\"}", chance(80) ? "" : say(&m->said.text));
    else if (kind == THINKING_BLOCK)
        buf_add(&m->out, SLICE("\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    else if (kind == TOOL_BLOCK)
        begin_tool_block(m);
    else
        buf_add(&m->out, SLICE("\"server_tool_use\",\"id\":\"s\",\"name\":\"web\",\"input\":{}}"));
    m->blocks_len++;
    end_event(m);
}

static void delta(struct made *m, unsigned i)
{
    unsigned kind = m->blocks[i].kind;

    event(m, "content_block_delta");
    buf_printf(&m->out, ",\"index\":%u,\"delta\":{\"type\":", i);
    if (chance(10))
        buf_add(&m->out, SLICE("\"citations_delta\",\"citation\":{\"cited_text\":\"x\"}}"));
    else if (kind == TEXT_BLOCK)
        buf_printf(&m->out, "\"text_delta\",\"text\":\"%s\"}",
                   chance(10) ? "" : say(&m->said.text));
    else if (kind == THINKING_BLOCK)
        buf_printf(&m->out, "\"thinking_delta\",\"thinking\":\"%s\"}", say(&m->said.thinking));
    else if (kind == TOOL_BLOCK)
        buf_printf(&m->out, "\"input_json_delta\",\"partial_json\":\"%s\"}",
                   chance(20) ? "" : say(&m->said.tools[m->blocks[i].tool].input));
    else
        buf_add(&m->out, SLICE("\"input_json_delta\",\"partial_json\":\"{}\"}"));
    end_event(m);
}

static void end_block(struct made *m, unsigned i)
{
    m->blocks[i].open = false;
    event(m, "content_block_stop");
    buf_printf(&m->out, ",\"index\":%u", i);
    end_event(m);
}

static void event_of_nothing(struct buf *out)
{
    static const char *const nothing[] = {
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        ": comment\n\n",
        "data: {not json\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":99,"
        "\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"lost\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":77}\n\n",
        "event: tomorrow\ndata: {\"type\":\"tomorrow\",\"delta\":{\"text\":\"x\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},"
        "\"usage\":{\"output_tokens\":3}}\n\n",
    };

    buf_add(out, slice_str(nothing[below(ARRAY_LEN(nothing))]));
}

static void step(struct made *m)
{
    unsigned i = m->blocks_len ? below(m->blocks_len) : 0;

    if (chance(75) && m->blocks_len > 0)
        i = m->blocks_len - 1; /* mostly the last one goes on */
    if (chance(15))
        event_of_nothing(&m->out);
    else if (m->blocks_len == 0 || chance(25))
        begin_block(m);
    else if (!m->blocks[i].open)
        return;
    else if (chance(20))
        end_block(m, i);
    else
        delta(m, i);
}

static void make_events(struct made *m)
{
    event(m, "message_start");
    buf_add(&m->out,
            SLICE(",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"model\":\"m\",\"usage\":{"
                  "\"input_tokens\":3,\"output_tokens\":1}}"));
    end_event(m);
    for (unsigned n = below(2 * STEPS); n > 0; n--)
        step(m);
    event(m, "message_delta");
    buf_add(&m->out, SLICE(",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
                           "\"usage\":{\"output_tokens\":9}"));
    end_event(m);
    event(m, "message_stop");
    end_event(m);
}

/* ---- through the adapter ---- */

static void relay(const char *type, enum call_kind kind, struct slice body, struct buf *ret)
{
    struct target t = {.adapter = adapter_find(slice_str(type)), .upstream_model = SLICE("m")};
    struct call call = {.kind = kind, .stream = true, .include_usage = true};
    const struct adapter_op *op = t.adapter->ops[kind];
    struct event_list list;
    struct sse_frame frame;
    struct arena arena;
    struct sse sse;
    bool done = false, finished = false;

    arena_init(&arena, 0);
    sse_init(&sse, ROOM);
    const struct decoding d = {.target = &t, .call = &call, .arena = &arena, .out = ret};
    void *state = arena_zalloc(&arena, op->state_size);
    assert_int_equal(op->begin(state, &d), OK);
    while (body.len > 0 && !done) {
        size_t most = 1 + below(chance(50) ? 5 : 4000), n = MIN(body.len, most);
        struct slice part = slice_sub(body, 0, n);
        body = slice_sub(body, n, body.len);
        while (!done && sse_next(&sse, &part, &frame) == 1) {
            list.len = 0;
            if (!frame.has_data || op->decode_event(state, frame.name, frame.data, &list) < 0)
                continue;
            for (size_t i = 0; i < list.len; i++) {
                assert_false(list.at[i].marks & EVENT_ERROR);
                done |= (list.at[i].marks & EVENT_DONE) != 0;
                finished |= (list.at[i].marks & EVENT_FINISH) != 0;
            }
        }
    }
    assert_true(done || finished);
    struct slice marker;
    if (!done)
        assert_int_equal(op->finish(state, &marker), OK);
    sse_free(&sse);
    arena_clear(&arena);
}

/* ---- what the client hears ---- */

/* A member of an object; type JSON_NONE: not there. */
static struct json_value get(struct slice object, const char *name)
{
    const struct json_member wanted[] = {{slice_str(name)}};
    struct json_value v;

    if (object.len == 0 || !json_members(object, wanted, 1, &v))
        return (struct json_value){0};
    return v;
}

static struct slice inside(struct json_value v)
{
    return v.type == JSON_STRING ? slice_sub(v.text, 1, v.text.len - 1) : (struct slice){0};
}

static bool is(struct slice object, const char *name, const char *value)
{
    return slice_eq(inside(get(object, name)), slice_str(value));
}

static unsigned number(struct slice object, const char *name)
{
    uint64_t n;

    assert_true(json_u64(get(object, name), &n));
    return (unsigned)n;
}

static void hear_tool(struct speech *h, struct slice block)
{
    assert_true(h->len < TOOLS);
    struct tool *t = &h->tools[h->len++];
    snprintf(t->id, sizeof(t->id), "%.*s", SLICE_FMT(inside(get(block, "id"))));
    snprintf(t->name, sizeof(t->name), "%.*s", SLICE_FMT(inside(get(block, "name"))));
}

/* Events, by the grammar of Anthropic's clients: what is not closed is open, one at a time; a
 * delta may only go to a block that was begun. */
struct listener {
    struct speech heard;
    bool started, delta, stopped, open;
    unsigned blocks, tool_of[BLOCKS * TOOLS];
};

static void hear_block(struct listener *l, struct slice data)
{
    struct slice block = get(data, "content_block").text;

    assert_false(l->open);
    assert_int_equal(number(data, "index"), l->blocks);
    l->open = true;
    l->tool_of[l->blocks] = l->heard.len;
    if (is(block, "type", "tool_use"))
        hear_tool(&l->heard, block);
    l->blocks++;
}

static void hear_delta(struct listener *l, struct slice data)
{
    struct slice part = get(data, "delta").text;
    unsigned index = number(data, "index");

    assert_true(index < l->blocks);
    if (is(part, "type", "text_delta"))
        buf_add(&l->heard.text, inside(get(part, "text")));
    else if (is(part, "type", "thinking_delta"))
        buf_add(&l->heard.thinking, inside(get(part, "thinking")));
    else if (is(part, "type", "input_json_delta"))
        buf_add(&l->heard.tools[l->tool_of[index]].input, inside(get(part, "partial_json")));
    else
        fail_msg("%.*s", SLICE_FMT(data));
    if (!is(part, "type", "input_json_delta"))
        assert_true(l->open && index == l->blocks - 1);
}

static void hear_event(struct listener *l, struct slice name, struct slice data)
{
    assert_true(slice_eq(inside(get(data, "type")), name));
    assert_int_equal(l->started, !slice_eq(name, SLICE("message_start")));
    assert_false(l->stopped);
    if (slice_eq(name, SLICE("message_start"))) {
        l->started = true;
    } else if (slice_eq(name, SLICE("content_block_start"))) {
        assert_false(l->delta);
        hear_block(l, data);
    } else if (slice_eq(name, SLICE("content_block_delta"))) {
        hear_delta(l, data);
    } else if (slice_eq(name, SLICE("content_block_stop"))) {
        assert_true(l->open && number(data, "index") == l->blocks - 1);
        l->open = false;
    } else if (slice_eq(name, SLICE("message_delta"))) {
        assert_false(l->open);
        l->delta = true;
    } else {
        assert_true(slice_eq(name, SLICE("message_stop")) && l->delta);
        l->stopped = true;
    }
}

/* Chunks: the role first, tools in order and each begun once, the end once and last. */
static void hear_call(struct speech *h, struct slice call)
{
    struct slice function = get(call, "function").text;
    unsigned index = number(call, "index");

    if (get(call, "id").type != JSON_NONE) {
        assert_int_equal(index, h->len);
        assert_true(h->len < TOOLS);
        struct tool *t = &h->tools[h->len++];
        snprintf(t->id, sizeof(t->id), "%.*s", SLICE_FMT(inside(get(call, "id"))));
        snprintf(t->name, sizeof(t->name), "%.*s", SLICE_FMT(inside(get(function, "name"))));
    }
    assert_true(index < h->len);
    buf_add(&h->tools[index].input, inside(get(function, "arguments")));
}

static void hear_choice(struct listener *l, struct slice choice)
{
    struct slice d = get(choice, "delta").text;
    struct json_value calls = get(d, "tool_calls"), call;
    size_t at = 0;

    assert_false(l->delta); /* said to be finished */
    assert_int_equal(l->started, get(d, "role").type == JSON_NONE);
    l->started = true;
    l->delta = get(choice, "finish_reason").type == JSON_STRING;
    buf_add(&l->heard.text, inside(get(d, "content")));
    buf_add(&l->heard.thinking, inside(get(d, "reasoning_content")));
    while (calls.type == JSON_ARRAY && json_next(calls.text, &at, &call))
        hear_call(&l->heard, call.text);
}

static void hear_chunk(struct listener *l, struct slice name, struct slice data)
{
    struct json_value choice;
    size_t at = 0;

    assert_int_equal(name.len, 0);
    assert_false(l->stopped);
    l->stopped = slice_eq(data, SLICE("[DONE]"));
    if (l->stopped)
        return;
    struct json_value choices = get(data, "choices");
    assert_int_equal(choices.type, JSON_ARRAY);
    if (json_next(choices.text, &at, &choice))
        hear_choice(l, choice.text);
    else
        assert_true(l->delta && get(data, "usage").type == JSON_OBJECT);
}

static void listen_to(struct listener *l, struct slice text,
                      void (*hear)(struct listener *, struct slice, struct slice))
{
    struct sse_frame frame;
    struct json_error why;
    struct sse sse;

    sse_init(&sse, ROOM);
    while (sse_next(&sse, &text, &frame) == 1) {
        bool is_end = slice_eq(frame.data, SLICE("[DONE]"));
        assert_true(frame.has_data && (is_end || json_is_valid(frame.data, &why)));
        hear(l, frame.name, frame.data);
    }
    assert_int_equal(sse_end(&sse, &frame), 0);
    sse_free(&sse);
    assert_true(l->stopped);
}

static void assert_heard(const struct buf *heard, const struct buf *said)
{
    if (!slice_eq(buf_slice(heard), buf_slice(said)))
        fail_msg("heard %.*s\nbut said %.*s", SLICE_FMT(buf_slice(heard)),
                 SLICE_FMT(buf_slice(said)));
}

static void compare(const struct speech *heard, struct speech *said, bool bare_is_empty_object)
{
    assert_heard(&heard->text, &said->text);
    assert_heard(&heard->thinking, &said->thinking);
    assert_int_equal(heard->len, said->len);
    for (unsigned i = 0; i < said->len; i++) {
        if (bare_is_empty_object && said->tools[i].input.len == 0)
            buf_add(&said->tools[i].input, SLICE("{}"));
        assert_string_equal(heard->tools[i].id, said->tools[i].id);
        assert_string_equal(heard->tools[i].name, said->tools[i].name);
        assert_heard(&heard->tools[i].input, &said->tools[i].input);
    }
}

static void one_stream(void (*make)(struct made *), const char *type, enum call_kind kind,
                       void (*hear)(struct listener *, struct slice, struct slice))
{
    static struct made m;
    static struct listener l;
    struct buf out;

    memset(&m, 0, sizeof(m));
    memset(&l, 0, sizeof(l));
    buf_init(&m.out, ROOM);
    buf_init(&out, ROOM);
    speech_init(&m.said);
    speech_init(&l.heard);
    make(&m);
    assert_int_equal(m.out.rc, OK);
    relay(type, kind, buf_slice(&m.out), &out);
    listen_to(&l, buf_slice(&out), hear);
    compare(&l.heard, &m.said, kind == CALL_CHAT);
    speech_free(&m.said);
    speech_free(&l.heard);
    buf_free(&m.out);
    buf_free(&out);
}

static void chunks_for_clients_of_messages(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STREAMS; i++) {
        seed = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
        one_stream(make_chunks, "openai_compatible", CALL_MESSAGES, hear_event);
    }
}

static void events_for_clients_of_chat(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STREAMS; i++) {
        seed = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
        one_stream(make_events, "anthropic", CALL_CHAT, hear_chunk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_for_clients_of_messages),
        cmocka_unit_test(events_for_clients_of_chat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
