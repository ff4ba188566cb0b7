/* suggest.c: edit distance over short words. */

#include "app/suggest.h"

enum { WORD_MOST = 32 };

/* How many letters must be put in, left out, changed, or swapped with their neighbour (optimal
 * string alignment); words longer than WORD_MOST are far from everything. */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned rows[3][WORD_MOST + 1]; /* of the letter before the last, the last, this one */

    if (a.len > WORD_MOST || b.len > WORD_MOST)
        return WORD_MOST;
    for (unsigned j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        const unsigned *last = rows[(i - 1) % 3];
        unsigned *row = rows[i % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            row[j] = MIN(MIN(last[j], row[j - 1]) + 1, last[j - 1] + (a.at[i - 1] != b.at[j - 1]));
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                row[j] = MIN(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

const char *suggest(struct slice word, const char *const *candidates)
{
    unsigned best = (unsigned)MAX(word.len / 3, (size_t)1) + 1;
    const char *found = NULL;

    for (; *candidates; candidates++) {
        struct slice candidate = slice_str(*candidates);
        unsigned d = distance(word, candidate);
        if (d < best && d < candidate.len) {
            best = d;
            found = *candidates;
        }
    }
    return found;
}
