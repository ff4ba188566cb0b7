/* openai_chat_pieces.c: what a delta adds, in the order in which a model says it: reasoning, text,
 * tools. */

#include "wire/openai_chat_pieces.h"

#include "wire/inside.h"
#include "wire/openai_chat_said.h"
#include "wire/openai_chat_words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { CALL_INDEX, CALL_ID, CALL_FUNCTION, CALL_EXTRA, CALL_LEN };

static const struct json_member call_members[CALL_LEN] = {
    [CALL_INDEX] = {SLICE_INIT("index")},
    [CALL_ID] = {SLICE_INIT("id")},
    [CALL_FUNCTION] = {SLICE_INIT("function")},
    [CALL_EXTRA] = {SLICE_INIT("extra_content")},
};

static const struct json_member function_members[] = {
    {SLICE_INIT("name")},
    {SLICE_INIT("arguments")},
};

/* One call of a delta. */
struct call_part {
    bool numbered;
    uint64_t index;
    struct slice id, name, signature;
    struct slice arguments; /* text: a part of them; or */
    struct slice input;     /* raw: an object, where others write its JSON into a string (Ollama) */
};

/* FNV-1a: the same in every process, since it ends up in what clients see. */
static uint64_t hash_of(struct slice text)
{
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001B3u;
    return hash | 1; /* never 0 */
}

static int hand_over(struct openai_pieces *p, const struct piece *piece)
{
    repeat_note(&p->repeat, piece);
    return p->sink->take(p->sink, piece);
}

static int add_text(struct openai_pieces *p, enum piece_kind kind, struct json_value v)
{
    struct slice text = inside_of(v);

    return slice_is_empty(text) ? OK : hand_over(p, &(struct piece){.kind = kind, .text = text});
}

int openai_pieces_start(struct openai_pieces *p, struct slice chunk)
{
    static const struct json_member members[] = {{SLICE_INIT("id")}, {SLICE_INIT("model")}};
    struct json_value v[2];

    if (p->started)
        return OK;
    if (!json_members(chunk, members, 2, v))
        return -EBADMSG;
    p->started = true;
    p->answer = hash_of(inside_of(v[0]));
    return hand_over(p, &(struct piece){
                            .kind = PIECE_START,
                            .id = inside_of(v[0]),
                            .model = inside_of(v[1]),
                        });
}

/* Text, or a list of parts with text. */
static int add_texts(struct openai_pieces *p, enum piece_kind kind, struct json_value v)
{
    struct json_value part, m[PART_LEN];
    size_t at = 0;
    int rc = add_text(p, kind, v);

    while (rc == OK && v.type == JSON_ARRAY && json_next(v.text, &at, &part)) {
        if (part.type != JSON_OBJECT || !json_members(part.text, openai_part_members, PART_LEN, m))
            return -EBADMSG;
        rc = add_text(p, kind, m[PART_TEXT]);
        if (rc == OK && kind == PIECE_TEXT && m[PART_THINKING].type != JSON_NONE)
            rc = add_texts(p, PIECE_THINKING, m[PART_THINKING]);
    }
    return rc;
}

/* Signatures and sealed blocks; the text of them only when reasoning_content does not tell it. */
static int add_thinking_blocks(struct openai_pieces *p, struct json_value v, bool with_text)
{
    struct json_value block, m[PART_LEN];
    size_t at = 0;
    int rc = OK;

    while (rc == OK && v.type == JSON_ARRAY && json_next(v.text, &at, &block)) {
        if (block.type != JSON_OBJECT ||
            !json_members(block.text, openai_part_members, PART_LEN, m))
            return -EBADMSG;
        if (with_text)
            rc = add_text(p, PIECE_THINKING, m[PART_THINKING]);
        if (rc == OK)
            rc = add_text(p, PIECE_SIGNATURE, m[PART_SIGNATURE]);
        if (rc == OK)
            rc = add_text(p, PIECE_REDACTED, m[PART_SEALED]);
    }
    return rc;
}

static int add_reasoning(struct openai_pieces *p, const struct json_value *v)
{
    struct json_value said = v[SAID_REASONING_CONTENT];

    if (slice_is_empty(inside_of(said)))
        said = v[SAID_REASONING]; /* OpenRouter, newer vLLM */
    bool is_said = !slice_is_empty(inside_of(said));
    int rc = add_text(p, PIECE_THINKING, said);
    return rc < 0 ? rc : add_thinking_blocks(p, v[SAID_THINKING_BLOCKS], !is_said);
}

/* The tool that the part continues; tools: none, it begins one.
 *
 * Parts of a tool bear its index. Some providers number none, or give every call the index 0: a
 * part with an id of its own and a name is then another call. Others make up a new id for each
 * part of the same call, without a name. */
