/* exposition.c: see exposition.h. */

#include "service/exposition.h"

#include <errno.h>

enum { LABELS_BYTES = 4096, MICROSECONDS = 1000000 };

struct exposition_sample {
    struct exposition_sample *next;
    struct slice labels; /* `a="b",c="d"` */
    uint64_t cells[];    /* one; of a histogram as many as metric_cells tells */
};

/* --- gathering --- */

void exposition_init(struct exposition *e)
{
    *e = (struct exposition){.rc = OK};
    arena_init(&e->arena, 0);
    for (size_t i = 0; i < METRIC_ID_MAX; i++) {
        map_init(&e->families[i].by_labels);
        e->families[i].end = &e->families[i].first;
    }
}

void exposition_free(struct exposition *e)
{
    for (size_t i = 0; i < METRIC_ID_MAX; i++)
        map_free(&e->families[i].by_labels);
    arena_clear(&e->arena);
}

static size_t metric_cells(const struct metric *m)
{
    return m->kind == METRIC_HISTOGRAM ? m->buckets->len + 2 : 1;
}

/* Backslash, quote and line end are escaped; what is no UTF-8 is not passed on. */
static void labels_add_value(struct buf *b, struct slice value)
{
    bool is_text = slice_is_utf8(value);

    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '\\' || c == '"')
            buf_add_char(b, '\\');
        if (c == '\n')
            buf_add(b, SLICE("\\n"));
        else
            buf_add_char(b, is_text || (unsigned char)c < 0x80 ? c : '?');
    }
}

static void labels_write(struct buf *b, const struct metric *m, const struct slice *values)
{
    struct slice names = slice_str(m->labels);

    for (size_t i = 0; names.len > 0; i++) {
        struct slice name = slice_cut(&names, ',');
        if (slice_is_empty(values[i]))
            continue;
        if (b->len)
            buf_add_char(b, ',');
        buf_add(b, name);
        buf_add(b, SLICE("=\""));
        labels_add_value(b, values[i]);
        buf_add_char(b, '"');
    }
}

static struct exposition_sample *sample_new(struct exposition *e, enum metric_id id,
                                            struct slice labels)
{
    struct exposition_family *f = &e->families[id];
    size_t cells = metric_cells(&metric_table[id]);
    struct exposition_sample *s = arena_zalloc(&e->arena, sizeof(*s) + cells * sizeof(s->cells[0]));

    if (!s)
        return NULL;
    s->labels = arena_copy(&e->arena, labels);
    if (!s->labels.at || map_put(&f->by_labels, s->labels, s) < 0)
        return NULL;
    *f->end = s;
    f->end = &s->next;
    return s;
}

/* NULL: out of memory, which e->rc tells. */
static struct exposition_sample *sample_of(struct exposition *e, enum metric_id id,
                                           const struct slice *values)
{
    struct exposition_sample *s = NULL;
    struct buf labels;

    buf_init(&labels, LABELS_BYTES);
    labels_write(&labels, &metric_table[id], values);
    if (labels.rc == OK) {
        struct slice key = labels.len ? buf_slice(&labels) : SLICE("");
        s = map_get(&e->families[id].by_labels, key);
        if (!s)
            s = sample_new(e, id, key);
    }
    if (!s)
        e->rc = -ENOMEM;
    buf_free(&labels);
    return s;
}

void exposition_add(struct exposition *e, enum metric_id id, const struct slice *values, uint64_t n)
{
    struct exposition_sample *s = sample_of(e, id, values);

    if (s)
        s->cells[0] += n;
}

void exposition_add_histogram(struct exposition *e, enum metric_id id, const struct slice *values,
                              const tally_cell *cells)
{
    size_t n = metric_cells(&metric_table[id]);
    uint64_t seen = 0;

    for (size_t i = 0; i + 1 < n; i++)
        seen += tally_get(&cells[i]);
    struct exposition_sample *s = seen ? sample_of(e, id, values) : NULL;
    for (size_t i = 0; s && i < n; i++)
        s->cells[i] += tally_get(&cells[i]);
}

/* --- writing --- */

/* Exact: no figure goes through a double. */
static void write_number(struct buf *b, const struct metric *m, uint64_t n)
{
    if (strcmp(m->unit, "seconds") != 0) {
        buf_add_u64(b, n);
        return;
    }
    char digits[8];
    unsigned rest = (unsigned)(n % MICROSECONDS);
    size_t len = 6;

    buf_add_u64(b, n / MICROSECONDS);
    if (rest == 0)
        return;
    for (size_t i = len; i-- > 0; rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    while (digits[len - 1] == '0')
        len--;
    buf_add_char(b, '.');
    buf_add(b, slice_of(digits, len));
}

static void write_name(struct buf *b, const struct metric *m, const char *suffix,
                       struct slice labels)
{
    buf_add(b, slice_str(m->name));
    buf_add(b, slice_str(suffix));
    if (labels.len) {
        buf_add_char(b, '{');
        buf_add(b, labels);
        buf_add_char(b, '}');
    }
    buf_add_char(b, ' ');
}

static void write_bucket(struct buf *b, const struct metric *m, const struct exposition_sample *s,
                         size_t i, uint64_t count)
{
    buf_add(b, slice_str(m->name));
    buf_add(b, SLICE("_bucket{"));
    buf_add(b, s->labels);
    if (s->labels.len)
        buf_add_char(b, ',');
    buf_add(b, SLICE("le=\""));
    if (i < m->buckets->len)
        write_number(b, m, m->buckets->bounds[i]);
    else
        buf_add(b, SLICE("+Inf"));
    buf_add(b, SLICE("\"} "));
    buf_add_u64(b, count);
    buf_add_char(b, '\n');
}

/* Buckets are kept apart and shown as sums from the left. */
static void write_histogram(struct buf *b, const struct metric *m,
                            const struct exposition_sample *s)
{
    size_t buckets = m->buckets->len + 1;
    uint64_t count = 0;

    for (size_t i = 0; i < buckets; i++) {
        count += s->cells[i];
        write_bucket(b, m, s, i, count);
    }
    write_name(b, m, "_sum", s->labels);
    write_number(b, m, s->cells[buckets]);
    buf_add_char(b, '\n');
    write_name(b, m, "_count", s->labels);
    buf_add_u64(b, count);
    buf_add_char(b, '\n');
}

static void write_family(struct buf *b, const struct metric *m, const struct exposition_sample *s)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };

    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, kinds[m->kind]);
    for (; s; s = s->next) {
        if (m->kind == METRIC_HISTOGRAM) {
            write_histogram(b, m, s);
            continue;
        }
        write_name(b, m, "", s->labels);
        write_number(b, m, s->cells[0]);
        buf_add_char(b, '\n');
    }
}

void exposition_write(struct exposition *e, struct buf *ret)
{
    for (size_t i = 0; i < METRIC_ID_MAX; i++)
        if (e->families[i].first)
            write_family(ret, &metric_table[i], e->families[i].first);
}
