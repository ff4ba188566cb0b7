/* remote_table.c: see remote_table.h. */

#include "app/remote_table.h"

#include "app/remote.h"

#include "base/utf8.h"
#include "codec/json_cursor.h"

#include <errno.h>
#include <stdio.h>

enum { GAP = 2, WIDTH_MOST = 60 };

/* --- text on a terminal --- */

static uint32_t code_point(const unsigned char *p, size_t n)
{
    static const unsigned char lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = p[0] & lead[n];

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3F);
    return c;
}

/* Characters that take two cells (Unicode standard annex 11, Wide and Fullwidth), roughly. */
static bool is_wide(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        {0x1100,  0x115F },
        {0x2E80,  0x303E },
        {0x3041,  0xA4CF },
        {0xAC00,  0xD7A3 },
        {0xF900,  0xFAFF },
        {0xFE30,  0xFE6F },
        {0xFF00,  0xFF60 },
        {0xFFE0,  0xFFE6 },
        {0x1F300, 0x1F64F},
        {0x1F900, 0x1F9FF},
        {0x20000, 0x3FFFD},
    };

    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return true;
    return false;
}

static size_t width_of(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.at;
    size_t width = 0;

    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence(p + i, s.len - i);
        width += n > 1 && is_wide(code_point(p + i, n)) ? 2 : 1;
        i += n ? n : 1;
    }
    return width;
}

/* --- values --- */

static struct slice decoded(struct json_value v, struct arena *a)
{
    char *at = arena_alloc(a, v.text.len);

    if (!at)
        return slice_of(NULL, 0);
    size_t n = json_decode(v, at);
    remote_tame(at, n);
    return slice_of(at, n);
}

/* A value as it stands: its strings may hold what a terminal would obey. */
static struct slice raw(struct slice text, struct arena *a)
{
    char *at = arena_alloc(a, text.len);

    if (!at)
        return slice_of(NULL, 0);
    memcpy(at, text.at, text.len);
    remote_tame(at, text.len);
    return slice_of(at, text.len);
}

/* ["a","b"] → "a,b"; empty: "-". */
static struct slice joined(struct json_value v, struct arena *a)
{
    char *at = arena_alloc(a, v.text.len);
    struct json_value element;
    size_t n = 0, pos = 0;

    if (!at)
        return slice_of(NULL, 0);
    while (json_next(v.text, &pos, &element)) {
        bool text = element.type == JSON_STRING;
        struct slice s = text ? decoded(element, a) : raw(element.text, a);
        if (!s.at)
            return s;
        if (n)
            at[n++] = ',';
        if (s.len)
            memcpy(at + n, s.at, s.len);
        n += s.len;
    }
    return n ? slice_of(at, n) : SLICE("-");
}

/* .at NULL: out of memory. */
static struct slice cell_of(struct json_value v, struct arena *a)
{
    switch (v.type) {
    case JSON_STRING:
        return v.text.len > 2 ? decoded(v, a) : SLICE("-");
    case JSON_ARRAY:
        return joined(v, a);
    case JSON_BOOL:
        return slice_eq(v.text, SLICE("true")) ? SLICE("yes") : SLICE("no");
    case JSON_NUMBER:
    case JSON_OBJECT:
        return raw(v.text, a);
    default:
        return SLICE("-");
    }
}

/* --- lists --- */

/* The cells of one object: those of the columns. False: out of memory. */
static bool read_row(const struct remote_column *columns, struct slice object, struct arena *a,
                     struct slice cells[REMOTE_COLUMNS])
{
    struct json_member wanted[REMOTE_COLUMNS];
    struct json_value values[REMOTE_COLUMNS] = {0};
    size_t n = 0;

    for (; columns[n].member && n < REMOTE_COLUMNS; n++)
        wanted[n].name = slice_str(columns[n].member);
    if (!json_members(object, wanted, n, values))
        memset(values, 0, sizeof(values));
    for (size_t i = 0; i < n; i++) {
        cells[i] = cell_of(values[i], a);
        if (!cells[i].at)
            return false;
    }
    return true;
}

static void widen(struct remote_table *t, size_t i, struct slice cell)
{
    t->widths[i] = MIN(MAX(t->widths[i], width_of(cell)), (size_t)WIDTH_MOST);
}

static void print_cell(const struct remote_table *t, size_t i, struct slice cell)
{
    size_t width = width_of(cell);
    bool last = i + 1 == REMOTE_COLUMNS || !t->columns[i + 1].member;

    fwrite(cell.at, 1, cell.len, stdout);
    if (!last)
        printf("%*s", GAP + (int)(t->widths[i] > width ? t->widths[i] - width : 0), "");
}

static void print_titles(struct remote_table *t)
{
    for (size_t i = 0; i < REMOTE_COLUMNS && t->columns[i].member; i++)
        print_cell(t, i, slice_str(t->columns[i].title));
    putchar('\n');
    t->begun = true;
}

typedef void (*row_fn)(struct remote_table *t, const struct slice cells[REMOTE_COLUMNS]);

static void measure_row(struct remote_table *t, const struct slice cells[REMOTE_COLUMNS])
{
    for (size_t i = 0; i < REMOTE_COLUMNS && t->columns[i].member; i++)
        widen(t, i, cells[i]);
}

static void print_row(struct remote_table *t, const struct slice cells[REMOTE_COLUMNS])
{
    for (size_t i = 0; i < REMOTE_COLUMNS && t->columns[i].member; i++)
        print_cell(t, i, cells[i]);
    putchar('\n');
}

static int each_row(struct remote_table *t, struct slice array, struct arena *a, row_fn fn)
{
    struct slice cells[REMOTE_COLUMNS];
    struct json_value element;
    size_t at = 0;

    while (json_next(array, &at, &element)) {
        if (element.type != JSON_OBJECT)
            continue;
        if (!read_row(t->columns, element.text, a, cells))
            return -ENOMEM;
        fn(t, cells);
    }
    return OK;
}

int remote_table_print(struct remote_table *t, struct slice array, struct arena *a)
{
    int rc;

    if (!t->begun)
        for (size_t i = 0; i < REMOTE_COLUMNS && t->columns[i].member; i++)
            widen(t, i, slice_str(t->columns[i].title));
    rc = each_row(t, array, a, measure_row);
    if (rc == OK && !t->begun)
        print_titles(t);
    return rc == OK ? each_row(t, array, a, print_row) : rc;
}

/* --- one object --- */

int remote_table_print_object(struct slice object, struct arena *a)
{
    struct json_cursor c = json_cursor_of(object), again = c;
    struct json_name name;
    size_t width = 0;

    if (!json_cursor_enter(&c) || !json_cursor_enter(&again))
        return OK;
    while (json_cursor_member(&c, &name)) {
        width = MAX(width, name.text.len - 2);
        json_cursor_take(&c);
    }
    while (json_cursor_member(&again, &name)) {
        struct json_value key = {.type = JSON_STRING, .text = name.text};
        struct slice title = decoded(key, a), cell = cell_of(json_cursor_take(&again), a);
        if (!title.at || !cell.at)
            return -ENOMEM;
        printf("%.*s%*s%.*s\n", SLICE_FMT(title),
               GAP + (int)(width > title.len ? width - title.len : 0), "", SLICE_FMT(cell));
    }
    return OK;
}
