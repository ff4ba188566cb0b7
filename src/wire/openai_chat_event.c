/* openai_chat_event.c: what one chunk of a stream means.
 *
 * A stream is hundreds of chunks that all look alike, so the common one is not parsed: a glance
 * over its quotes tells it. The glance is sound because in JSON an unescaped quote never stands
 * inside a string: `"usage"` with both quotes is a whole string, a member's name when a colon
 * follows. (Names are taken as no provider writes them otherwise: without escapes.) Whatever the
 * glance does not know as one more piece of content is parsed. */

#include "wire/openai_chat.h"
#include "wire/openai_chat_pieces.h"
#include "wire/openai_error.h"
#include "wire/openai_usage.h"

#include "codec/json.h"

#include <errno.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What a glance found. PARSE: the frame tells more than content. */
enum glance { GLANCE_NOTHING, GLANCE_CONTENT, GLANCE_PARSE };

/* What may stand between a name and its value. */
static bool is_between(char c)
{
    return c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The value behind position at: a name's closing quote. Empty strings, empty containers and null
 * are nothing, here as in the parsed frame. */
static bool value_is_something(struct slice s, size_t at)
{
    bool colon = false;

    for (at++; at < s.len && is_between(s.at[at]); at++)
        colon |= s.at[at] == ':';
    if (!colon || at + 1 >= s.len)
        return false;
    switch (s.at[at]) {
    case '"':
        return s.at[at + 1] != '"';
    case '[':
        return s.at[at + 1] != ']';
    case '{':
        return s.at[at + 1] != '}';
    default:
        return false;
    }
}

static enum glance glance_name(struct slice s, size_t at, struct slice name, enum glance meaning)
{
    size_t end = at + name.len;

    if (end >= s.len || memcmp(s.at + at, name.at, name.len) != 0)
        return GLANCE_NOTHING;
    return value_is_something(s, end - 1) ? meaning : GLANCE_NOTHING;
}

#define NAME_IS(literal, meaning) glance_name(s, at, SLICE("\"" literal "\""), (meaning))

/* Looks at the string that begins with the quote at `at`. */
static enum glance glance_string(struct slice s, size_t at)
{
    switch (s.at[at + 1]) {
    case 'a':
        return NAME_IS("audio", GLANCE_CONTENT);
    case 'c':
        return NAME_IS("content", GLANCE_CONTENT);
    case 'e':
        return NAME_IS("error", GLANCE_PARSE);
    case 'f':
        return NAME_IS("finish_reason", GLANCE_PARSE) | NAME_IS("function_call", GLANCE_CONTENT);
    case 'r':
        return NAME_IS("reasoning_content", GLANCE_CONTENT) | NAME_IS("refusal", GLANCE_CONTENT) |
               NAME_IS("reasoning", GLANCE_CONTENT);
    case 't':
        return NAME_IS("tool_calls", GLANCE_CONTENT);
    case 'u':
        return NAME_IS("usage", GLANCE_PARSE);
    default:
        return GLANCE_NOTHING;
    }
}

/* Bit i is set where s.at[from + i] is a quote, for up to 16 bytes. */
static unsigned quotes_at(struct slice s, size_t from)
{
#ifdef __SSE2__
    if (s.len - from >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(s.at + from));
        return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')));
    }
#endif
    unsigned bits = 0;
    for (size_t i = 0; i < 16 && from + i < s.len; i++)
        bits |= (unsigned)(s.at[from + i] == '"') << i;
    return bits;
}

/* True when the frame carries content, and neither usage nor a finish reason nor an error. */
static bool is_plain_content(struct slice s)
{
    unsigned found = 0;

    if (s.len < 2 || s.at[0] != '{' || s.at[s.len - 1] != '}')
        return false;
    for (size_t from = 0; from < s.len; from += 16)
        for (unsigned bits = quotes_at(s, from); bits; bits &= bits - 1)
            /* a quote is never the last byte */
            found |= glance_string(s, from + (size_t)__builtin_ctz(bits));
    return found == GLANCE_CONTENT;
}

enum { CHOICES, USAGE, ERROR, X_GROQ, FILTER_RESULTS, CITATIONS, FRAME_LEN };

static const struct json_member frame_members[FRAME_LEN] = {
    [CHOICES] = {SLICE_INIT("choices")},
    [USAGE] = {SLICE_INIT("usage")},
    [ERROR] = {SLICE_INIT("error")},
    [X_GROQ] = {SLICE_INIT("x_groq")},
    [FILTER_RESULTS] = {SLICE_INIT("prompt_filter_results")},
    [CITATIONS] = {SLICE_INIT("citations")},
};

