/* suggest.c: edit distance over short words. */

#include "app/suggest.h"

enum { WORD_MOST = 32 };

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    return MIN(MIN(a, b), c);
}

/* Levenshtein's distance, one row at a time; words longer than WORD_MOST are far from everything.
 */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned row[WORD_MOST + 1];

    if (a.len > WORD_MOST || b.len > WORD_MOST)
        return WORD_MOST;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned corner = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned changed = corner + (a.at[i - 1] != b.at[j - 1]);
            corner = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, changed);
        }
    }
    return row[b.len];
}

const char *suggest(struct slice word, const char *const *candidates)
{
    unsigned best = (unsigned)(word.len / 3) + 1;
    const char *found = NULL;

    for (; *candidates; candidates++) {
        struct slice candidate = slice_str(*candidates);
        unsigned d = distance(word, candidate);
        if (d <= best && d < candidate.len) {
            best = d - (d > 0);
            found = *candidates;
        }
    }
    return found;
}
