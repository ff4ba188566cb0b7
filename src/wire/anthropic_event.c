/* anthropic_event.c: what one event of a stream means. */

#include "codec/json.h"
#include "wire/alike.h"
#include "wire/anthropic_answer.h"
#include "wire/anthropic_error.h"
#include "wire/anthropic_usage.h"
#include "wire/inside.h"

#include <errno.h>

enum { TYPE, INDEX, MESSAGE, BLOCK, DELTA, USAGE, EVENT_LEN };

static const struct json_member event_members[EVENT_LEN] = {
    [TYPE] = {SLICE_INIT("type")},       [INDEX] = {SLICE_INIT("index")},
    [MESSAGE] = {SLICE_INIT("message")}, [BLOCK] = {SLICE_INIT("content_block")},
    [DELTA] = {SLICE_INIT("delta")},     [USAGE] = {SLICE_INIT("usage")},
};

enum { MESSAGE_ID, MESSAGE_MODEL, MESSAGE_USAGE, MESSAGE_LEN };

static const struct json_member message_members[MESSAGE_LEN] = {
    [MESSAGE_ID] = {SLICE_INIT("id")},
    [MESSAGE_MODEL] = {SLICE_INIT("model")},
    [MESSAGE_USAGE] = {SLICE_INIT("usage")},
};

/* Of a content_block and of a delta: what they add bears the same names. */
enum { PART_TYPE, TEXT, THINKING, SIGNATURE, JSON, SEALED, ID, NAME, INPUT, PART_LEN };

static const struct json_member part_members[PART_LEN] = {
    [PART_TYPE] = {SLICE_INIT("type")},
    [TEXT] = {SLICE_INIT("text")},
    [THINKING] = {SLICE_INIT("thinking")},
    [SIGNATURE] = {SLICE_INIT("signature")},
    [JSON] = {SLICE_INIT("partial_json")},
    [SEALED] = {SLICE_INIT("data")},
    [ID] = {SLICE_INIT("id")},
    [NAME] = {SLICE_INIT("name")},
    [INPUT] = {SLICE_INIT("input")},
};

enum { STOP_REASON, SEQUENCE, END_LEN };

static const struct json_member end_members[END_LEN] = {
    [STOP_REASON] = {SLICE_INIT("stop_reason")},
    [SEQUENCE] = {SLICE_INIT("stop_sequence")},
};

/* An event being read. */
struct reading {
    struct anthropic_stream *stream;
    struct event *event;
    struct json_value v[EVENT_LEN];
};

enum stop_reason anthropic_stop_read(struct slice reason)
{
    static const struct {
        struct slice word;
        enum stop_reason stop;
    } reasons[] = {
        {SLICE_INIT("max_tokens"),                    STOP_LENGTH  },
        {SLICE_INIT("model_context_window_exceeded"), STOP_LENGTH  },
        {SLICE_INIT("stop_sequence"),                 STOP_SEQUENCE},
        {SLICE_INIT("tool_use"),                      STOP_TOOLS   },
        {SLICE_INIT("refusal"),                       STOP_FILTERED},
    };

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (slice_eq(reason, reasons[i].word))
            return reasons[i].stop;
    return STOP_END;
}

static int hand_over(struct reading *r, const struct piece *p)
{
    struct anthropic_pieces *pieces = r->stream->pieces;

    if (!pieces)
        return OK;
    repeat_note(&pieces->repeat, p);
    return pieces->sink->take(pieces->sink, p);
}

static void mark_content(struct reading *r)
{
    r->stream->content_seen = true;
    r->event->marks |= EVENT_CONTENT;
    r->event->output_deltas = 1;
}

static int mark_usage(struct reading *r, struct json_value v)
{
    struct anthropic_stream *s = r->stream;

    if (!anthropic_usage_merge(v, &s->usage))
        return OK;
    r->event->marks |= EVENT_USAGE;
    r->event->usage = s->usage;
    return hand_over(r, &(struct piece){.kind = PIECE_USAGE, .usage = s->usage});
}

/* A piece of text, when it says something. */
static int add_text(struct reading *r, enum piece_kind kind, struct json_value v)
{
    struct slice text = inside_of(v);

    if (slice_is_empty(text))
        return OK;
    mark_content(r);
    if (kind == PIECE_TEXT && r->stream->wants_text)
        r->event->text = v.text;
    return hand_over(r, &(struct piece){.kind = kind, .text = text});
}

static int message_start(struct reading *r)
{
    struct json_value v[MESSAGE_LEN] = {0};

    if (r->v[MESSAGE].type != JSON_OBJECT ||
        !json_members(r->v[MESSAGE].text, message_members, MESSAGE_LEN, v))
        return -EBADMSG;
    if (anthropic_usage_merge(v[MESSAGE_USAGE], &r->stream->usage)) {
        r->event->marks |= EVENT_USAGE;
        r->event->usage = r->stream->usage;
    }
    return hand_over(r, &(struct piece){
                            .kind = PIECE_START,
                            .id = inside_of(v[MESSAGE_ID]),
                            .model = inside_of(v[MESSAGE_MODEL]),
                            .usage = r->stream->usage,
                        });
}

