/* Any bytes as a configuration file: no crash, and every fault has a line of the file. */

#include "app/config_file.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *env(const char *name)
{
    return name[0] == 'A' ? "value of ${A}" : name[0] == 'B' ? "" : NULL;
}

static int file(const char *path, struct arena *a, struct slice *ret)
{
    (void)a;
    *ret = SLICE("text of ${a file}");
    return path[0] == '/' ? OK : -ENOENT;
}

static void check_faults(const struct config *c, size_t n)
{
    for (size_t i = 0; i < c->faults.len; i++) {
        const struct config_fault *f = &c->faults.at[i];
        if (f->line < 1 || f->line > n + 1 || f->message.len == 0)
            abort();
        if (i > 0 && f->line < f[-1].line)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct config c;

    if (config_parse(slice_of((const char *)bytes, n), SLICE("f"),
                     &(struct config_outside){env, file}, &c) == OK)
        check_faults(&c, n);
    config_free(&c);
    return 0;
}
