/* chat.h: a conversation with a model, in no dialect: what any of them can ask.
 *
 * A translated request is parsed into a chat and written from it. Nothing is decoded on the way:
 *
 *   text    the inside of a JSON string of the body: between its quotes, still escaped. It can be
 *           copied between the quotes of another JSON string as it is
 *   raw     a whole JSON value of the body, byte for byte
 *
 * Both are borrowed from the body (or, where a dialect hides JSON in a string, live in the arena),
 * so a prompt of 128 KB costs one copy. An empty slice: not given. Lists are in the client's order.
 *
 * What the chat dialect has no place for is kept: reasoning that must come back unchanged. On
 * assistant messages and on deltas it travels in the extra member
 *   thinking_blocks: [{"type":"thinking","thinking":text,"signature":text},
 *                     {"type":"redacted_thinking","data":text}]
 * beside reasoning_content, which holds the readable text of all of them. */

#pragma once

#include "base/slice.h"

enum chat_role { CHAT_USER, CHAT_ASSISTANT };

enum chat_block_kind {
    CHAT_TEXT,
    CHAT_IMAGE,
    CHAT_DOCUMENT,
    CHAT_TOOL_USE,          /* in turns of the assistant */
    CHAT_TOOL_RESULT,       /* in turns of the user */
    CHAT_THINKING,          /* in turns of the assistant */
    CHAT_REDACTED_THINKING, /* in turns of the assistant */
};

enum chat_source { CHAT_BASE64, CHAT_URL, CHAT_PLAIN };

/* An image or a document. */
struct chat_media {
    enum chat_source source;
    struct slice media_type; /* text; CHAT_BASE64 only */
    struct slice content;    /* text: base64, a URL or, CHAT_PLAIN, the document's own words */
    struct slice title;      /* text; of a document: its title or file name */
};

struct chat_tool_use {
    struct slice id, name;  /* text */
    struct slice input;     /* raw: always an object */
    struct slice signature; /* text: of the thought that led to it; empty: none came with it */
};

struct chat_tool_result {
    struct slice id;           /* text: of the tool use that it answers */
    bool is_error;             /* the tool failed */
    struct chat_block *blocks; /* CHAT_TEXT, CHAT_IMAGE and CHAT_DOCUMENT; NULL: empty */
};

struct chat_thinking {
    struct slice text;      /* text; CHAT_REDACTED_THINKING: the sealed bytes */
    struct slice signature; /* text; empty: nobody signed it, it cannot be replayed */
};

struct chat_block {
    enum chat_block_kind kind;
    struct chat_block *next;
    const char *at;             /* where it begins in the body: names it in a fault */
    struct slice cache_control; /* raw */
    union {
        struct slice text; /* text; may be empty */
        struct chat_media media;
        struct chat_tool_use use;
        struct chat_tool_result result;
        struct chat_thinking thinking;
    };
};

/* A turn. Results of tools that follow each other are one turn of the user. */
struct chat_message {
    enum chat_role role;
    struct chat_message *next;
    struct chat_block *blocks;
};

static inline bool chat_message_has(const struct chat_message *m, enum chat_block_kind kind)
{
    const struct chat_block *b = m->blocks;

    while (b && b->kind != kind)
        b = b->next;
    return b;
}

/* A function that the model may call. */
struct chat_tool {
    struct chat_tool *next;
    struct slice name, description; /* text */
    struct slice schema;            /* raw: JSON Schema of the arguments; empty: takes none */
    struct slice cache_control;     /* raw */
    bool strict;                    /* arguments must fit the schema */
};

enum chat_choice {
    CHAT_CHOICE_UNSET, /* the model's own default */
    CHAT_CHOICE_AUTO,
    CHAT_CHOICE_ANY,  /* some tool must be called */
    CHAT_CHOICE_NONE, /* no tool may be called */
    CHAT_CHOICE_NAMED,
};

enum chat_format { CHAT_FORMAT_TEXT, CHAT_FORMAT_SCHEMA };

enum chat_effort {
    CHAT_EFFORT_UNSET,
    CHAT_EFFORT_NONE,
    CHAT_EFFORT_MINIMAL,
    CHAT_EFFORT_LOW,
    CHAT_EFFORT_MEDIUM,
    CHAT_EFFORT_HIGH,
    CHAT_EFFORT_MAX, /* "xhigh", "max" */
};

/* A stop sequence. */
struct chat_stop {
    struct chat_stop *next;
    struct slice text; /* text */
};

/* A member of the body that the gateway does not know; passed on as it is. */
struct chat_extra {
    struct chat_extra *next;
    struct slice name;  /* raw: a JSON string */
    struct slice value; /* raw */
};

struct chat {
    struct slice body;         /* what it was parsed from */
    struct chat_block *system; /* CHAT_TEXT only; of all system and developer messages */
    struct chat_message *messages;
    size_t blocks; /* of all messages: a hint for the size of what is written */

    struct chat_tool *tools;
    enum chat_choice choice;
    struct slice choice_name; /* text */
    struct slice choice_at;   /* the member, to name it in a fault */
    bool one_tool_at_a_time;  /* parallel tool calls are switched off */

    uint64_t max_tokens;                    /* 0: not given */
    struct slice temperature, top_p, top_k; /* raw: numbers */
    struct chat_stop *stops;

    enum chat_format format;
    struct slice format_at;                /* the member, to name it in a fault */
    struct slice schema;                   /* raw */
    struct slice schema_name, schema_note; /* text: its name and description */
    bool schema_strict;

    enum chat_effort effort;
    struct slice thinking;    /* raw: the messages dialect's own member, wins over effort there */
    uint64_t thinking_budget; /* of it, in tokens; 0: none was named */
    bool thinking_on;         /* it asks for reasoning */

    struct slice user; /* text: the end user, for the provider's watch against abuse */
    bool stream;
    struct chat_extra *extras;
};

/* Limits of a conversation; a body that goes past one is refused and the member named. */
enum {
    CHAT_MESSAGES_MAX = 100000, /* the least that a provider documents */
    CHAT_BLOCKS_MAX = 400000,   /* of all messages together */
    CHAT_TOOLS_MAX = 4096,
    CHAT_STOPS_MAX = 1024,
    CHAT_EXTRAS_MAX = 64,
};