enum { INDEX, DELTA, FINISH_REASON, CHOICE_USAGE, LOGPROBS, TEXT, CHOICE_LEN };

static const struct json_member choice_members[CHOICE_LEN] = {
    [INDEX] = {SLICE_INIT("index")},
    [DELTA] = {SLICE_INIT("delta")},
    [FINISH_REASON] = {SLICE_INIT("finish_reason")},
    [CHOICE_USAGE] = {SLICE_INIT("usage")},
    [LOGPROBS] = {SLICE_INIT("logprobs")},
    [TEXT] = {SLICE_INIT("text")},
};

/* What the client would see as a piece of the answer; the text first. */
static const struct json_member delta_members[] = {
    {SLICE_INIT("content")},           {SLICE_INIT("refusal")},   {SLICE_INIT("tool_calls")},
    {SLICE_INIT("reasoning_content")}, {SLICE_INIT("reasoning")}, {SLICE_INIT("audio")},
    {SLICE_INIT("function_call")},
};

static bool is_something(struct json_value v)
{
    return (v.type == JSON_STRING || v.type == JSON_ARRAY || v.type == JSON_OBJECT) &&
           v.text.len > 2;
}

/* How many pieces of content there are, and the text when it is the only one. text: the member of
 * that name, which choices of /v1/completions have where others have a delta (Together: both). */
static bool read_delta(struct json_value delta, struct json_value text, unsigned *ret_pieces,
                       struct slice *ret_text)
{
    struct json_value v[ARRAY_LEN(delta_members)];

    *ret_pieces = 0;
    *ret_text = (struct slice){0};
    if (delta.type != JSON_OBJECT) {
        *ret_pieces = text.type == JSON_STRING && is_something(text);
        *ret_text = *ret_pieces ? text.text : (struct slice){0};
        return true;
    }
    if (!json_members(delta.text, delta_members, ARRAY_LEN(delta_members), v))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        *ret_pieces += is_something(v[i]);
    if (*ret_pieces == 1 && is_something(v[0]) && v[0].type == JSON_STRING)
        *ret_text = v[0].text;
    return true;
}

static void mark_error(struct event *ret, struct fault fault)
{
    ret->marks |= EVENT_ERROR;
    ret->fault = fault;
}

static void mark_usage(struct event *ret, struct json_value v)
{
    if (openai_usage_read(v, &ret->usage))
        ret->marks |= EVENT_USAGE;
}

/* One choice ends. The answer is finished when every choice that was seen is. */
static void mark_finish(struct openai_chat_stream *s, struct event *ret, struct json_value reason,
                        uint64_t choice)
{
    if (json_string_eq(reason, SLICE("error"))) { /* Mistral, OpenRouter */
        if (!(ret->marks & EVENT_ERROR))
            mark_error(ret, (struct fault){.kind = FAULT_UPSTREAM_ERROR});
        return;
    }
    s->finished |= choice;
    if ((s->seen & ~s->finished) == 0)
        ret->marks |= EVENT_FINISH;
}

/* The first choice, for who wants everything. */
static int tell_choice(struct openai_chat_stream *s, struct slice choice,
                       const struct json_value *v)
{
    int rc = v[DELTA].type == JSON_OBJECT ? openai_pieces_delta(s->pieces, v[DELTA].text) : OK;

    if (rc < 0 || v[FINISH_REASON].type != JSON_STRING)
        return rc;
    return openai_pieces_finish(s->pieces, choice);
}

static int read_choice(struct openai_chat_stream *s, struct slice choice, struct event *ret)
{
    struct json_value v[CHOICE_LEN];
    uint64_t index = 0;
    unsigned pieces;
    struct slice text;

    if (!json_members(choice, choice_members, CHOICE_LEN, v) ||
        !read_delta(v[DELTA], v[TEXT], &pieces, &text))
        return -EBADMSG;

    bool numbered = json_u64(v[INDEX], &index);
    uint64_t bit = numbered && index < 64 ? UINT64_C(1) << index : 1;
    s->seen |= bit;
    if (pieces > 0) {
        s->content_seen = true;
        ret->marks |= EVENT_CONTENT;
        ret->output_deltas++;
    }
    bool alone = v[LOGPROBS].type == JSON_NONE || v[LOGPROBS].type == JSON_NULL;
    if (s->wants_text && alone && (numbered ? index == 0 : v[INDEX].type == JSON_NONE))
        ret->text = text;
    mark_usage(ret, v[CHOICE_USAGE]); /* Moonshot */
    if (v[FINISH_REASON].type == JSON_STRING && is_something(v[FINISH_REASON]))
        mark_finish(s, ret, v[FINISH_REASON], bit);
    return s->pieces && bit == 1 && !(ret->marks & EVENT_ERROR) ? tell_choice(s, choice, v) : OK;
}

