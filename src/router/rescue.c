/* rescue.c: see rescue.h. */

#include "router/rescue.h"

#include <stdlib.h>

void rescue_init(struct rescue *r)
{
    *r = (struct rescue){.able = true};
    buf_init(&r->sent, RESCUE_MAX);
    buf_init(&r->rest, 2 * RESCUE_MAX);
}

void rescue_free(struct rescue *r)
{
    buf_free(&r->sent);
    buf_free(&r->rest);
}

void rescue_begin(struct rescue *r)
{
    r->verifying = true;
    r->matched = 0;
}

bool rescue_is_behind(const struct rescue *r)
{
    return r->verifying && r->matched < r->sent.len;
}

/* There is no rescue any more: what was kept for it goes. */
static void rescue_forget(struct rescue *r)
{
    r->able = false;
    r->matched = 0;
    buf_free(&r->sent);
}

/* Text that goes out is kept; without memory for it there is no rescue. */
static enum rescue_step rescue_remember(struct rescue *r, struct slice text)
{
    if (r->able && buf_add(&r->sent, text) < 0)
        rescue_forget(r);
    r->matched = r->sent.len;
    return RESCUE_PASS;
}

static enum rescue_step rescue_split(struct rescue *r, struct slice more)
{
    buf_reset(&r->rest);
    buf_add_char(&r->rest, '"');
    buf_add_json(&r->rest, more);
    if (buf_add_char(&r->rest, '"') < 0)
        return RESCUE_MISMATCH;
    rescue_remember(r, more);
    return RESCUE_SPLIT;
}

static enum rescue_step rescue_compare(struct rescue *r, struct slice text)
{
    struct slice left = slice_sub(buf_slice(&r->sent), r->matched, r->sent.len);
    size_t both = MIN(left.len, text.len);

    if (!slice_eq(slice_sub(left, 0, both), slice_sub(text, 0, both)))
        return RESCUE_MISMATCH;
    if (both < text.len)
        return rescue_split(r, slice_sub(text, both, text.len));
    r->matched += both;
    return RESCUE_SKIP;
}

static enum rescue_step rescue_take_text(struct rescue *r, struct slice text)
{
    return rescue_is_behind(r) ? rescue_compare(r, text) : rescue_remember(r, text);
}

/* A piece that cannot be compared with another. */
static enum rescue_step rescue_take_other(struct rescue *r)
{
    if (rescue_is_behind(r)) {
        r->able = false;
        return RESCUE_MISMATCH;
    }
    rescue_forget(r);
    return RESCUE_PASS;
}

/* The escape at s.at[at] is "\\u" and one of the hex digits at its second place: D8…DB begin a
 * surrogate pair, DC…DF end it. */
static bool is_half(struct slice s, size_t at, const char *digits)
{
    return s.len - at >= 6 && s.at[at] == '\\' && s.at[at + 1] == 'u' &&
           (s.at[at + 2] == 'd' || s.at[at + 2] == 'D') && strchr(digits, s.at[at + 3]);
}

/* Of a validated JSON string. */
static bool has_lone_half(struct slice s)
{
    static const char high[] = "89abAB", low[] = "cdefCDEF";

    for (size_t at = 0; at < s.len; at++) {
        if (s.at[at] != '\\')
            continue;
        bool begins = is_half(s, at, high);
        if (is_half(s, at, low) || (begins && !is_half(s, at + 6, low)))
            return true;
        at += begins ? 11 : 1;
    }
    return false;
}

enum rescue_step rescue_take(struct rescue *r, struct slice text)
{
    struct json_value value = {.type = JSON_STRING, .text = text};
    struct slice plain;

    if (slice_is_empty(text))
        return rescue_take_other(r);
    if (json_plain(value, &plain))
        return rescue_take_text(r, plain);
    char *decoded = has_lone_half(text) ? NULL : malloc(text.len);
    if (!decoded)
        return rescue_take_other(r);
    enum rescue_step step = rescue_take_text(r, slice_of(decoded, json_decode(value, decoded)));
    free(decoded);
    return step;
}
