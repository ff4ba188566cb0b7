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

/* Text that goes out is remembered; without memory for it there is no rescue. */
static enum rescue_step rescue_remember(struct rescue *r, struct slice text)
{
    if (r->able && buf_add(&r->sent, text) < 0)
        r->able = false;
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
    r->matched += both;
    if (both == text.len)
        return RESCUE_SKIP;
    return rescue_split(r, slice_sub(text, both, text.len));
}

enum rescue_step rescue_take(struct rescue *r, struct slice text)
{
    if (slice_is_empty(text)) {
        if (rescue_is_behind(r))
            return RESCUE_MISMATCH;
        r->able = false;
        return RESCUE_PASS;
    }

    struct json_value value = {.type = JSON_STRING, .text = text};
    char *decoded = malloc(text.len);
    if (!decoded) {
        r->able = false;
        return rescue_is_behind(r) ? RESCUE_MISMATCH : RESCUE_PASS;
    }
    struct slice plain = slice_of(decoded, json_decode(value, decoded));
    enum rescue_step step =
        rescue_is_behind(r) ? rescue_compare(r, plain) : rescue_remember(r, plain);
    free(decoded);
    return step;
}
