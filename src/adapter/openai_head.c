/* openai_head.c: where a vendor's endpoints are, and how it wants its key. */

#include "adapter/openai_answers.h"

#include "adapter/openai.h"

#include <errno.h>

static const struct slice paths[CALL_KIND_MAX] = {
    [CALL_CHAT] = SLICE_INIT("/chat/completions"),
    [CALL_MESSAGES] = SLICE_INIT("/chat/completions"), /* translated */
    [CALL_COMPLETIONS] = SLICE_INIT("/completions"),
    [CALL_EMBEDDINGS] = SLICE_INIT("/embeddings"),
    [CALL_RESPONSES] = SLICE_INIT("/responses"),
};

/* RFC 3986 section 2.3 */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

/* prefix, the name as one segment of a path, suffix; .at is NULL when out of memory. */
static struct slice path_of(struct arena *a, struct slice prefix, struct slice name,
                            struct slice suffix)
{
    static const char hex[] = "0123456789ABCDEF";
    char *at = arena_alloc(a, prefix.len + 3 * name.len + suffix.len), *end = at;

    if (!at)
        return (struct slice){0};
    memcpy(end, prefix.at, prefix.len);
    end += prefix.len;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.at[i];
        if (is_unreserved(name.at[i])) {
            *end++ = name.at[i];
        } else {
            *end++ = '%';
            *end++ = hex[c >> 4];
            *end++ = hex[c & 15];
        }
    }
    memcpy(end, suffix.at, suffix.len);
    end += suffix.len;
    return slice_of(at, (size_t)(end - at));
}

int openai_head(const struct target *t, const struct call *c, struct arena *a,
                struct http_message *ret)
{
    const struct openai_rules *row = t->adapter->row;
    struct encoding_place place = {
        .path = paths[c->kind],
        .query = slice_str(row->query),
        .key_name = SLICE("authorization"),
        .key_prefix = SLICE("Bearer "),
    };

    if (row->key == OPENAI_KEY_HEADER) {
        place.key_name = SLICE("api-key");
        place.key_prefix = (struct slice){0};
    }
    if (row->deployments) {
        place.path = path_of(a, slice_str(row->deployments), t->upstream_model, place.path);
        if (!place.path.at)
            return -ENOMEM;
    }
    return encoding_head(t, c, a, &place, ret);
}