/* The running tool whose block the event is of; `tools`: none. */
static unsigned tool_of(const struct reading *r)
{
    const struct anthropic_pieces *p = r->stream->pieces;
    unsigned tool = p->tools;
    uint64_t block = 0;

    json_u64(r->v[INDEX], &block);
    while (tool > 0 && p->block_of_tool[tool - 1] != block + 1)
        tool--;
    return tool > 0 ? tool - 1 : p->tools;
}

static int tool_end(struct reading *r, unsigned tool)
{
    r->stream->pieces->block_of_tool[tool] = 0;
    return hand_over(r, &(struct piece){.kind = PIECE_TOOL_END, .tool = tool});
}

/* Those whose end was never told. */
static int end_tools(struct reading *r)
{
    const struct anthropic_pieces *p = r->stream->pieces;
    int rc = OK;

    for (unsigned tool = 0; p && rc == OK && tool < p->tools; tool++)
        if (p->block_of_tool[tool] != 0)
            rc = tool_end(r, tool);
    return rc;
}

static bool has_members(struct json_value object)
{
    struct slice s = object.text;
    size_t at = 1;

    while (at < s.len && strchr(" \t\r\n", s.at[at]))
        at++;
    return object.type == JSON_OBJECT && s.at[at] != '}';
}

/* Some providers tell all of the input where the block begins. */
static int tool_start(struct reading *r, const struct json_value *v)
{
    struct anthropic_pieces *p = r->stream->pieces;
    bool has_all = has_members(v[INPUT]);
    uint64_t block = 0;

    mark_content(r);
    if (!p)
        return OK;
    if (p->tools == ANTHROPIC_STREAM_TOOLS)
        return -EMSGSIZE;
    const struct piece start = {
        .kind = PIECE_TOOL_START,
        .tool = p->tools,
        .id = inside_of(v[ID]),
        .name = inside_of(v[NAME]),
    };
    const struct piece all = {.kind = PIECE_TOOL_INPUT, .tool = p->tools, .input = v[INPUT].text};
    json_u64(r->v[INDEX], &block);
    p->block_of_tool[p->tools++] = has_all ? 0 : block + 1;
    int rc = hand_over(r, &start);
    return rc == OK && has_all ? hand_over(r, &all) : rc;
}

static int block_start(struct reading *r)
{
    struct json_value v[PART_LEN];

    if (r->v[BLOCK].type != JSON_OBJECT ||
        !json_members(r->v[BLOCK].text, part_members, PART_LEN, v))
        return -EBADMSG;

    struct slice type = inside_of(v[PART_TYPE]);
    if (slice_eq(type, SLICE("text")))
        return add_text(r, PIECE_TEXT, v[TEXT]);
    if (slice_eq(type, SLICE("thinking")))
        return add_text(r, PIECE_THINKING, v[THINKING]);
    if (slice_eq(type, SLICE("redacted_thinking")))
        return add_text(r, PIECE_REDACTED, v[SEALED]);
    if (slice_eq(type, SLICE("tool_use")))
        return tool_start(r, v);
    mark_content(r); /* what only a client of this dialect understands */
    return OK;
}

static int tool_input(struct reading *r, struct json_value json)
{
    const struct anthropic_pieces *p = r->stream->pieces;
    struct piece piece = {.kind = PIECE_TOOL_INPUT, .text = inside_of(json)};

    if (slice_is_empty(piece.text))
        return OK;
    mark_content(r);
    if (!p)
        return OK;
    piece.tool = tool_of(r);
    return piece.tool < p->tools ? hand_over(r, &piece) : OK;
}

static int block_delta(struct reading *r)
{
    struct json_value v[PART_LEN];

    if (r->v[DELTA].type != JSON_OBJECT ||
        !json_members(r->v[DELTA].text, part_members, PART_LEN, v))
        return -EBADMSG;

    struct slice type = inside_of(v[PART_TYPE]);
    if (slice_eq(type, SLICE("text_delta")))
        return add_text(r, PIECE_TEXT, v[TEXT]);
    if (slice_eq(type, SLICE("input_json_delta")))
        return tool_input(r, v[JSON]);
    if (slice_eq(type, SLICE("thinking_delta")))
        return add_text(r, PIECE_THINKING, v[THINKING]);
    if (slice_eq(type, SLICE("signature_delta")))
        return add_text(r, PIECE_SIGNATURE, v[SIGNATURE]);
    mark_content(r); /* citations and the like */
    return OK;
}

static int block_stop(struct reading *r)
{
    const struct anthropic_pieces *p = r->stream->pieces;
    unsigned tool = p ? tool_of(r) : 0;

    return p && tool < p->tools ? tool_end(r, tool) : OK;
}

