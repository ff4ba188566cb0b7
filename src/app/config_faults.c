/* config_faults.c: see config_faults.h. */

#include "app/config_faults.h"

#include "base/escape.h"

enum { SHOWN_MOST = 60 };

void config_faults_init(struct config_faults *f, struct arena *arena, struct slice file)
{
    f->arena = arena;
    f->file = file;
    f->len = 0;
    f->untold = 0;
}

static void add(struct config_faults *f, struct config_fault fault)
{
    if (f->len == CONFIG_FAULTS_MAX)
        f->untold++;
    else
        f->at[f->len++] = fault;
}

void config_fault_at(struct config_faults *f, unsigned line, struct slice allowed, const char *fmt,
                     ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    struct slice message = slice_of(text, MIN((size_t)MAX(n, 0), sizeof(text) - 1));
    add(f, (struct config_fault){f->file, line, arena_copy(f->arena, message), allowed});
}

void config_fault_env(struct config_faults *f, const char *name, struct slice allowed,
                      const char *message)
{
    add(f, (struct config_fault){arena_copy(f->arena, slice_str(name)), 0, slice_str(message),
                                 allowed});
}

void config_fault_memory(struct config_faults *f)
{
    add(f, (struct config_fault){.where = SLICE("configuration"),
                                 .message = SLICE("there is not enough memory to read it")});
}

struct slice config_shown(struct config_faults *f, struct slice value)
{
    char text[SHOWN_MOST];
    struct slice rest = value;
    size_t n = escape_json(text, sizeof(text), &rest);

    return arena_printf(f->arena, "\"%.*s%s\"", (int)n, text, rest.len ? "…" : "");
}

/* Few are out of order, and those of one line must stay in theirs: an insertion sort. */
void config_faults_sort(struct config_faults *f)
{
    for (size_t i = 1; i < f->len; i++) {
        struct config_fault moved = f->at[i];
        size_t j = i;
        for (; j > 0 && f->at[j - 1].line > moved.line; j--)
            f->at[j] = f->at[j - 1];
        f->at[j] = moved;
    }
}

void config_faults_print(const struct config_faults *f, FILE *out)
{
    for (size_t i = 0; i < f->len; i++) {
        const struct config_fault *fault = &f->at[i];
        fprintf(out, "%.*s:", SLICE_FMT(fault->where));
        if (fault->line)
            fprintf(out, "%u:", fault->line);
        fprintf(out, " %.*s", SLICE_FMT(fault->message));
        if (fault->allowed.len)
            fprintf(out, "; allowed: %.*s", SLICE_FMT(fault->allowed));
        fputc('\n', out);
    }
    if (f->untold)
        fprintf(out, "%.*s: and %zu more\n", SLICE_FMT(f->file), f->untold);
}
