/* calls.c: hands a call to the completion service, and its answer to the reply. */

#include "controller/calls.h"

#include "controller/call_wish.h"
#include "service/completion.h"
#include "service/prompt_keeper.h"
#include "service/prompt_note.h"
#include "service/services.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

#include <errno.h>

static void calls_proceed(struct exchange *x)
{
    completion_proceed(x->work.owner);
}

static void calls_cancel(struct exchange *x)
{
    completion_cancel(x->work.owner);
}

/* Where the answer goes: to the client, past whoever writes it down when prompts are stored. What
 * is only counted is no prompt. */
static struct sink *calls_sink(struct exchange *x, const struct call *call)
{
    struct prompt_keeper *keeper = x->services->prompts;
    struct sink *client = reply_sink(x);

    if (LIKELY(!keeper || prompt_keeper_mode(keeper) == PROMPTS_OFF) ||
        call->kind == CALL_COUNT_TOKENS)
        return client;
    x->note = prompt_note_new(keeper, call->body, client, x->arena);
    return x->note ? &x->note->sink : client;
}

/* As completion_start; the fault is not answered yet. */
static int calls_start(struct exchange *x, struct fault *ret_fault)
{
    const struct call *call = exchange_call(x, ret_fault);
    uint64_t patience_ms;
    if (!call || !exchange_patience(x, &patience_ms, ret_fault))
        return -EINVAL;

    struct sink *sink = calls_sink(x, call);
    struct completion *completion;
    const struct completion_ask ask = {
        .call = call,
        .snapshot = x->snapshot,
        .principal = x->principal,
        .request_id = x->request_id,
        .traceparent = x->traceparent,
        .traced = x->traced,
        .early = x->early,
        .sink = sink,
        .outcome = &x->outcome,
        .started_us = x->request->started_us,
        .patience_ms = patience_ms,
        .cache = call->kind == CALL_COUNT_TOKENS ? NULL : x->services->cache,
        .wish = call_wish,
        .caller = x,
    };
    int rc = completion_start(x->services->router, &ask, x->arena, &completion, ret_fault);
    if (rc == AGAIN)
        x->work = (struct exchange_work){calls_proceed, calls_cancel, completion};
    return rc;
}

static void calls_handle(struct exchange *x)
{
    struct fault fault;

    if (calls_start(x, &fault) < 0)
        problem_answer_fault(x, &fault);
}

/* Clients count to stay within a window: a rough figure is of more use than none. */
static void calls_handle_count(struct exchange *x)
{
    struct fault fault;

    int rc = calls_start(x, &fault);
    if (rc >= 0)
        return;
    if (rc != -ENOTSUP) {
        problem_answer_fault(x, &fault);
        return;
    }
    struct slice body = arena_printf(x->arena, "{\"input_tokens\":%llu,\"estimated\":true}",
                                     (unsigned long long)x->call->prompt_estimate);
    if (body.at)
        reply_send(x, 200, SLICE("application/json"), body);
    else
        problem_answer(x, FAULT_INTERNAL);
}

#define CALLS_ROUTE(path_, kind_, dialect_, handle_)                                               \
    {                                                                                              \
        .method = HTTP_POST, .path = SLICE_INIT(path_), .has_call = true, .kind = kind_,           \
        .dialect = dialect_, .handle = handle_,                                                    \
    }

const struct route route_chat_completions =
    CALLS_ROUTE("/v1/chat/completions", CALL_CHAT, DIALECT_CHAT, calls_handle);
const struct route route_messages =
    CALLS_ROUTE("/v1/messages", CALL_MESSAGES, DIALECT_MESSAGES, calls_handle);
const struct route route_count_tokens = CALLS_ROUTE("/v1/messages/count_tokens", CALL_COUNT_TOKENS,
                                                    DIALECT_MESSAGES, calls_handle_count);
const struct route route_completions =
    CALLS_ROUTE("/v1/completions", CALL_COMPLETIONS, DIALECT_CHAT, calls_handle);
const struct route route_embeddings =
    CALLS_ROUTE("/v1/embeddings", CALL_EMBEDDINGS, DIALECT_CHAT, calls_handle);
const struct route route_responses =
    CALLS_ROUTE("/v1/responses", CALL_RESPONSES, DIALECT_CHAT, calls_handle);
