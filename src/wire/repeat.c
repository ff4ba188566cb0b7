/* repeat.c: the bytes that stay, up to three runs with a string between them. */

#include "wire/repeat.h"

#include "codec/json.h"

void repeat_begin(struct repeat *r)
{
    r->before = 0;
    r->pieces = 0;
}

void repeat_note(struct repeat *r, const struct piece *p)
{
    r->pieces++;
    r->kind = p->kind;
    r->tool = p->tool;
    r->text = p->text;
}

static bool is_of_text(enum piece_kind kind)
{
    return kind == PIECE_TEXT || kind == PIECE_THINKING || kind == PIECE_REFUSAL ||
           kind == PIECE_TOOL_INPUT;
}

static void keep(struct repeat *r, size_t at, struct slice part)
{
    memcpy(r->fixed + at, part.at, part.len);
}

/* Where the inside of the string begins that is obfuscation's value, or 0. */
static size_t find_noise(struct slice s)
{
    static const struct slice name = SLICE_INIT("\"obfuscation\":\"");
    const char *at = memmem(s.at, s.len, name.at, name.len);

    return at ? (size_t)(at - s.at) + name.len : 0;
}

void repeat_end(struct repeat *r, struct slice frame, const struct event *e)
{
    bool alone =
        e->marks == EVENT_CONTENT && e->output_deltas == 1 && r->pieces == 1 && r->text.len > 0;

    if (!alone || !is_of_text(r->kind) || frame.len - r->text.len > REPEAT_ROOM)
        return;

    size_t text = (size_t)(r->text.at - frame.at);
    struct slice rest = slice_sub(frame, text + r->text.len, frame.len);
    r->before = text;
    keep(r, 0, slice_sub(frame, 0, text));
    r->between = find_noise(rest);
    keep(r, r->before, slice_sub(rest, 0, r->between));
    if (r->between > 0) /* the frame was parsed: the string ends */
        rest = slice_sub(rest, json_string_check(rest, r->between - 1) - 1, rest.len);
    r->behind = rest.len;
    keep(r, r->before + r->between, rest);
}

/* Passes what is the same and the string behind it, whose inside is *ret_string. */
static bool pass(struct slice *rest, struct slice same, struct slice *ret_string)
{
    if (!slice_starts(*rest, same))
        return false;
    size_t behind = json_string_check(*rest, same.len - 1);
    if (behind == 0)
        return false;
    *ret_string = slice_sub(*rest, same.len, behind - 1);
    *rest = slice_sub(*rest, behind - 1, rest->len);
    return true;
}

bool repeat_find(const struct repeat *r, struct slice frame, struct piece *ret)
{
    const struct slice fixed = slice_of(r->fixed, r->before + r->between + r->behind);
    size_t behind = r->before + r->between;
    struct slice text, noise;

    if (r->before == 0 || !pass(&frame, slice_sub(fixed, 0, r->before), &text) ||
        slice_is_empty(text))
        return false;
    if (r->between > 0 && !pass(&frame, slice_sub(fixed, r->before, behind), &noise))
        return false;
    if (!slice_eq(frame, slice_sub(fixed, behind, fixed.len)))
        return false;
    *ret = (struct piece){.kind = r->kind, .tool = r->tool, .text = text};
    return true;
}
