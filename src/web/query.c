/* query.c: see query.h. */

#include "web/query.h"

#include "base/buf.h"
#include "base/clock.h"
#include "codec/url.h"

#include <inttypes.h>

enum { NAMES_BYTES = 2048, SHOWN = 64 };

static struct slice joined(const char *const *words, struct arena *a)
{
    struct buf out;

    buf_init(&out, NAMES_BYTES);
    for (size_t i = 0; words[i]; i++)
        buf_printf(&out, "%s%s", i ? ", " : "", words[i]);
    struct slice text = arena_copy(a, buf_slice(&out));
    buf_free(&out);
    return text;
}

static struct slice names_of(const struct query_field *fields, struct arena *a)
{
    const char *names[QUERY_FIELDS + 1];
    size_t n = 0;

    while (n < QUERY_FIELDS && fields[n].name) {
        names[n] = fields[n].name;
        n++;
    }
    names[n] = NULL;
    return joined(names, a);
}

static bool refuse(struct fault *fault, enum fault_kind kind, struct slice param,
                   struct slice message)
{
    *fault = (struct fault){.kind = kind, .param = param};
    if (message.at)
        fault->message = message;
    return false;
}

static bool refuse_unknown(const struct query_field *fields, struct slice name, struct arena *a,
                           struct fault *fault)
{
    struct slice known = names_of(fields, a);

    name = slice_sub(name, 0, MIN(name.len, (size_t)SHOWN));
    return refuse(fault, FAULT_UNKNOWN_MEMBER, name,
                  arena_printf(a, "Unknown parameter: '%.*s'%s%.*s.", SLICE_FMT(name),
                               known.len ? "; allowed: " : "; none is allowed", SLICE_FMT(known)));
}

static bool is_word(const char *const *words, struct slice value)
{
    for (; *words; words++)
        if (slice_eq(value, slice_str(*words)))
            return true;
    return false;
}

static bool check(const struct query_field *f, struct slice value, struct arena *a,
                  struct fault *fault)
{
    struct slice name = slice_str(f->name);
    uint64_t number;

    if (!slice_is_utf8(value) || memchr(value.at, 0, value.len))
        return refuse(fault, FAULT_INVALID_VALUE, name,
                      arena_printf(a, "Invalid value for '%s': it is no text.", f->name));
    if (f->type == QUERY_NUMBER &&
        (slice_to_u64(value, &number) < 0 || number == 0 || number > INT64_MAX))
        return refuse(
            fault, FAULT_INVALID_VALUE, name,
            arena_printf(a, "Invalid value for '%s': it must be a whole number from 1.", f->name));
    if (f->type == QUERY_TIME && clock_parse_rfc3339(value, &number) < 0)
        return refuse(fault, FAULT_INVALID_VALUE, name,
                      arena_printf(a,
                                   "Invalid value for '%s': it must be a time like "
                                   "2030-01-31T12:00:00Z.",
                                   f->name));
    if (f->type == QUERY_WORD && !is_word(f->words, value)) {
        struct slice words = joined(f->words, a);
        return refuse(
            fault, FAULT_INVALID_VALUE, name,
            arena_printf(a, "Invalid value for '%s': allowed: %.*s.", f->name, SLICE_FMT(words)));
    }
    return true;
}

static bool read_one(const struct query_field *fields, struct slice pair, struct arena *a,
                     struct slice *ret, struct fault *fault)
{
    struct slice text = pair, name = url_decode(slice_cut(&text, '='), true, a);
    struct slice value = url_decode(text, true, a);
    size_t i = 0;

    if (!name.at || !value.at)
        return refuse(fault, FAULT_INVALID_VALUE, SLICE(""),
                      SLICE("The query is not well-formed: check its percent-encoding."));
    while (fields[i].name && !slice_eq(name, slice_str(fields[i].name)))
        i++;
    if (!fields[i].name)
        return refuse_unknown(fields, name, a, fault);
    if (ret[i].len)
        return refuse(
            fault, FAULT_DUPLICATE_MEMBER, slice_str(fields[i].name),
            arena_printf(a, "Duplicate parameter: '%s' is given more than once.", fields[i].name));
    ret[i] = value;
    return slice_is_empty(value) || check(&fields[i], value, a, fault);
}

/* False: behind the pair that is wrong. */
static bool read_on(const struct query_field *fields, struct slice *rest, struct arena *a,
                    struct slice *ret, struct fault *fault)
{
    while (rest->len) {
        struct slice pair = slice_cut(rest, '&');
        if (pair.len && !read_one(fields, pair, a, ret, fault))
            return false;
    }
    return true;
}

static bool begin(struct exchange *x, const struct query_field *fields, struct arena *a,
                  struct slice *ret, struct slice *ret_rest)
{
    for (size_t i = 0; fields[i].name; i++)
        ret[i] = SLICE("");
    *ret_rest = arena_copy(a, x->request->query);
    return ret_rest->at;
}

bool query_read(struct exchange *x, const struct query_field *fields, struct arena *a,
                struct slice *ret, struct fault *ret_fault)
{
    struct slice rest;

    if (!begin(x, fields, a, ret, &rest))
        return refuse(ret_fault, FAULT_INTERNAL, SLICE(""), SLICE(""));
    return read_on(fields, &rest, a, ret, ret_fault);
}

bool query_read_known(struct exchange *x, const struct query_field *fields, struct arena *a,
                      struct slice *ret, struct fault *ret_fault)
{
    struct slice rest;

    if (!begin(x, fields, a, ret, &rest))
        return refuse(ret_fault, FAULT_INTERNAL, SLICE(""), SLICE(""));
    while (!read_on(fields, &rest, a, ret, ret_fault))
        if (ret_fault->kind != FAULT_UNKNOWN_MEMBER)
            return false;
    return true;
}

bool query_limit(struct slice given, uint64_t most, struct arena *a, uint64_t *io_limit,
                 struct fault *ret_fault)
{
    uint64_t limit;

    if (slice_is_empty(given))
        return true;
    if (slice_to_u64(given, &limit) == OK && limit >= 1 && limit <= most) {
        *io_limit = limit;
        return true;
    }
    return refuse(ret_fault, FAULT_INVALID_VALUE, SLICE("limit"),
                  arena_printf(a,
                               "Invalid value for 'limit': it must be a whole number from 1 to "
                               "%" PRIu64 ".",
                               most));
}

struct slice query_location(struct slice base, struct slice key, struct arena *a)
{
    struct slice encoded = url_encode_path(key, a);

    if (!encoded.at)
        return encoded;
    return arena_printf(a, "%.*s%.*s", SLICE_FMT(base), SLICE_FMT(encoded));
}
