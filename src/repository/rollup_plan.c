/* rollup_plan.c: see rollup_plan.h. */

#include "repository/rollup_plan.h"

#include "repository/columns.h"

#include <errno.h>

const uint32_t rollup_lengths[ROLLUP_LEVELS] = {
    1, 60, 6 * 60, 24 * 60, 5 * 24 * 60, 30 * 24 * 60,
};

struct planner {
    const struct rollup_known *known;
    uint64_t from, until;
    struct row_list sums, rows;
    int rc;
};

/* --- what is known --- */

static bool before(const struct rollup_span *s, uint32_t length, uint64_t start)
{
    return s->length < length || (s->length == length && s->start < start);
}

/* The first span of that length that does not start before then; may be the list's end. */
static const struct rollup_span *first_span(const struct planner *p, uint32_t length,
                                            uint64_t start)
{
    const struct rollup_span *low = p->known->spans, *high = low + p->known->spans_len;

    while (low < high) {
        const struct rollup_span *middle = low + (high - low) / 2;
        if (before(middle, length, start))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct rollup_mark *first_mark(const struct planner *p, uint64_t minute)
{
    const struct rollup_mark *low = p->known->marks, *high = low + p->known->marks_len;

    while (low < high) {
        const struct rollup_mark *middle = low + (high - low) / 2;
        if (middle->minute < minute)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A span of that level that starts in [start, end); NULL: there is none. */
static const struct rollup_span *find_span(const struct planner *p, size_t level, uint64_t start,
                                           uint64_t end)
{
    const struct rollup_span *s = first_span(p, rollup_lengths[level], start);

    return s < p->known->spans + p->known->spans_len && s->length == rollup_lengths[level] &&
                   s->start < end
               ? s
               : NULL;
}

static bool has_mark(const struct planner *p, uint64_t start, uint64_t end)
{
    const struct rollup_mark *m = first_mark(p, start);

    return m < p->known->marks + p->known->marks_len && m->minute < end;
}

/* --- what is taken --- */

static void take_sums(struct planner *p, uint32_t length, uint64_t start)
{
    struct rollup_run *last = (struct rollup_run *)(void *)p->sums.at + p->sums.len;

    if (p->sums.len && last[-1].length == length && last[-1].until == start) {
        last[-1].until += length;
        return;
    }
    struct rollup_run *run = row_list_add(&p->sums);
    if (run)
        *run = (struct rollup_run){.length = length, .from = start, .until = start + length};
    else
        p->rc = -ENOMEM;
}

static void widen(struct rollup_rows *rows, struct slice low, struct slice high)
{
    if (low.len && (!rows->low.len || slice_order(low, rows->low) < 0))
        rows->low = low;
    if (high.len && (!rows->high.len || slice_order(rows->high, high) < 0))
        rows->high = high;
}

/* All rows of a span that holds a mark: those that were counted before, and those of the marks. */
static void take_rows(struct planner *p, size_t level, uint64_t start)
{
    uint64_t end = start + rollup_lengths[level];
    const struct rollup_span *worked_out = find_span(p, level, start, start + 1);
    const struct rollup_mark *marks_end = p->known->marks + p->known->marks_len;
    struct rollup_rows *rows = row_list_add(&p->rows);

    if (!rows) {
        p->rc = -ENOMEM;
        return;
    }
    *rows = (struct rollup_rows){.from = start, .until = end};
    if (worked_out)
        widen(rows, worked_out->low, worked_out->high);
    for (const struct rollup_mark *m = first_mark(p, start); m < marks_end && m->minute < end; m++)
        widen(rows, m->low, m->high);
}

static void cover(struct planner *p, size_t level, uint64_t start);

static void cover_parts(struct planner *p, size_t level, uint64_t start, bool marked)
{
    uint64_t end = start + rollup_lengths[level];
    bool any = marked;

    for (size_t below = 0; !any && below < level; below++)
        any = find_span(p, below, start, end);
    for (uint64_t at = start; any && at < end; at += rollup_lengths[level - 1])
        cover(p, level - 1, at);
}

/* A minute; an hour when its minutes have ended, since it is worked out as a whole then. */
static bool is_of_rows(const struct planner *p, size_t level, uint64_t start)
{
    return level == ROLLUP_MINUTE ||
           (level == ROLLUP_HOUR_LEVEL && find_span(p, ROLLUP_HOUR_LEVEL, start, start + 1) &&
            !find_span(p, ROLLUP_MINUTE, start, start + rollup_lengths[ROLLUP_HOUR_LEVEL]));
}

static void cover(struct planner *p, size_t level, uint64_t start)
{
    uint64_t end = start + rollup_lengths[level];
    if (p->rc < 0 || end <= p->from || start >= p->until)
        return;

    bool marked = has_mark(p, start, end);
    if (!marked && start >= p->from && end <= p->until && find_span(p, level, start, start + 1))
        take_sums(p, rollup_lengths[level], start);
    else if (marked && is_of_rows(p, level, start))
        take_rows(p, level, start);
    else if (level > ROLLUP_MINUTE)
        cover_parts(p, level, start, marked);
}

/* Nothing lies beyond what is known. */
static void clip(struct planner *p)
{
    uint64_t first = UINT64_MAX, end = 0;

    for (size_t i = 0; i < p->known->spans_len; i++) {
        const struct rollup_span *s = &p->known->spans[i];
        first = MIN(first, s->start);
        end = MAX(end, s->start + s->length);
    }
    if (p->known->marks_len) {
        first = MIN(first, p->known->marks[0].minute / 60 * 60);
        end = MAX(end, p->known->marks[p->known->marks_len - 1].minute / 60 * 60 + 60);
    }
    p->from = MAX(p->from, first);
    p->until = MIN(p->until, end);
}

int rollup_plan(const struct rollup_known *known, size_t longest, struct arena *a,
                struct rollup_runs *ret)
{
    struct planner p = {
        .known = known,
        .from = known->from,
        .until = known->until,
        .sums = {.a = a, .row_size = sizeof(struct rollup_run) },
        .rows = {.a = a, .row_size = sizeof(struct rollup_rows)},
    };
    uint32_t step = rollup_lengths[longest];

    clip(&p);
    for (uint64_t start = p.from / step * step; p.from < p.until && start < p.until; start += step)
        cover(&p, longest, start);
    *ret = (struct rollup_runs){
        .sums = (struct rollup_run *)(void *)p.sums.at,
        .sums_len = p.sums.len,
        .rows = (struct rollup_rows *)(void *)p.rows.at,
        .rows_len = p.rows.len,
    };
    return p.rc;
}
