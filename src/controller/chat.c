/* chat.c: hands the call to the completion service, and its answer to the reply. */

#include "controller/chat.h"

#include "service/completion.h"
#include "service/services.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

static void chat_proceed(struct exchange *x)
{
    completion_proceed(x->work.owner);
}

static void chat_cancel(struct exchange *x)
{
    completion_cancel(x->work.owner);
}

static void chat_handle(struct exchange *x)
{
    struct fault fault;
    const struct call *call = exchange_call(x, &fault);
    if (!call) {
        problem_answer_fault(x, &fault);
        return;
    }

    uint64_t patience_ms;
    if (!exchange_patience(x, &patience_ms, &fault)) {
        problem_answer_fault(x, &fault);
        return;
    }

    struct completion *completion;
    struct completion_ask ask = {
        .call = call,
        .snapshot = x->snapshot,
        .principal = x->principal,
        .request_id = x->request_id,
        .traceparent = x->traceparent,
        .early = x->early,
        .sink = reply_sink(x),
        .outcome = &x->outcome,
        .started_us = x->request->started_us,
        .patience_ms = patience_ms,
    };
    if (completion_start(x->services->router, &ask, x->arena, &completion, &fault) < 0)
        problem_answer_fault(x, &fault);
    else
        x->work = (struct exchange_work){chat_proceed, chat_cancel, completion};
}

const struct route route_chat_completions = {
    .method = HTTP_POST,
    .path = SLICE_INIT("/v1/chat/completions"),
    .has_call = true,
    .kind = CALL_CHAT,
    .dialect = DIALECT_CHAT,
    .handle = chat_handle,
};
