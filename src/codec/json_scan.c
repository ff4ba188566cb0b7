/* json_scan.c: one pass that validates everything and notes the members that are wanted.
 *
 * No recursion: whether each open container is an object is one bit of a stack of JSON_DEPTH_MAX.
 * The functions take a position and return the next, or NULL after scan_fail. */

#include "codec/json_text.h"

#include "base/utf8.h"

/* Of a value within a member of the top object. */
enum { INNER_DEPTH = 2 };

struct scan {
    const unsigned char *start, *end;
    uint64_t objects[JSON_DEPTH_MAX / 64]; /* bit per open container */
    unsigned depth;                        /* open containers */
    unsigned inner;                        /* 1 << type of each value in a member of the object */
    enum json_fault fault;
    const unsigned char *fault_at;
};

static const unsigned char *scan_fail(struct scan *s, enum json_fault fault,
                                      const unsigned char *at)
{
    s->fault = fault;
    s->fault_at = at;
    return NULL;
}

static bool scan_in_object(const struct scan *s)
{
    unsigned top = s->depth - 1;

    return s->objects[top / 64] >> (top % 64) & 1;
}

/* The caller has checked the depth. */
static void scan_push(struct scan *s, bool object)
{
    unsigned top = s->depth++;
    uint64_t bit = 1ull << (top % 64);

    s->objects[top / 64] = object ? s->objects[top / 64] | bit : s->objects[top / 64] & ~bit;
}

/* ---- strings ---- */

enum { SIMPLE = 1, HEX = 2 }; /* what may stand behind a backslash, and behind \u */

static const unsigned char escapes[256] = {
    ['"'] = SIMPLE, ['\\'] = SIMPLE, ['/'] = SIMPLE, ['b'] = SIMPLE | HEX, ['f'] = SIMPLE | HEX,
    ['n'] = SIMPLE, ['r'] = SIMPLE,  ['t'] = SIMPLE, ['a'] = HEX,          ['c'] = HEX,
    ['d'] = HEX,    ['e'] = HEX,     ['A'] = HEX,    ['B'] = HEX,          ['C'] = HEX,
    ['D'] = HEX,    ['E'] = HEX,     ['F'] = HEX,    ['0'] = HEX,          ['1'] = HEX,
    ['2'] = HEX,    ['3'] = HEX,     ['4'] = HEX,    ['5'] = HEX,          ['6'] = HEX,
    ['7'] = HEX,    ['8'] = HEX,     ['9'] = HEX,
};

/* p stands at the backslash. */
static const unsigned char *scan_escape(struct scan *s, const unsigned char *p)
{
    if (++p == s->end)
        return scan_fail(s, JSON_SYNTAX, p);
    if (LIKELY(escapes[*p] & SIMPLE))
        return p + 1;
    if (*p++ != 'u')
        return scan_fail(s, JSON_SYNTAX, p - 1);
    if (LIKELY(s->end - p >= 4) &&
        (escapes[p[0]] & escapes[p[1]] & escapes[p[2]] & escapes[p[3]] & HEX))
        return p + 4;
    while (p < s->end && escapes[*p] & HEX)
        p++;
    return scan_fail(s, JSON_SYNTAX, p);
}

static bool scan_utf8(struct scan *s, const unsigned char *from, const unsigned char *to)
{
    size_t n = (size_t)(to - from), bad = utf8_first_bad(slice_of((const char *)from, n));

    if (bad < n)
        scan_fail(s, JSON_UTF8, from + bad);
    return bad == n;
}

/* What ends plain text in the block of n bytes at p: returns the closing quote, or where the string
 * goes on. */
static const unsigned char *scan_block(struct scan *s, const unsigned char *p, size_t n,
                                       unsigned ends, bool *ret_closed)
{
    while (ends) {
        const unsigned char *end = p + __builtin_ctz(ends), *behind;
        *ret_closed = *end == '"';
        if (*ret_closed)
            return end;
        behind = LIKELY(*end == '\\') ? scan_escape(s, end) : scan_fail(s, JSON_SYNTAX, end);
        if (!behind || behind >= p + n)
            return behind;
        ends &= ~0u << (behind - p);
    }
    return p + n;
}

/* From behind the opening quote to the closing one. */
static const unsigned char *scan_text(struct scan *s, const unsigned char *p, bool *high)
{
    unsigned clean = 0;
    bool closed = false;

    while (p < s->end) {
        size_t n = MIN((size_t)(s->end - p), (size_t)JSON_BLOCK);
        unsigned ends = json_block_ends(p, n, high);
        if (ends) {
            p = scan_block(s, p, n, ends, &closed);
            clean = 0;
            if (!p || closed)
                return p;
            continue;
        }
        p += n;
        if (++clean == JSON_CLEAN)
            p = json_skip_clean(p, s->end, high);
    }
    return scan_fail(s, JSON_SYNTAX, p);
}