/* The usage of Groq's own wrapper, which its streams carried before they knew stream_options. */
static void read_groq_usage(struct json_value wrapper, struct event *ret)
{
    static const struct json_member members[] = {{SLICE_INIT("usage")}};
    struct json_value usage;

    if (wrapper.type == JSON_OBJECT && json_members(wrapper.text, members, 1, &usage))
        mark_usage(ret, usage);
}

static int read_choices(struct openai_chat_stream *s, struct json_value list, struct event *ret,
                        size_t *ret_choices)
{
    struct json_value choice;
    size_t at = 0;
    int rc = OK;

    *ret_choices = 0;
    while (rc == OK && list.type == JSON_ARRAY && json_next(list.text, &at, &choice)) {
        rc = choice.type == JSON_OBJECT ? read_choice(s, choice.text, ret) : -EBADMSG;
        ++*ret_choices;
    }
    return rc;
}

static int read_frame(struct openai_chat_stream *s, const struct json_value *v, struct event *ret)
{
    size_t choices;
    int rc = read_choices(s, v[CHOICES], ret, &choices);

    if (rc < 0)
        return rc;
    if (choices != 1)
        ret->text = (struct slice){0};
    read_groq_usage(v[X_GROQ], ret);
    mark_usage(ret, v[USAGE]);

    bool tells_more = is_something(v[FILTER_RESULTS]) || is_something(v[CITATIONS]);
    if (v[CHOICES].type == JSON_ARRAY && choices == 0 && ret->marks == EVENT_USAGE && !tells_more)
        ret->marks |= EVENT_USAGE_ONLY;
    return s->pieces && ret->marks & EVENT_USAGE ? openai_pieces_usage(s->pieces, &ret->usage) : OK;
}

static int parse_frame(struct openai_chat_stream *s, struct slice data, struct event *ret)
{
    struct json_value v[FRAME_LEN];
    struct json_error why;
    struct openai_error error;
    bool is_object = json_scan(data, frame_members, FRAME_LEN, v, &why);
    bool is_chunk = is_object && v[CHOICES].type == JSON_ARRAY && v[ERROR].type == JSON_NONE;

    if (!is_chunk && openai_error_read(data, &error))
        mark_error(ret, openai_error_fault(&error));
    else if (!is_object)
        return -EBADMSG;

    int rc = OK;
    if (is_object && s->pieces && v[CHOICES].elements)
        rc = openai_pieces_start(s->pieces, data);
    if (rc == OK && is_object)
        rc = read_frame(s, v, ret);
    if (ret->marks & EVENT_ERROR)
        ret->marks &= ~(unsigned)EVENT_FINISH;
    return rc;
}

/* A frame that is taken apart. */
static int read_wanted(struct openai_chat_stream *s, struct slice data, struct event *ret)
{
    struct openai_pieces *p = s->pieces;
    struct piece piece;

    if (repeat_find(&p->repeat, data, &piece)) {
        ret->marks = EVENT_CONTENT;
        ret->output_deltas = 1;
        return p->sink->take(p->sink, &piece);
    }
    repeat_begin(&p->repeat);
    int rc = parse_frame(s, data, ret);
    if (rc == OK)
        repeat_end(&p->repeat, data, ret);
    return rc;
}

int openai_chat_read_event(struct openai_chat_stream *s, struct slice data, struct event *ret)
{
    *ret = (struct event){0};
    data = slice_trim(data);
    if (s->content_seen && !s->wants_text && !s->pieces && is_plain_content(data)) {
        ret->marks = EVENT_CONTENT;
        ret->output_deltas = 1;
        return OK;
    }
    if (slice_is_empty(data))
        return OK;
    if (slice_eq(data, SLICE("[DONE]"))) {
        ret->marks = EVENT_DONE;
        return s->pieces ? openai_pieces_done(s->pieces) : OK;
    }
    return s->pieces ? read_wanted(s, data, ret) : parse_frame(s, data, ret);
}
