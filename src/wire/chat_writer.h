/* chat_writer.h: what the writers of conversations share. Private to wire. */

#pragma once

#include "codec/json_cursor.h"
#include "codec/json_out.h"
#include "wire/body_reader.h"
#include "wire/chat_wire.h"

struct chat_writer {
    struct reader r; /* of the body that the chat came from: names the member in a fault */
    const struct chat *chat;
    const struct wire_options *options;
    struct json_out o;
};

/* Room for what the body becomes, as far as can be told. */
void chat_writer_begin(struct chat_writer *w, const struct chat *c, const struct wire_options *o,
                       struct arena *a, struct fault *fault);
/* False: memory ran out on the way. */
bool chat_writer_end(struct chat_writer *w, struct slice *ret_body);

/* Always false. at: where the member stands in the body. */
bool write_refuse_value(struct chat_writer *w, const char *at, const char *why);
bool write_refuse_unsupported(struct chat_writer *w, const char *at, const char *why);

/* A tool can only be demanded where there are some. */
bool check_choice(struct chat_writer *w);
/* "name":value of a number that was given; .len 0: not given. */
#define write_number(w, name, number)                                                              \
    do {                                                                                           \
        if ((number).len > 0) {                                                                    \
            json_out_name(&(w)->o, name);                                                          \
            json_out_add(&(w)->o, number);                                                         \
        }                                                                                          \
    } while (0)
void write_model(struct chat_writer *w);
/* ,"cache_control":raw; nothing when there is none. */
void write_cache_control(struct chat_writer *w, struct slice raw);
/* The unknown members. One with a name that this dialect has for something that was written
 * already, own[0 … n), is refused. */
bool write_extras(struct chat_writer *w, const struct slice *own, size_t n);
/* A function's name and description, the beginning of its object. */
void write_function_words(struct chat_writer *w, const struct chat_tool *tool);
/* The schema, or that of a function without parameters. */
void write_schema(struct chat_writer *w, struct slice schema);
/* The texts of the blocks, other kinds passed over, as the inside of one string; glue: text,
 * between them: a blank one is not worth it. */
void write_joined(struct chat_writer *w, const struct chat_block *blocks, struct slice glue);

/* Text that holds nothing but white space. */
bool text_is_blank(struct slice text);
struct slice text_trim_end(struct slice text);
double number_of(struct slice raw);