static int message_delta(struct reading *r)
{
    struct json_value v[END_LEN] = {0};
    int rc;

    if (r->v[DELTA].type == JSON_OBJECT && !json_members(r->v[DELTA].text, end_members, END_LEN, v))
        return -EBADMSG;
    rc = mark_usage(r, r->v[USAGE]);
    if (rc < 0 || v[STOP_REASON].type != JSON_STRING)
        return rc;
    return hand_over(r, &(struct piece){
                            .kind = PIECE_FINISH,
                            .stop = anthropic_stop_read(inside_of(v[STOP_REASON])),
                            .stop_sequence = inside_of(v[SEQUENCE]),
                        });
}

static int message_stop(struct reading *r)
{
    int rc = end_tools(r);

    r->event->marks |= EVENT_DONE;
    return rc < 0 ? rc : hand_over(r, &(struct piece){.kind = PIECE_DONE});
}

static const struct {
    struct slice type;
    int (*read)(struct reading *r);
} kinds[] = {
    {SLICE_INIT("content_block_delta"), block_delta  },
    {SLICE_INIT("content_block_start"), block_start  },
    {SLICE_INIT("content_block_stop"),  block_stop   },
    {SLICE_INIT("message_start"),       message_start},
    {SLICE_INIT("message_delta"),       message_delta},
    {SLICE_INIT("message_stop"),        message_stop },
};

/* The data tells its type; the event's name is only as good. */
static int read_by_type(struct reading *r, struct slice type)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (slice_eq(type, kinds[i].type))
            return kinds[i].read(r);
    return OK;
}

/* An event that is taken apart. The one that repeats it is told by its data alone, so the type must
 * stand in there. */
static int read_wanted(struct reading *r, struct slice type, struct slice data)
{
    struct repeat *repeat = &r->stream->pieces->repeat;
    int rc;

    repeat_begin(repeat);
    rc = read_by_type(r, type);
    if (rc == OK && r->v[TYPE].type == JSON_STRING)
        repeat_end(repeat, data, r->event);
    return rc;
}

static bool read_error(struct slice name, struct slice data, struct event *ret)
{
    struct anthropic_error error;

    if (anthropic_error_read(data, &error))
        ret->fault = anthropic_error_fault(&error);
    else if (slice_eq(name, SLICE("error")))
        ret->fault = (struct fault){.kind = FAULT_UPSTREAM_ERROR};
    else
        return false;
    ret->marks = EVENT_ERROR;
    return true;
}

/* A delta that is not empty: no member that ends one is called otherwise. */
static bool is_plain_delta(struct slice name, struct slice data)
{
    return slice_eq(name, SLICE("content_block_delta")) && data.len > 8 && data.at[0] == '{' &&
           data.at[data.len - 1] == '}' &&
           !slice_eq(slice_sub(data, data.len - 4, data.len), SLICE("\"\"}}"));
}

static int parse_event(struct anthropic_stream *s, struct slice name, struct slice data,
                       struct event *ret)
{
    struct reading r = {.stream = s, .event = ret};
    struct json_error why;
    bool is_object = json_scan(data, event_members, EVENT_LEN, r.v, &why);
    struct slice type = is_object && r.v[TYPE].type == JSON_STRING ? inside_of(r.v[TYPE]) : name;
    bool may_be_error = slice_eq(type, SLICE("error")) || r.v[TYPE].type == JSON_NONE;
    if (may_be_error && read_error(name, data, ret))
        return OK;
    if (!is_object)
        return -EBADMSG;
    return s->pieces ? read_wanted(&r, type, data) : read_by_type(&r, type);
}

int anthropic_read_event(struct anthropic_stream *s, struct slice name, struct slice data,
                         struct event *ret)
{
    struct piece piece;

    *ret = (struct event){0};
    data = slice_trim(data);
    bool repeats = s->pieces && repeat_find(&s->pieces->repeat, data, &piece);
    bool glanced = s->content_seen && !s->wants_text && !s->pieces && is_plain_delta(name, data);
    if (repeats || glanced) { /* content was seen before */
        ret->marks = EVENT_CONTENT;
        ret->output_deltas = 1;
        return repeats ? s->pieces->sink->take(s->pieces->sink, &piece) : OK;
    }
    return slice_is_empty(data) ? OK : parse_event(s, name, data, ret);
}

static enum alike_hole hole(struct slice name)
{
    bool is_text = slice_eq(name, SLICE("\"text\"")) || slice_eq(name, SLICE("\"thinking\"")) ||
                   slice_eq(name, SLICE("\"partial_json\""));

    return is_text ? ALIKE_TEXT : ALIKE_FIXED;
}

size_t anthropic_alike(struct slice frame, struct slice rest, uint64_t *ret_frames)
{
    return alike_frames(frame, rest, hole, ret_frames);
}
