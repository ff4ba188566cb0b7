/* fake_server.h: the http layer's reply functions, played by a test: what is answered is kept and
 * can be asked for, and the client's behaviour (slow, gone) is set. Define by including it in one
 * test program; http's own reply functions are then not linked.
 *
 * One request at a time: fake_request, fake_field, fake_body, then fake_serve or fake_reject; the
 * answer is in `fake`; fake_done ends it. */

#pragma once

#include "http/server.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct server_request r;
    const struct server_events *events;
    void *owner;
    /* what the next calls return */
    int head_rc, write_rc, end_rc;
    /* the answer */
    int status;
    int64_t length; /* announced */
    bool started, ended, aborted, forgotten;
    unsigned writes;
    char fields[8192]; /* "\nname: value\n…" */
    size_t fields_len;
    char body[65536];
    size_t body_len;
} fake;

static void fake_text(char *at, size_t *len, size_t cap, struct slice s)
{
    if (*len + s.len >= cap)
        abort();
    if (s.len > 0)
        memcpy(at + *len, s.at, s.len);
    *len += s.len;
    at[*len] = '\0';
}

static int fake_body_add(const struct slice *spans, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fake_text(fake.body, &fake.body_len, sizeof(fake.body), spans[i]);
    return OK;
}

int server_reply_head(struct server_request *r, int status, const struct header *headers, size_t n,
                      int64_t content_length)
{
    if (fake.head_rc < 0)
        return fake.head_rc;
    if (r != &fake.r || fake.started)
        abort();
    fake.started = true;
    fake.status = status;
    fake.length = content_length;
    for (size_t i = 0; i < n; i++) {
        fake_text(fake.fields, &fake.fields_len, sizeof(fake.fields), SLICE("\n"));
        fake_text(fake.fields, &fake.fields_len, sizeof(fake.fields), headers[i].name);
        fake_text(fake.fields, &fake.fields_len, sizeof(fake.fields), SLICE(": "));
        fake_text(fake.fields, &fake.fields_len, sizeof(fake.fields), headers[i].value);
    }
    return OK;
}

int server_reply_write(struct server_request *r, const struct slice *spans, size_t n,
                       enum span_life life)
{
    (void)life;
    if (r != &fake.r || !fake.started || fake.ended)
        abort();
    if (fake.write_rc < 0)
        return fake.write_rc;
    fake.writes++;
    fake_body_add(spans, n);
    return fake.write_rc;
}

int server_reply_end(struct server_request *r, const struct slice *spans, size_t n,
                     enum span_life life)
{
    (void)life;
    if (r != &fake.r || !fake.started || fake.ended)
        abort();
    if (fake.end_rc < 0)
        return fake.end_rc;
    fake_body_add(spans, n);
    fake.ended = true;
    return OK;
}

void server_reply_abort(struct server_request *r)
{
    if (r != &fake.r || fake.ended)
        abort();
    fake.aborted = true;
}

void server_request_forget(struct server_request *r)
{
    if (r != &fake.r || !fake.started || fake.writes == 0)
        abort();
    fake.forgotten = true;
    r->target = r->query = r->body = (struct slice){0};
    r->headers = (struct headers){0};
    arena_clear(&r->early);
}

/* A request that is about to come; nothing of an earlier one is left. */
static void fake_request(enum http_method method, const char *method_text, const char *path)
{
    memset(&fake, 0, sizeof(fake));
    arena_init(&fake.r.arena, 0);
    arena_init(&fake.r.early, 0);
    fake.r.method = method;
    fake.r.method_text = slice_str(method_text);
    fake.r.target = fake.r.query = slice_str(path);
    fake.r.path = slice_cut(&fake.r.query, '?');
    fake.r.peer = SLICE("127.0.0.1:4711");
    fake.r.started_us = clock_now_us();
}

static inline void fake_field(const char *name, const char *value)
{
    if (headers_add(&fake.r.headers, &fake.r.early, slice_str(name), slice_str(value)) < 0)
        abort();
}

static inline void fake_body_bytes(struct slice body)
{
    fake.r.body = body;
    fake.r.body_bytes = body.len;
}

static inline void fake_body(const char *text)
{
    fake_body_bytes(slice_str(text));
}

static inline void fake_clear(void)
{
    arena_clear(&fake.r.arena);
    arena_clear(&fake.r.early);
}

static inline void fake_serve(const struct server_events *events, void *owner)
{
    fake.events = events;
    fake.owner = owner;
    events->on_request(owner, &fake.r);
}

static inline void fake_reject(const struct server_events *events, void *owner, int status,
                               const char *why)
{
    fake.events = events;
    fake.owner = owner;
    events->on_reject(owner, &fake.r, status, why);
}

static inline void fake_drained(void)
{
    fake.events->on_drained(fake.owner, &fake.r);
}

static inline void fake_done(bool delivered)
{
    fake.events->on_done(fake.owner, &fake.r, delivered);
    fake_clear();
}

static inline void fake_gone(void)
{
    fake.events->on_gone(fake.owner, &fake.r);
    fake_done(false);
}

/* The answer's field, or NULL. */
static inline const char *fake_answer_field(const char *name)
{
    static char value[1024];
    char key[128];

    snprintf(key, sizeof(key), "\n%s: ", name);
    const char *at = strstr(fake.fields, key);
    if (!at)
        return NULL;
    at += strlen(key);
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
    return value;
}