static unsigned find_tool(const struct openai_pieces *p, const struct call_part *part)
{
    unsigned i = p->tools;

    while (i > 0 && part->numbered && p->tool[i - 1].index != part->index)
        i--;
    if (i == 0)
        return p->tools;

    const struct openai_tool *found = &p->tool[i - 1];
    bool named = !slice_is_empty(part->name), has_id = !slice_is_empty(part->id);
    bool other_id = has_id && found->id != 0 && hash_of(part->id) != found->id;
    bool whole = !part->numbered && !has_id; /* without id and index only the name tells */
    return named && (other_id || whole) ? p->tools : i - 1;
}

static int start_tool(struct openai_pieces *p, const struct call_part *part)
{
    char made_up[64];
    struct piece piece = {
        .kind = PIECE_TOOL_START,
        .tool = p->tools,
        .id = part->id,
        .name = part->name,
        .signature = part->signature,
    };

    if (p->tools == OPENAI_TOOLS_MAX)
        return -EMSGSIZE;
    p->tool[p->tools++] = (struct openai_tool){
        .index = part->numbered ? part->index : piece.tool,
        .id = slice_is_empty(part->id) ? 0 : hash_of(part->id),
    };
    if (slice_is_empty(part->id)) {
        int n = snprintf(made_up, sizeof(made_up), "call_%016" PRIx64 "_%u", p->answer, piece.tool);
        piece.id = slice_of(made_up, (size_t)n);
    }
    return hand_over(p, &piece);
}

static int add_call(struct openai_pieces *p, const struct call_part *part)
{
    unsigned tool = find_tool(p, part);
    int rc = tool == p->tools ? start_tool(p, part) : OK;

    if (rc < 0 || part->arguments.len + part->input.len == 0)
        return rc;
    return hand_over(p, &(struct piece){
                            .kind = PIECE_TOOL_INPUT,
                            .tool = tool,
                            .text = part->arguments,
                            .input = part->input,
                        });
}

static bool read_function(struct json_value function, struct call_part *part)
{
    struct json_value v[2];

    if (function.type != JSON_OBJECT)
        return true;
    if (!json_members(function.text, function_members, 2, v))
        return false;
    part->name = inside_of(v[0]);
    part->arguments = inside_of(v[1]);
    if (v[1].type == JSON_OBJECT)
        part->input = v[1].text;
    return true;
}

static int add_calls(struct openai_pieces *p, struct json_value calls)
{
    struct json_value call, v[CALL_LEN];
    size_t at = 0;
    int rc = OK;

    while (rc == OK && calls.type == JSON_ARRAY && json_next(calls.text, &at, &call)) {
        struct call_part part = {.numbered = false};
        if (call.type != JSON_OBJECT || !json_members(call.text, call_members, CALL_LEN, v) ||
            !read_function(v[CALL_FUNCTION], &part) ||
            !openai_signature_read(v[CALL_EXTRA], &part.signature))
            return -EBADMSG;
        part.numbered = json_u64(v[CALL_INDEX], &part.index);
        part.id = inside_of(v[CALL_ID]);
        rc = add_call(p, &part);
    }
    return rc;
}

/* The one call of the time before tools. */
static int add_function_call(struct openai_pieces *p, struct json_value function)
{
    struct call_part part = {.numbered = true, .index = UINT64_MAX};

    if (function.type != JSON_OBJECT)
        return OK;
    return read_function(function, &part) ? add_call(p, &part) : -EBADMSG;
}

int openai_pieces_delta(struct openai_pieces *p, struct slice delta)
{
    struct json_value v[SAID_LEN];

    if (!json_members(delta, openai_said_members, SAID_LEN, v))
        return -EBADMSG;
    int rc = add_reasoning(p, v);
    if (rc == OK)
        rc = add_texts(p, PIECE_TEXT, v[SAID_CONTENT]);
    if (rc == OK)
        rc = add_text(p, PIECE_REFUSAL, v[SAID_REFUSAL]);
    if (rc == OK)
        rc = add_calls(p, v[SAID_TOOL_CALLS]);
    return rc == OK ? add_function_call(p, v[SAID_FUNCTION_CALL]) : rc;
}

int openai_pieces_finish(struct openai_pieces *p, struct slice choice)
{
    static const struct json_member members[] = {OPENAI_FINISH_MEMBERS};
    struct json_value v[OPENAI_FINISH_LEN];
    struct piece piece = {.kind = PIECE_FINISH};

    if (!json_members(choice, members, OPENAI_FINISH_LEN, v))
        return -EBADMSG;
    piece.stop = openai_finish_read(v, &piece.stop_sequence);
    if (piece.stop == STOP_NONE || p->finished)
        return OK;
    p->finished = true;
    return hand_over(p, &piece);
}

int openai_pieces_usage(struct openai_pieces *p, const struct usage *usage)
{
    return hand_over(p, &(struct piece){.kind = PIECE_USAGE, .usage = *usage});
}

int openai_pieces_done(struct openai_pieces *p)
{
    return hand_over(p, &(struct piece){.kind = PIECE_DONE});
}
