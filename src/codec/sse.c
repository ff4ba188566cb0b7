/* sse.c: cuts a byte stream into frames.
 *
 * Two steps. sse_scan walks forward over bytes that it sees once, and finds where a frame ends;
 * what it must remember between two pieces of input is only how the last byte left the line.
 * sse_parse then reads the fields of a whole frame. A frame that lies in one input is parsed where
 * it is; only one that is split is collected in `held`. */

#include "codec/sse.h"

#include <errno.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const unsigned char bom[3] = {0xEF, 0xBB, 0xBF};
enum { BOM_LOOKED_FOR = sizeof(bom) + 1 };

void sse_init(struct sse *s, size_t max)
{
    *s = (struct sse){.first = true};
    buf_init(&s->held, max);
    buf_init(&s->joined, max);
}

void sse_free(struct sse *s)
{
    buf_free(&s->held);
    buf_free(&s->joined);
}

/* Where the first CR or LF stands in s from `from` on, or s.len. */
static size_t find_line_end(struct slice s, size_t from)
{
    size_t i = from;

#ifdef __SSE2__
    for (; s.len - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.at + i));
        __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
        unsigned mask = (unsigned)_mm_movemask_epi8(ends);
        if (mask)
            return i + (size_t)__builtin_ctz(mask);
    }
#endif
    while (i < s.len && s.at[i] != '\n' && s.at[i] != '\r')
        i++;
    return i;
}

/* ---- scanning ---- */

/* At the start of the stream: passes the bytes of a BOM, which leave the first line empty. */
static size_t scan_bom(struct sse *s, struct slice bytes)
{
    size_t i = 0;

    while (i < bytes.len && s->bom < sizeof(bom)) {
        if ((unsigned char)bytes.at[i] != bom[s->bom]) {
            s->line_begun = s->bom > 0; /* the beginning of one is text */
            s->bom = BOM_LOOKED_FOR;
            return i;
        }
        s->bom++;
        i++;
    }
    if (s->bom == sizeof(bom))
        s->bom = BOM_LOOKED_FOR;
    return i;
}

/* Behind the blank line that ends the frame, or 0 when it is not in bytes. A CR that ends the blank
 * line ends the frame at once; the LF of a CRLF still belongs to it when it is there, and else to
 * the next frame's bytes. */
static size_t sse_scan(struct sse *s, struct slice bytes)
{
    size_t i = s->bom < sizeof(bom) ? scan_bom(s, bytes) : 0;

    while (i < bytes.len) {
        if (s->after_cr && bytes.at[i] == '\n')
            i++;
        s->after_cr = false;
        size_t end = find_line_end(bytes, i);
        s->line_begun |= end > i;
        if (end == bytes.len)
            break;
        bool blank = !s->line_begun;
        s->line_begun = false;
        s->after_cr = bytes.at[end] == '\r';
        i = end + 1;
        if (!blank)
            continue;
        if (s->after_cr && i < bytes.len) {
            i += bytes.at[i] == '\n';
            s->after_cr = false;
        }
        return i;
    }
    return 0;
}

/* ---- parsing ---- */

static struct slice cut_line(struct slice *rest)
{
    size_t end = find_line_end(*rest, 0), behind = end;
    struct slice line = slice_sub(*rest, 0, end);

    if (behind < rest->len && rest->at[behind++] == '\r' && behind < rest->len)
        behind += rest->at[behind] == '\n';
    *rest = slice_sub(*rest, behind, rest->len);
    return line;
}

/* The second and later data lines: joined by LF in a buffer of our own. */
static int add_data(struct sse *s, struct sse_frame *f, struct slice value)
{
    if (s->joined.len == 0)
        buf_add(&s->joined, f->data);
    buf_add_char(&s->joined, '\n');
    buf_add(&s->joined, value);
    f->data = buf_slice(&s->joined);
    return s->joined.rc;
}

static int add_field(struct sse *s, struct sse_frame *f, struct slice line)
{
    struct slice name = slice_cut(&line, ':'), value = line;

    if (slice_starts(value, SLICE(" ")))
        value = slice_sub(value, 1, value.len);
    if (slice_eq(name, SLICE("event")))
        f->name = value;
    if (!slice_eq(name, SLICE("data")))
        return OK;
    if (f->has_data)
        return add_data(s, f, value);
    f->has_data = true;
    f->data = value;
    return OK;
}

/* raw is one frame, or the beginning of one at the end of the stream. */
static int sse_parse(struct sse *s, struct slice raw, struct sse_frame *f)
{
    struct slice rest = raw;

    *f = (struct sse_frame){.raw = raw};
    if (s->first && slice_starts(rest, slice_of((const char *)bom, sizeof(bom))))
        rest = slice_sub(rest, sizeof(bom), rest.len);
    s->first = false;
    if (s->joined.cap)
        buf_free(&s->joined);
    while (rest.len) {
        int rc = add_field(s, f, cut_line(&rest)); /* blank lines and comments name no field */
        if (rc < 0)
            return rc;
    }
    return 1;
}

/* ---- the two calls ---- */

static void drop_held(struct sse *s)
{
    s->held_done = false;
    buf_free(&s->held); /* few frames are split, and most of a stream's time is spent waiting */
}

int sse_next(struct sse *s, struct slice *input, struct sse_frame *ret)
{
    struct slice all = *input;

    if (s->held_done)
        drop_held(s);
    if (s->held.rc < 0)
        return s->held.rc;

    size_t end = sse_scan(s, all);
    struct slice part = slice_sub(all, 0, end ? end : all.len);
    *input = slice_sub(all, part.len, all.len);
    if (end && s->held.len == 0 && end <= s->held.max)
        return sse_parse(s, part, ret);
    int rc = buf_add(&s->held, part);
    if (rc < 0 || !end)
        return rc;
    s->held_done = true;
    return sse_parse(s, buf_slice(&s->held), ret);
}

int sse_end(struct sse *s, struct sse_frame *ret)
{
    if (s->held_done)
        drop_held(s);
    int rc = sse_parse(s, buf_slice(&s->held), ret);
    return rc < 0 ? rc : ret->has_data;
}
