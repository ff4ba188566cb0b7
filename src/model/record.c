/* record.c: text into the fixed members of a journal record. */

#include "model/record.h"

/* How much of s fits into max bytes without a character being cut in two. */
static size_t whole_characters(struct slice s, size_t max)
{
    if (s.len <= max)
        return s.len;

    size_t n = max;
    while (n > 0 && ((unsigned char)s.at[n] & 0xc0) == 0x80)
        n--;
    return n;
}

void record_text(char *ret, size_t n, struct slice s)
{
    if (n == 0)
        return;

    size_t len = whole_characters(s, n - 1);
    if (len > 0)
        memcpy(ret, s.at, len);
    ret[len] = '\0';
}
