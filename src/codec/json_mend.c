/* json_mend.c: see json_mend.h. Follows brackets and strings; the grammar between them is the
 * business of whoever validates the result. */

#include "codec/json_mend.h"

#include "codec/json.h"

#include <errno.h>

struct mending {
    struct slice text;
    char open[JSON_DEPTH_MAX]; /* the brackets that are open */
    size_t depth;
    size_t from;    /* where the token that stands last begins */
    bool in_string; /* the text ends within a string */
    bool is_name;   /* the last string is a member's name */
};

/* Whether what comes next in the object that is open is a name. */
static bool name_is_due(const struct mending *m, size_t at)
{
    if (m->depth == 0 || m->open[m->depth - 1] != '{')
        return false;
    while (at > 0 && strchr(" \t\r\n", m->text.at[at - 1]))
        at--;
    return at > 0 && (m->text.at[at - 1] == '{' || m->text.at[at - 1] == ',');
}

/* Behind the escape that begins at `at`; beyond the text: it is not whole. */
static size_t escape_end(struct slice text, size_t at)
{
    if (at + 1 >= text.len)
        return text.len + 1;
    return at + (text.at[at + 1] == 'u' ? 6 : 2);
}

/* A string that begins at `at`; returns where to go on. */
static size_t pass_string(struct mending *m, size_t at)
{
    m->is_name = name_is_due(m, at);
    m->from = at;
    for (size_t i = at + 1; i < m->text.len;) {
        if (m->text.at[i] == '"')
            return i + 1;
        size_t next = m->text.at[i] == '\\' ? escape_end(m->text, i) : i + 1;
        if (next > m->text.len) {
            m->text.len = i;
            break;
        }
        i = next;
    }
    m->in_string = true;
    return m->text.len;
}

static int pass_all(struct mending *m)
{
    for (size_t i = 0; i < m->text.len;) {
        char c = m->text.at[i];
        if (c == '"') {
            i = pass_string(m, i);
            continue;
        }
        if (c == '{' || c == '[') {
            if (m->depth == JSON_DEPTH_MAX)
                return -EINVAL;
            m->open[m->depth++] = c;
        } else if ((c == '}' || c == ']') && m->depth > 0) {
            m->depth--;
        }
        i++;
    }
    return OK;
}

/* Drops from the end what cannot stand there: half a character of a string, half a word or number,
 * a comma, a name without its value. */
static void drop_half(struct mending *m)
{
    static const char half[] = "0123456789+-.eEtrufalsn";
    struct slice *t = &m->text;

    if (m->in_string) {
        while (t->len > m->from + 1 && !slice_is_utf8(slice_sub(*t, m->from, t->len)))
            t->len--;
        return;
    }
    while (t->len > 0 && strchr(half, t->at[t->len - 1]))
        t->len--;
    while (t->len > 0 && strchr(" \t\r\n", t->at[t->len - 1]))
        t->len--;
}

/* What must stand between the text and the closing brackets. */
static struct slice filling(const struct mending *m)
{
    char last = m->text.len ? m->text.at[m->text.len - 1] : 0;

    if (m->in_string)
        return m->is_name ? SLICE("\":null") : SLICE("\"");
    if (last == ':' || last == 0)
        return SLICE("null");
    if (last == '"' && m->is_name)
        return SLICE(":null");
    return SLICE("");
}

int json_mend(struct slice text, struct arena *a, struct slice *ret)
{
    struct mending m = {.text = text};
    struct json_error unused;

    *ret = text;
    if (json_is_valid(text, &unused))
        return OK;
    int rc = pass_all(&m);
    if (rc < 0)
        return rc;
    drop_half(&m);
    if (!m.in_string && m.text.len && m.text.at[m.text.len - 1] == ',')
        m.text.len--;
    struct slice fill = filling(&m);
    char *at = arena_alloc(a, m.text.len + fill.len + m.depth);
    if (!at)
        return -ENOMEM;
    if (m.text.len)
        memcpy(at, m.text.at, m.text.len);
    memcpy(at + m.text.len, fill.at, fill.len);
    size_t n = m.text.len + fill.len;
    while (m.depth > 0)
        at[n++] = m.open[--m.depth] == '{' ? '}' : ']';
    *ret = slice_of(at, n);
    return OK;
}
