/* fuzz_codec_resp.c: whatever a server sends, a reply is read whole or not at all, the same however
 * it was cut; and what is asked for is told. */

#include "codec/resp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool true_always)
{
    if (!true_always)
        abort();
}

static void check_inside(struct slice all, const struct resp_reply *r)
{
    for (size_t i = 0; i < r->len; i++) {
        struct slice text = r->values[i].text;
        must(text.len == 0 || (text.at >= all.at && text.at + text.len <= all.at + r->bytes));
    }
}

/* Shorter, it is cut, and never asks for more than the whole. */
static void check_cut(struct slice all, const struct resp_reply *whole)
{
    for (size_t cut = 0; cut < whole->bytes; cut += 1 + whole->bytes / 64) {
        struct resp_reply r;
        must(resp_read(slice_sub(all, 0, cut), &r) == AGAIN);
        must(r.bytes > cut && r.bytes <= whole->bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice all = {(const char *)bytes, n};
    struct resp_reply r;

    while (all.len > 0) {
        int rc = resp_read(all, &r);
        if (rc == AGAIN)
            must(r.bytes > all.len);
        if (rc != OK)
            return 0;
        must(r.len > 0 && r.len <= RESP_VALUES && r.bytes > 0 && r.bytes <= all.len);
        check_inside(all, &r);
        check_cut(all, &r);
        all = slice_sub(all, r.bytes, all.len);
    }
    return 0;
}
