/* stream_text.c: see stream_text.h.
 *
 * Pieces are appended as they stand in the frames, escapes and all: half a surrogate pair in one
 * frame and half in the next are whole again. */

#include "wire/stream_text.h"

#include "codec/json_cursor.h"
#include "codec/json_out.h"
#include "codec/sse.h"

#include <errno.h>

enum { PLACES_MOST = 256, PATH_MOST = 200, DEPTH_MOST = 12, FRAME_MOST = 64 << 20 };

struct place {
    struct slice path;
    struct buf text; /* the inside of a JSON string */
};

struct joining {
    struct arena *a;
    struct place places[PLACES_MOST];
    size_t len;
    char path[PATH_MOST];
    size_t path_len;
    int rc;
};

/* --- places --- */

static struct place *place_of(struct joining *j)
{
    struct slice path = slice_of(j->path, j->path_len);

    for (size_t i = 0; i < j->len; i++)
        if (slice_eq(j->places[i].path, path))
            return &j->places[i];
    if (j->len == PLACES_MOST) /* what is said beyond so many places is joined at the last */
        return &j->places[PLACES_MOST - 1];
    struct place *p = &j->places[j->len];
    p->path = arena_copy(j->a, path);
    buf_init(&p->text, FRAME_MOST);
    if (!p->path.at) {
        j->rc = -ENOMEM;
        return NULL;
    }
    j->len++;
    return p;
}

static void add_piece(struct joining *j, struct json_value v)
{
    struct place *p = v.text.len > 2 ? place_of(j) : NULL;

    if (p && buf_add(&p->text, slice_sub(v.text, 1, v.text.len - 1)) < 0)
        j->rc = p->text.rc;
}

/* Returns the length to go back to; what does not fit is left off. */
static size_t enter(struct joining *j, struct slice name)
{
    size_t was = j->path_len, dot = was > 0;

    if (was + dot + name.len > PATH_MOST)
        return was;
    if (dot)
        j->path[j->path_len++] = '.';
    memcpy(j->path + j->path_len, name.at, name.len);
    j->path_len += name.len;
    return was;
}

/* --- frames --- */

static bool is_text(struct slice name)
{
    static const struct slice names[] = {
        SLICE_INIT("content"),  SLICE_INIT("text"),      SLICE_INIT("reasoning_content"),
        SLICE_INIT("thinking"), SLICE_INIT("reasoning"), SLICE_INIT("partial_json"),
        SLICE_INIT("refusal"),  SLICE_INIT("arguments"), SLICE_INIT("name"),
        SLICE_INIT("delta"),    SLICE_INIT("message"),   SLICE_INIT("transcript"),
        SLICE_INIT("input"),
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_eq(name, names[i]))
            return true;
    return false;
}

static void walk(struct joining *j, struct json_value v, struct slice name, unsigned depth);

/* The number under which an object goes among its like: "index", and what a frame of the Responses
 * dialect has instead. */
static void enter_index(struct joining *j, struct slice object)
{
    static const struct json_member wanted[] = {
        {SLICE_INIT("index")}, {SLICE_INIT("output_index")}, {SLICE_INIT("content_index")}};
    struct json_value found[ARRAY_LEN(wanted)];
    uint64_t unused;

    if (!json_members(object, wanted, ARRAY_LEN(wanted), found))
        return;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (found[i].type == JSON_NUMBER && json_u64(found[i], &unused))
            enter(j, found[i].text);
}

static void walk_object(struct joining *j, struct slice object, unsigned depth)
{
    struct json_cursor c = json_cursor_of(object);
    struct json_name name;
    size_t was = j->path_len;

    enter_index(j, object);
    json_cursor_enter(&c);
    while (json_cursor_member(&c, &name)) {
        struct slice inside = slice_sub(name.text, 1, name.text.len - 1);
        struct json_value v = json_cursor_take(&c);
        size_t back = enter(j, inside);
        walk(j, v, inside, depth + 1);
        j->path_len = back;
    }
    j->path_len = was;
}

static void walk(struct joining *j, struct json_value v, struct slice name, unsigned depth)
{
    struct json_value element;
    size_t at = 0;

    if (depth > DEPTH_MOST || j->rc < 0)
        return;
    if (v.type == JSON_OBJECT)
        walk_object(j, v.text, depth);
    else if (v.type == JSON_STRING && is_text(name))
        add_piece(j, v);
    else if (v.type == JSON_ARRAY)
        while (json_next(v.text, &at, &element))
            walk(j, element, name, depth + 1);
}

/* In the Responses dialect everything is said again, whole, behind its pieces. */
static bool says_again(struct slice type)
{
    struct slice delta = SLICE(".delta");

    return slice_starts(type, SLICE("response.")) &&
           !slice_eq(type, SLICE("response.output_item.added")) &&
           !(type.len > delta.len &&
             slice_eq(slice_sub(type, type.len - delta.len, type.len), delta));
}

static void join_frame(struct joining *j, struct slice text)
{
    static const struct json_member wanted[] = {{SLICE_INIT("type")}};
    struct json_value type;
    struct json_error unused;
    struct slice plain = {0};

    if (!json_scan(text, wanted, 1, &type, &unused))
        return;
    if (type.type == JSON_STRING && json_plain(type, &plain) && says_again(plain))
        return;
    j->path_len = 0;
    walk(j, (struct json_value){.type = JSON_OBJECT, .text = text}, SLICE(""), 0);
}

static int join_all(struct joining *j, struct slice stream)
{
    struct sse_frame frame;
    struct sse sse;
    int rc;

    sse_init(&sse, FRAME_MOST);
    while ((rc = sse_next(&sse, &stream, &frame)) > 0 && j->rc == OK)
        if (frame.has_data)
            join_frame(j, frame.data);
    if (rc == OK && j->rc == OK && (rc = sse_end(&sse, &frame)) > 0)
        join_frame(j, frame.data);
    sse_free(&sse);
    return rc < 0 ? rc : j->rc;
}

/* --- the text --- */

static int write_all(const struct joining *j, struct slice *ret)
{
    struct json_out o;
    size_t expected = 64;

    for (size_t i = 0; i < j->len; i++)
        expected += j->places[i].path.len + j->places[i].text.len + 32;
    json_out_begin(&o, j->a, expected);
    json_out_literal(&o, "{\"stream\":[");
    for (size_t i = 0; i < j->len; i++) {
        json_out_comma(&o);
        json_out_literal(&o, "{\"at\":");
        json_out_quote(&o, j->places[i].path);
        json_out_literal(&o, ",\"text\":");
        json_out_quote(&o, buf_slice(&j->places[i].text));
        json_out_char(&o, '}');
    }
    json_out_literal(&o, "]}");
    *ret = json_out_slice(&o);
    return json_out_failed(&o) ? -ENOMEM : OK;
}

int stream_text_join(struct slice stream, struct arena *a, struct slice *ret)
{
    struct joining *j = arena_new(a, struct joining);

    if (!j)
        return -ENOMEM;
    j->a = a;
    int rc = join_all(j, stream);
    if (rc == OK)
        rc = write_all(j, ret);
    for (size_t i = 0; i < j->len; i++)
        buf_free(&j->places[i].text);
    return rc;
}
