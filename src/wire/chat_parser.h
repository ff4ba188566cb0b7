/* chat_parser.h: what the parsers of conversations share: walking objects by a table of their
 * members, reading values, building the chat. Private to wire.
 *
 * The body has been validated. The parser looks at each byte of it once: the cursor steps into
 * containers and every value is read where it stands. A fault is named by where the cursor or a
 * value stands in the body; its path is worked out only then. */

#pragma once

#include "codec/json_cursor.h"
#include "model/chat.h"
#include "wire/body_reader.h"

/* Blocks in the making; the chat's own lists have no tails. */
struct block_list {
    struct chat_block *first, **end; /* end: NULL while empty */
};

struct chat_parser {
    struct reader r;
    struct json_cursor c;
    struct chat *chat;

    struct json_name name; /* of the member that is being read */
    struct chat_message *last;
    struct block_list system, turn; /* turn: of the last message */
    size_t messages, tools, stops, extras;
    struct chat_tool *last_tool;
    struct chat_stop *last_stop;
    struct chat_extra *last_extra;
};

/* Reads the value that stands next into *ret, whose type the function knows. */
typedef bool parse_fn(struct chat_parser *p, void *ret);

/* A member of an object: who reads it, and where into. */
struct member_rule {
    struct slice
        name; /* empty, in the last rule only: any other member. Else those are passed over */
    parse_fn *read;
    size_t offset; /* of the field in the struct that parse_object was given */
};

void chat_parser_begin(struct chat_parser *p, struct slice body, struct arena *a, struct chat *chat,
                       struct fault *fault);

/* ---- refusing; always false. at: where the value stands in the body ---- */

bool parse_refuse_type(struct chat_parser *p, const char *expected);
bool parse_refuse_missing(struct chat_parser *p, const char *object_at, struct slice name);
bool parse_refuse_value(struct chat_parser *p, const char *at, const char *why);
bool parse_refuse_unsupported(struct chat_parser *p, const char *at, const char *why);

/* ---- reading values ---- */

/* An object: each member by its rule, into the struct at `into`. n <= 64. A member that has a rule
 * and stands there twice is refused. */
bool parse_object(struct chat_parser *p, const struct member_rule *rules, size_t n, void *into);
/* An array: each element by read. Null is as good as an empty one. */
bool parse_array(struct chat_parser *p, parse_fn *read, void *into);
parse_fn parse_text;       /* struct slice: a string's inside; null: nothing */
parse_fn parse_raw;        /* struct slice: any value; null: nothing */
parse_fn parse_raw_object; /* struct slice: an object; null: nothing */
parse_fn parse_number;     /* struct slice: a number as it is written; null: nothing */
parse_fn parse_count;      /* uint64_t; null: nothing */
parse_fn parse_flag;       /* bool; null: nothing */
parse_fn parse_ignored;    /* no field: a hint that has no counterpart */
parse_fn parse_refused; /* no field: it would change the answer. Null, false, 0, {} and [] do not */
parse_fn parse_extra;   /* no field: a member that nobody knows is passed on */
parse_fn parse_stop;    /* no field: a string, into the chat */
parse_fn parse_thinking; /* no field: Anthropic's `thinking`, into the chat */

bool text_is(struct slice text, struct slice s);
/* "low" …; CHAT_EFFORT_UNSET: no such effort. */
enum chat_effort effort_of(struct slice text);

/* ---- building; NULL and false: refused ---- */

struct chat_block *parse_new_block(struct chat_parser *p, enum chat_block_kind kind,
                                   const char *at);
/* A string, which is one text, or an array of what read_block adds to the list. */
bool parse_content(struct chat_parser *p, parse_fn *read_block, struct block_list *ret);
void block_list_add(struct block_list *l, struct chat_block *b);
/* Moves all of `more` behind l. */
void block_list_join(struct block_list *l, struct block_list *more);
/* A turn; results of tools, and what the user says right behind them, are one turn. So is what the
 * assistant says right behind calls of tools, or behind nothing but thinking, and its calls behind
 * what it thought and said. */
bool parse_add_turn(struct chat_parser *p, enum chat_role role, struct block_list *blocks);
struct chat_tool *parse_new_tool(struct chat_parser *p);
