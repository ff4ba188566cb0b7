/* alike.c: see alike.h. */

#include "wire/alike.h"

#include "codec/json.h"

enum { HOLES_MAX = 4 };

struct shape {
    struct slice fixed[HOLES_MAX + 1]; /* with the holes' quotes at their ends */
    size_t holes;
    bool is_text[HOLES_MAX]; /* empty, this hole would not be content */
};

/* Behind a name's closing quote: where the string that is its value begins, or 0. */
static size_t value_string(struct slice s, size_t at)
{
    while (at < s.len && s.at[at] == ' ')
        at++;
    if (at == s.len || s.at[at++] != ':')
        return 0;
    while (at < s.len && s.at[at] == ' ')
        at++;
    return at < s.len && s.at[at] == '"' ? at : 0;
}

static bool shape_read(struct shape *shape, struct slice frame,
                       enum alike_hole (*hole)(struct slice))
{
    size_t fixed = 0, at = 0;

    shape->holes = 0;
    while (at < frame.len) {
        const char *quote = memchr(frame.at + at, '"', frame.len - at);
        if (!quote)
            break;
        size_t begin = (size_t)(quote - frame.at);
        at = json_string_end(frame, begin);
        if (at == 0)
            return false;
        enum alike_hole kind = hole(slice_sub(frame, begin, at));
        size_t value = kind != ALIKE_FIXED ? value_string(frame, at) : 0;
        if (value == 0)
            continue;
        if (shape->holes == HOLES_MAX)
            return false;
        shape->is_text[shape->holes] = kind == ALIKE_TEXT;
        shape->fixed[shape->holes++] = slice_sub(frame, fixed, value + 1);
        at = json_string_end(frame, value);
        if (at == 0)
            return false;
        fixed = at - 1;
    }
    shape->fixed[shape->holes] = slice_sub(frame, fixed, frame.len);
    return shape->holes > 0;
}

static bool begins_with(struct slice s, size_t at, struct slice part)
{
    return s.len - at >= part.len && memcmp(s.at + at, part.at, part.len) == 0;
}

/* The length of the frame at s.at[at] when it has the shape, else 0. */
static size_t shape_match(const struct shape *shape, struct slice s, size_t at)
{
    size_t from = at;

    for (size_t i = 0; i < shape->holes; i++) {
        if (!begins_with(s, at, shape->fixed[i]))
            return 0;
        size_t quote = at + shape->fixed[i].len - 1;
        size_t end = json_string_end(s, quote);
        if (end == 0 || (shape->is_text[i] && end == quote + 2))
            return 0;
        at = end - 1;
    }
    if (!begins_with(s, at, shape->fixed[shape->holes]))
        return 0;
    return at + shape->fixed[shape->holes].len - from;
}

size_t alike_frames(struct slice frame, struct slice rest, enum alike_hole (*hole)(struct slice),
                    uint64_t *ret_frames)
{
    struct shape shape;
    size_t at = 0, n;

    *ret_frames = 0;
    /* a CR at the end might still be followed by the LF that belongs to it */
    if (rest.len < frame.len / 2 || frame.len == 0 || frame.at[frame.len - 1] != '\n' ||
        !shape_read(&shape, frame, hole))
        return 0;
    while ((n = shape_match(&shape, rest, at)) > 0) {
        at += n;
        ++*ret_frames;
    }
    return at;
}
