/* json_walk.c: looking into values without validating them.
 *
 * Trusts the grammar, because the scan has been there or because the bytes are passed on as they
 * are, so it only counts brackets and skips strings; it never leaves the text, whatever that is. */

#include "codec/json_text.h"

/* ---- containers: 64 bytes at a time, a bit for each ---- */

enum { MARKS = 64 };

struct marks {
    uint64_t quotes, backslashes, opens, closes;
};

#ifdef __SSE2__

static inline uint64_t marks_of(__m128i v, char c)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

static inline struct marks marks_read(const unsigned char *p)
{
    struct marks m = {0};

    for (unsigned i = 0; i < MARKS; i += JSON_BLOCK) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i low = _mm_or_si128(v, _mm_set1_epi8(0x20)); /* [ and ] become { and } */
        m.quotes |= marks_of(v, '"') << i;
        m.backslashes |= marks_of(v, '\\') << i;
        m.opens |= marks_of(low, '{') << i;
        m.closes |= marks_of(low, '}') << i;
    }
    return m;
}

#else

static struct marks marks_read(const unsigned char *p)
{
    struct marks m = {0};

    for (unsigned i = 0; i < MARKS; i++) {
        m.quotes |= (uint64_t)(p[i] == '"') << i;
        m.backslashes |= (uint64_t)(p[i] == '\\') << i;
        m.opens |= (uint64_t)((p[i] | 0x20) == '{') << i;
        m.closes |= (uint64_t)((p[i] | 0x20) == '}') << i;
    }
    return m;
}

#endif

static inline struct marks marks_at(const unsigned char *p, const unsigned char *end)
{
    unsigned char last[MARKS] = {0};

    if (LIKELY(end - p >= MARKS))
        return marks_read(p);
    memcpy(last, p, (size_t)(end - p));
    return marks_read(last);
}

/* Which bytes stand behind a backslash that is not itself escaped. *carry: whether the block's
 * first byte is one, then the next block's. */
static inline uint64_t escaped_by(uint64_t backslashes, uint64_t *carry)
{
    uint64_t escaped = *carry;

    *carry = 0;
    for (backslashes &= ~escaped; UNLIKELY(backslashes); backslashes &= backslashes - 1) {
        uint64_t next = (backslashes & -backslashes) << 1;
        *carry |= next == 0;
        escaped |= next;
        backslashes &= ~next;
    }
    return escaped;
}

/* Bits from each quote to before the one that closes it. */
static inline uint64_t between(uint64_t quotes)
{
    for (unsigned by = 1; by < MARKS; by *= 2)
        quotes ^= quotes << by;
    return quotes;
}

/* Behind the container that begins at p; NULL when it does not end. */
static const unsigned char *skip_container(const unsigned char *p, const unsigned char *end)
{
    uint64_t in_string = 0, carry = 0;
    size_t depth = 0;
    bool high = false;

    while (p < end) {
        struct marks m = marks_at(p, end);
        const unsigned char *behind = p + MIN((size_t)(end - p), (size_t)MARKS);
        if (in_string && !carry && !(m.quotes | m.backslashes)) {
            p = json_skip_clean(behind, end, &high);
            continue;
        }
        m.quotes &= ~escaped_by(m.backslashes, &carry);
        uint64_t strings = between(m.quotes) ^ in_string;
        uint64_t brackets = (m.opens | m.closes) & ~strings;
        in_string = strings >> (MARKS - 1) ? UINT64_MAX : 0;
        for (; brackets; brackets &= brackets - 1) {
            depth += m.opens & brackets & -brackets ? 1 : (size_t)-1;
            if (depth == 0)
                return p + __builtin_ctzll(brackets) + 1;
        }
        p = behind;
    }
    return NULL;
}

/* What numbers and words end at. */
static const bool ends_scalar[256] = {
    [','] = true,  ['}'] = true,  [']'] = true,  [' '] = true,
    ['\n'] = true, ['\r'] = true, ['\t'] = true,
};

const unsigned char *json_skip_value(const unsigned char *p, const unsigned char *end)
{
    if (*p == '"')
        return json_skip_string(p, end);
    if (*p == '{' || *p == '[')
        return skip_container(p, end);
    while (p < end && !ends_scalar[*p])
        p++;
    return p;
}

