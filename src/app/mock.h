/* mock.h: a fake provider for demos, tests and benchmarks.
 *
 * Speaks two dialects. What it answers, how fast and how badly, is said by the model's name,
 * "mock?chunks=64&chunk_delay=50ms" (mock_plan.h), so that a gateway in front passes it on. It has
 * a small HTTP of its own beneath src/http: it must be able to break every rule of it.
 *
 *   POST …/chat/completions   …/completions   …/embeddings   …/responses
 *   POST …/messages           …/messages/count_tokens
 *   GET  …/models
 *   GET  /mock/stats          counters, as JSON
 *   GET  /mock/last-request   the body of the last model request, byte for byte; …/head its head
 *   POST /mock/reset          counters to zero, and no model has been asked before */

#pragma once

#include "base/slice.h"
#include "io/loop.h"

struct mock;

struct mock_options {
    struct slice listen; /* as in io/listener.h */
    struct slice answer; /* "chunks=64&bytes=4096": where the model's name says nothing */
    bool record;         /* keep the last request */
};

/* -EINVAL: answer is not understood; else what listener_open says. */
int mock_open(struct loop *loop, const struct mock_options *options, struct mock **ret);
uint16_t mock_port(const struct mock *m);
void mock_close(struct mock *m);
