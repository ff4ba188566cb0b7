/* mock_script.c: see mock_script.h. */

#include "app/mock_script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SCRIPT_BYTES_MOST = 256 << 20 };

int mock_writer_begin(struct mock_writer *w)
{
    *w = (struct mock_writer){.script = calloc(1, sizeof(struct mock_script))};
    if (!w->script)
        return -ENOMEM;
    arena_init(&w->script->arena, 0);
    w->script->holders = 1;
    buf_init(&w->pending, SCRIPT_BYTES_MOST);
    return OK;
}

static struct mock_step *add_step(struct mock_writer *w)
{
    struct mock_script *s = w->script;

    if (s->len == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4;
        struct mock_step *more = realloc(s->steps, cap * sizeof(*more));
        if (!more) {
            w->rc = -ENOMEM;
            return NULL;
        }
        s->steps = more;
        s->cap = cap;
    }
    struct mock_step *step = &s->steps[s->len++];
    *step = (struct mock_step){.delay_ms = w->delay_ms};
    w->delay_ms = 0;
    return step;
}

static void flush(struct mock_writer *w)
{
    if (w->pending.rc < 0)
        w->rc = w->pending.rc;
    if (w->rc < 0 || w->pending.len == 0)
        return;
    struct slice bytes = arena_copy(&w->script->arena, buf_slice(&w->pending));
    struct mock_step *step = bytes.at ? add_step(w) : NULL;
    if (step) {
        step->act = MOCK_SEND;
        step->bytes = bytes;
    } else {
        w->rc = -ENOMEM;
    }
    buf_reset(&w->pending);
}

void mock_write(struct mock_writer *w, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_add(&w->pending, slice_of(text, MIN((size_t)MAX(n, 0), sizeof(text) - 1)));
}

void mock_write_bytes(struct mock_writer *w, struct slice bytes)
{
    buf_add(&w->pending, bytes);
}

void mock_write_chunk(struct mock_writer *w, struct slice bytes)
{
    mock_write(w, "%zx\r\n", bytes.len);
    mock_write_bytes(w, bytes);
    mock_write(w, "\r\n");
}

void mock_pause(struct mock_writer *w, uint64_t ms)
{
    if (ms == 0)
        return;
    flush(w);
    w->delay_ms += ms;
}

void mock_act(struct mock_writer *w, enum mock_act act)
{
    flush(w);
    struct mock_step *step = w->rc < 0 ? NULL : add_step(w);
    if (step)
        step->act = act;
}

struct mock_script *mock_writer_end(struct mock_writer *w)
{
    struct mock_script *s = w->script;

    flush(w);
    buf_free(&w->pending);
    if (w->rc == OK)
        return s;
    mock_script_unref(s);
    return NULL;
}

void mock_script_unref(struct mock_script *s)
{
    if (!s || --s->holders > 0)
        return;
    arena_clear(&s->arena);
    free(s->steps);
    free(s);
}