/* From behind a value or an opening bracket to the next name or value; NULL at the closing bracket.
 */
static const unsigned char *next_start(const unsigned char *p, const unsigned char *end)
{
    p = json_skip_comma(p, end);
    return p == end || *p == '}' || *p == ']' ? NULL : p;
}

struct member {
    struct slice name, value;
    bool plain; /* the name */
};

/* The member that begins at p; returns behind its value, or NULL when it is none. */
static const unsigned char *skip_member(const unsigned char *p, const unsigned char *end,
                                        struct member *ret)
{
    const unsigned char *name = p, *value;

    if (p == end || *p != '"')
        return NULL;
    p = json_skip_name(p, end, &ret->plain);
    ret->name = json_between(name, p);
    p = json_skip_space(p, end);
    if (p == end || *p != ':')
        return NULL;
    value = json_skip_space(p + 1, end);
    p = value < end ? json_skip_value(value, end) : value;
    if (!p || p == value)
        return NULL;
    ret->value = json_between(value, p);
    return p;
}

/* False: it is wanted and stands there already. */
static bool note_member(const struct json_wanted *w, const struct member *m, struct json_value *ret)
{
    int i = json_wanted_find(w, m->name, m->plain);

    if (i < 0)
        return true;
    if (ret[i].type != JSON_NONE)
        return false;
    ret[i] = (struct json_value){
        .type = json_type_of((unsigned char)m->value.at[0]),
        .text = m->value,
    };
    return true;
}

bool json_members(struct slice object, const struct json_member *wanted, size_t n,
                  struct json_value *ret)
{
    struct json_wanted w = json_wanted_of(wanted, n);
    struct member m;

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct json_value){0};
    if (object.len == 0 || object.at[0] != '{')
        return true;
    const unsigned char *p = (const unsigned char *)object.at, *end = p + object.len;
    for (p = next_start(p + 1, end); p; p = next_start(p, end)) {
        p = skip_member(p, end, &m);
        if (!p)
            return true;
        if (!note_member(&w, &m, ret))
            return false;
    }
    return true;
}

/* From behind the bracket of the top object to behind its end, or NULL. */
static const unsigned char *outline_members(const unsigned char *p, const unsigned char *end,
                                            const struct json_wanted *w, struct json_value *ret)
{
    struct member m;

    p = json_skip_space(p, end);
    if (p < end && *p == '}')
        return p + 1;
    for (;; p++) {
        p = skip_member(json_skip_space(p, end), end, &m);
        if (!p || !note_member(w, &m, ret))
            return NULL;
        p = json_skip_space(p, end);
        if (p < end && *p == '}')
            return p + 1;
        if (p == end || *p != ',')
            return NULL;
    }
}

bool json_outline(struct slice text, const struct json_member *wanted, size_t n,
                  struct json_value *ret)
{
    struct json_wanted w = json_wanted_of(wanted, n);

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct json_value){0};
    if (text.len == 0)
        return false;
    const unsigned char *p = (const unsigned char *)text.at, *end = p + text.len;
    p = json_skip_space(p, end);
    if (p == end || *p != '{')
        return false;
    p = outline_members(p + 1, end, &w, ret);
    return p && json_skip_space(p, end) == end;
}

bool json_next(struct slice array, size_t *at, struct json_value *ret)
{
    if (array.len == 0 || array.at[0] != '[')
        return false;
    const unsigned char *start = (const unsigned char *)array.at, *end = start + array.len;
    const unsigned char *value = next_start(start + (*at ? *at : 1), end);
    if (!value)
        return false;
    const unsigned char *behind = json_skip_value(value, end);
    if (!behind)
        return false;
    *ret = (struct json_value){.type = json_type_of(*value), .text = json_between(value, behind)};
    *at = (size_t)(behind - start);
    return true;
}

bool json_u64(struct json_value v, uint64_t *ret)
{
    return v.type == JSON_NUMBER && slice_to_u64(v.text, ret) == OK;
}

bool json_bool(struct json_value v, bool *ret)
{
    if (v.type != JSON_BOOL)
        return false;
    *ret = v.text.at[0] == 't';
    return true;
}
