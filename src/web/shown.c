/* shown.c: see shown.h. */

#include "web/shown.h"

#include "web/chain.h"

#include "codec/redact.h"
#include "codec/url.h"

enum {
    LOOKED_AT = 1024, /* the most that is looked through on a worker */
    DOUBTFUL = 256,   /* what stands last in a text that was cut may be half of something */
};

static const struct slice hidden = SLICE_INIT("[REDACTED]");

static struct slice redacted(struct exchange *x, struct slice text)
{
    struct slice clean;

    return redact_text(x->chain->redactor, text, x->arena, &clean) < 0 ? hidden : clean;
}

struct slice shown_text(struct exchange *x, struct slice text)
{
    if (!x->chain->redactor || slice_is_empty(text))
        return text;
    if (text.len <= LOOKED_AT)
        return redacted(x, text);
    struct slice clean = redacted(x, slice_sub(text, 0, LOOKED_AT));
    return clean.len > DOUBTFUL ? slice_sub(clean, 0, clean.len - DOUBTFUL) : hidden;
}

/* "123e4567-e89b-12d3-a456-426614174000" (RFC 9562, section 4): what most callers send as an id. */
static bool is_uuid(struct slice s)
{
    struct record_id unused;

    return record_id_parse(s, &unused) == OK;
}

bool shown_as_is(struct exchange *x, struct slice text)
{
    return is_uuid(text) || shown_text(x, text).at == text.at;
}

/* In a route with a {name} the caller has the word, too. */
static bool is_known(const struct exchange *x)
{
    return x->route && slice_find(x->route->path, SLICE("{")) == x->route->path.len;
}

struct slice shown_path(struct exchange *x)
{
    struct slice path = x->request->path;

    if (is_known(x) || !x->chain->redactor)
        return path;
    struct slice start = slice_sub(path, 0, MIN(path.len, (size_t)4 * LOOKED_AT));
    struct slice decoded = url_decode(start, false, x->arena);
    if (decoded.at && decoded.at != start.at && !shown_as_is(x, decoded))
        return shown_text(x, decoded);
    return shown_text(x, path);
}

struct slice shown_endpoint(struct exchange *x)
{
    return x->route ? x->route->path : shown_path(x);
}