/* p stands at the opening quote; returns behind the closing one. UTF-8 is looked at last, for the
 * whole string at once: no byte of a sequence looks like a quote, a backslash or a control. */
static const unsigned char *scan_long_string(struct scan *s, const unsigned char *p)
{
    bool high = false;
    const unsigned char *quote = scan_text(s, p + 1, &high);

    /* the first fault counts */
    if (high && !scan_utf8(s, p + 1, quote ? quote : s->fault_at))
        return NULL;
    return quote ? quote + 1 : NULL;
}

/* Most strings are names and words: one block tells. */
static inline const unsigned char *scan_string(struct scan *s, const unsigned char *p)
{
    bool high = false;

    if (LIKELY(s->end - p > JSON_BLOCK)) {
        unsigned ends = json_block_ends(p + 1, JSON_BLOCK, &high);
        const unsigned char *first = p + 1 + (ends ? __builtin_ctz(ends) : 0);
        if (LIKELY(ends && *first == '"' && !high))
            return first + 1;
    }
    return scan_long_string(s, p);
}

/* ---- the other scalars ---- */

static const unsigned char *skip_digits(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static const unsigned char *scan_digits(struct scan *s, const unsigned char *p)
{
    const unsigned char *behind = skip_digits(p, s->end);

    return behind == p ? scan_fail(s, JSON_SYNTAX, p) : behind;
}

static const unsigned char *scan_number(struct scan *s, const unsigned char *p)
{
    p += *p == '-';
    p = p < s->end && *p == '0' ? p + 1 : scan_digits(s, p);
    if (p && p < s->end && *p == '.')
        p = scan_digits(s, p + 1);
    if (p && p < s->end && (*p | 0x20) == 'e') {
        p++;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        p = scan_digits(s, p);
    }
    return p;
}

static const unsigned char *scan_word(struct scan *s, const unsigned char *p, struct slice word)
{
    for (size_t i = 0; i < word.len; i++, p++)
        if (p == s->end || *p != (unsigned char)word.at[i])
            return scan_fail(s, JSON_SYNTAX, p);
    return p;
}

static const unsigned char *scan_scalar(struct scan *s, const unsigned char *p)
{
    switch (*p) {
    case '"':
        return scan_string(s, p);
    case 't':
        return scan_word(s, p, SLICE("true"));
    case 'f':
        return scan_word(s, p, SLICE("false"));
    case 'n':
        return scan_word(s, p, SLICE("null"));
    default:
        return *p == '-' || (*p >= '0' && *p <= '9') ? scan_number(s, p)
                                                     : scan_fail(s, JSON_SYNTAX, p);
    }
}

/* ---- structure ---- */

static const unsigned char *scan_quoted(struct scan *s, const unsigned char *p)
{
    return p < s->end && *p == '"' ? scan_string(s, p) : scan_fail(s, JSON_SYNTAX, p);
}

static const unsigned char *scan_colon(struct scan *s, const unsigned char *p)
{
    p = json_skip_space(p, s->end);
    return p < s->end && *p == ':' ? p + 1 : scan_fail(s, JSON_SYNTAX, p);
}

/* A name and the colon behind it. */
static const unsigned char *scan_name(struct scan *s, const unsigned char *p)
{
    p = scan_quoted(s, json_skip_space(p, s->end));
    return p ? scan_colon(s, p) : NULL;
}

/* A scalar or an empty container is taken whole (*ret_open = false); of another container only the
 * bracket, and for an object the first name. */
static const unsigned char *scan_begin(struct scan *s, const unsigned char *p, bool *ret_open)
{
    p = json_skip_space(p, s->end);
    *ret_open = false;
    if (p == s->end)
        return scan_fail(s, JSON_SYNTAX, p);
    if (s->depth == INNER_DEPTH)
        s->inner |= 1u << json_type_of(*p);
    bool object = *p == '{';
    if (!object && *p != '[')
        return scan_scalar(s, p);
    if (s->depth == JSON_DEPTH_MAX)
        return scan_fail(s, JSON_DEPTH, p);
    p = json_skip_space(p + 1, s->end);
    if (p < s->end && *p == (object ? '}' : ']'))
        return p + 1;
    scan_push(s, object);
    *ret_open = true;
    return object ? scan_name(s, p) : p;
}

/* Behind a value: closes containers until a comma says that a value follows in the innermost, or
 * until only `floor` are open. */
static const unsigned char *scan_finish(struct scan *s, const unsigned char *p, unsigned floor)
{
    while (s->depth > floor) {
        bool object = scan_in_object(s);
        p = json_skip_space(p, s->end);
        if (p < s->end && *p == ',')
            return object ? scan_name(s, p + 1) : p + 1;
        if (p == s->end || *p != (object ? '}' : ']'))
            return scan_fail(s, JSON_SYNTAX, p);
        s->depth--;
        p++;
    }
    return p;
}

/* One value, however deep. */
static const unsigned char *scan_value(struct scan *s, const unsigned char *p)
{
    unsigned floor = s->depth;
    bool open;

    do {
        p = scan_begin(s, p, &open);
        if (p && !open)
            p = scan_finish(s, p, floor);
    } while (p && s->depth > floor);
    return p;
}

/* ---- the whole text ---- */

static struct scan scan_of(struct slice text)
{
    const unsigned char *start = (const unsigned char *)text.at;

    return (struct scan){.start = start, .end = start + text.len};
}

static bool scan_report(const struct scan *s, int member, struct json_error *ret)
{
    size_t at = s->fault == JSON_OK ? 0 : (size_t)(s->fault_at - s->start);

    *ret = (struct json_error){s->fault, at, member};
    return s->fault == JSON_OK;
}

/* p is behind the value, or NULL: nothing but space may follow. */
static void scan_trailing(struct scan *s, const unsigned char *p)
{
    if (!p)
        return;
    p = json_skip_space(p, s->end);
    if (p < s->end)
        scan_fail(s, JSON_TRAILING, p);
}

bool json_is_valid(struct slice text, struct json_error *ret_error)
{
    if (text.len == 0) {
        *ret_error = (struct json_error){JSON_EMPTY, 0, -1};
        return false;
    }
    struct scan s = scan_of(text);
    const unsigned char *p = json_skip_space(s.start, s.end);
    if (p == s.end)
        scan_fail(&s, JSON_EMPTY, p);
    else
        scan_trailing(&s, scan_value(&s, p));
    return scan_report(&s, -1, ret_error);
}

size_t json_string_check(struct slice text, size_t at)
{
    struct scan s = scan_of(text);
    const unsigned char *behind = scan_string(&s, s.start + at);

    return behind ? (size_t)(behind - s.start) : 0;
}

static bool scan_not_object(struct slice text, size_t at, struct json_error *ret_error)
{
    if (json_is_valid(text, ret_error))
        *ret_error = (struct json_error){JSON_TYPE, at, -1};
    return false;
}

/* Notes the value of a wanted member; false when it is there already. */
static bool note_member(const struct json_wanted *w, struct slice name,
                        const struct json_value *value, struct json_value *ret, int *ret_member)
{
    bool plain = !memchr(name.at, '\\', name.len);
    int i = json_wanted_find(w, name, plain);

    *ret_member = i;
    if (i < 0)
        return true;
    if (ret[i].type != JSON_NONE)
        return false;
    ret[i] = *value;
    return true;
}

static struct slice span(const unsigned char *from, const unsigned char *to)
{
    return slice_of((const char *)from, (size_t)(to - from));
}

/* The members of the top object, whose bracket p is behind and which is not empty; returns behind
 * its end. */
static const unsigned char *scan_members(struct scan *s, const unsigned char *p,
                                         const struct json_wanted *w, struct json_value *ret,
                                         int *ret_member)
{
    for (;; p++) {
        const unsigned char *name = json_skip_space(p, s->end), *name_end, *value;
        name_end = scan_quoted(s, name);
        p = name_end ? scan_colon(s, name_end) : NULL;
        if (!p)
            return NULL;
        value = json_skip_space(p, s->end);
        s->inner = 0;
        p = scan_value(s, value);
        if (!p)
            return NULL;
        const struct json_value v = {json_type_of(*value), s->inner, span(value, p)};
        if (!note_member(w, span(name, name_end), &v, ret, ret_member))
            return scan_fail(s, JSON_DUPLICATE, name);
        p = json_skip_space(p, s->end);
        if (p < s->end && *p == '}')
            return p + 1;
        if (p == s->end || *p != ',')
            return scan_fail(s, JSON_SYNTAX, p);
    }
}

bool json_scan(struct slice text, const struct json_member *wanted, size_t n,
               struct json_value *ret, struct json_error *ret_error)
{
    struct json_wanted w = json_wanted_of(wanted, n);
    int member = -1;

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct json_value){0};
    if (text.len == 0)
        return json_is_valid(text, ret_error);

    struct scan s = scan_of(text);
    const unsigned char *p = json_skip_space(s.start, s.end);
    if (p == s.end || *p != '{')
        return scan_not_object(text, (size_t)(p - s.start), ret_error);
    scan_push(&s, true);
    p = json_skip_space(p + 1, s.end);
    if (p < s.end && *p == '}')
        p++;
    else
        p = scan_members(&s, p, &w, ret, &member);
    scan_trailing(&s, p);
    return scan_report(&s, s.fault == JSON_DUPLICATE ? member : -1, ret_error);
}
