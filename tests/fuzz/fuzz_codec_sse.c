/* fuzz_codec_sse.c: however a stream is split, the same events come out and no byte is lost.
 *
 * The events are also compared with those of a plain reading of the standard's text. The first byte
 * of the input chooses how it is split. */

#include "codec/sse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { MAX_BYTES = 1 << 20 };

static void must(bool true_always)
{
    if (!true_always)
        abort();
}

/* ---- the standard, line by line ---- */

struct event {
    struct buf name, data;
    bool has_data;
};

/* Events are written down as "name|data;" with each byte of both prefixed, so that nothing in them
 * can look like the marks. */
static void note(struct buf *notes, struct slice name, struct slice data)
{
    for (size_t i = 0; i < name.len; i++) {
        buf_add_char(notes, '.');
        buf_add_char(notes, name.at[i]);
    }
    buf_add_char(notes, '|');
    for (size_t i = 0; i < data.len; i++) {
        buf_add_char(notes, '.');
        buf_add_char(notes, data.at[i]);
    }
    buf_add_char(notes, ';');
}

static void end_event(struct event *e, struct buf *notes)
{
    if (e->has_data)
        note(notes, buf_slice(&e->name), buf_slice(&e->data));
    buf_reset(&e->name);
    buf_reset(&e->data);
    e->has_data = false;
}

static void take_line(struct event *e, struct slice line, struct buf *notes)
{
    if (line.len == 0) {
        end_event(e, notes);
        return;
    }
    struct slice value = line, field = slice_cut(&value, ':');
    if (value.len && value.at[0] == ' ')
        value = slice_sub(value, 1, value.len);
    if (slice_eq(field, SLICE("event"))) {
        buf_reset(&e->name);
        buf_add(&e->name, value);
    } else if (slice_eq(field, SLICE("data"))) {
        if (e->has_data)
            buf_add_char(&e->data, '\n');
        buf_add(&e->data, value);
        e->has_data = true;
    }
}

static void read_as_standard(struct slice s, struct buf *notes)
{
    struct event e = {.has_data = false};
    struct buf line;

    buf_init(&e.name, MAX_BYTES);
    buf_init(&e.data, MAX_BYTES);
    buf_init(&line, MAX_BYTES);
    if (slice_starts(s, SLICE("\xEF\xBB\xBF")))
        s = slice_sub(s, 3, s.len);
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != '\r' && s.at[i] != '\n') {
            buf_add_char(&line, s.at[i]);
            continue;
        }
        if (s.at[i] == '\r' && i + 1 < s.len && s.at[i + 1] == '\n')
            i++;
        take_line(&e, buf_slice(&line), notes);
        buf_reset(&line);
    }
    if (line.len) /* the end of the stream: sse_end gives what is there */
        take_line(&e, buf_slice(&line), notes);
    end_event(&e, notes);
    buf_free(&e.name);
    buf_free(&e.data);
    buf_free(&line);
}

/* ---- the parser, in pieces ---- */

static void feed(struct sse *s, struct slice piece, struct buf *raw, struct buf *notes)
{
    struct sse_frame f;
    int rc;

    while ((rc = sse_next(s, &piece, &f)) == 1) {
        must(f.raw.len > 0);
        buf_add(raw, f.raw);
        if (f.has_data)
            note(notes, f.name, f.data);
    }
    must(rc == 0 && piece.len == 0);
}

static void read_in_pieces(struct slice input, unsigned seed, struct buf *raw, struct buf *notes)
{
    struct sse s;
    struct sse_frame f;

    sse_init(&s, MAX_BYTES);
    while (input.len) {
        size_t n = input.len;
        if (seed) {
            seed = seed * 1103515245u + 12345u;
            n = MIN(n, (size_t)1 + (seed >> 16) % (seed & 0x8000 ? 40 : 3));
        }
        char *exact = malloc(n); /* a read past the piece is seen */
        if (!exact)
            break;
        memcpy(exact, input.at, n);
        feed(&s, slice_of(exact, n), raw, notes);
        free(exact);
        input = slice_sub(input, n, input.len);
    }
    if (sse_end(&s, &f))
        note(notes, f.name, f.data);
    buf_add(raw, f.raw);
    sse_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 2 || n > 65536)
        return 0;
    struct slice input = slice_of((const char *)bytes + 1, n - 1);
    struct buf expected;
    buf_init(&expected, MAX_BYTES);
    read_as_standard(input, &expected);

    unsigned seeds[] = {0, bytes[0] + 1u, bytes[0] * 7919u + 77u};
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct buf raw, notes;
        buf_init(&raw, MAX_BYTES);
        buf_init(&notes, MAX_BYTES);
        read_in_pieces(input, seeds[i], &raw, &notes);
        must(slice_eq(buf_slice(&raw), input));
        must(slice_eq(buf_slice(&notes), buf_slice(&expected)));
        buf_free(&raw);
        buf_free(&notes);
    }
    buf_free(&expected);
    return 0;
}
