/* mock_chat.h: what Chat Completions shares with the older and newer endpoints beside it. */

#pragma once

#include "app/mock_dialect.h"

#define MOCK_USUAL_HEADERS                                                                         \
    {                                                                                              \
        "x-request-id", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"                   \
    }

/* ,"usage":{…} */
void mock_chat_add_usage(const struct mock_plan *plan, struct buf *ret);
/* {"error":{…}} with the type and code that such a status has. */
void mock_chat_error(const struct mock_plan *plan, struct slice message, struct buf *ret);
/* Ends an answer's last event: [DONE]. */
void mock_chat_done(struct mock_stream *s);
/* An error within a stream. */
void mock_chat_fail(struct mock_stream *s);
