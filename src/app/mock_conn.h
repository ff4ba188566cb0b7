/* mock_conn.h: one connection to the mock: reads a request, plays a script, and again. */

#pragma once

#include "app/mock_script.h"
#include "base/list.h"
#include "io/loop.h"

struct mock_conn;

/* A whole request; its slices live during the call only. */
struct mock_request {
    struct slice head; /* with its empty line */
    struct slice method, target;
    struct slice body;
};

/* The value of a header, or an empty slice. */
struct slice mock_request_header(const struct mock_request *r, struct slice name);

struct mock_conn_events {
    /* Returns the script to play, held for the connection; NULL: the connection is closed.
     * *ret_model says whether it counts as a model request. */
    struct mock_script *(*answer)(void *owner, const struct mock_request *r, bool *ret_model);
    /* A model request ended: the script was played to its end, or the peer left before. */
    void (*ended)(void *owner, bool played);
    void (*closed)(void *owner, struct list *node);
};

/* Takes the descriptor. NULL: out of memory, it was closed. */
struct mock_conn *mock_conn_open_take(struct loop *loop, int fd,
                                      const struct mock_conn_events *events, void *owner,
                                      struct list *connections);
void mock_conn_close(struct mock_conn *c);
struct mock_conn *mock_conn_of(struct list *node);
