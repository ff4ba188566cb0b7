/* problem.c: the table of statuses and types, and the error body.
 *
 * The code comes from model/fault.def; docs/errors.md tells the same table to readers. */

#include "web/problem.h"

#include "base/fmt.h"
#include "web/exchange.h"
#include "web/reply.h"
#include "wire/problem_body.h"

/* Whether a client library may send the request again by itself. */
enum again {
    AGAIN_AS_STATUS, /* what the status means to it */
    AGAIN_IF_FRESH,  /* not when we have already tried more than once */
    AGAIN_NEVER,     /* it would fail in the same way */
};

struct problem {
    int status;
    enum again again;
    unsigned retry_ms; /* for retry-after when the fault tells none; 0: no such field */
    const char *type;
    const char *param; /* when the fault tells none */
    const char *message;
};

#define REQUEST    "invalid_request_error"
#define PERMISSION "permission_error"
#define CONFLICT   "conflict_error"
#define UPSTREAM   "upstream_error"
#define SERVER     "server_error"

enum { A_SECOND = 1000 };

/* clang-format off */
static const struct problem problems[FAULT_KIND_MAX] = {
    [FAULT_UNAUTHENTICATED] = {401, .type = REQUEST,
        .message = "The API key is missing or not valid. Send it in the Authorization header: "
                   "\"Authorization: Bearer YOUR_KEY\"."},
    [FAULT_MODEL_NOT_ALLOWED] = {403, .type = PERMISSION, .param = "model",
        .message = "This API key may not use the model."},
    [FAULT_ADMIN_ONLY] = {403, .type = PERMISSION, .message = "This needs an admin key."},
    [FAULT_MODEL_NOT_FOUND] = {404, .type = REQUEST, .param = "model",
        .message = "The model does not exist or you do not have access to it."},
    [FAULT_UNKNOWN_URL] = {404, .type = REQUEST, .message = "Invalid URL."},
    [FAULT_METHOD_NOT_ALLOWED] = {405, .type = REQUEST,
        .message = "This method is not allowed here."},
    [FAULT_INVALID_JSON] = {400, .type = REQUEST,
        .message = "We could not parse the body of your request: it is not valid JSON."},
    [FAULT_MISSING_MEMBER] = {400, .type = REQUEST, .message = "A required parameter is missing."},
    [FAULT_WRONG_TYPE] = {400, .type = REQUEST, .message = "A parameter has the wrong type."},
    [FAULT_INVALID_VALUE] = {400, .type = REQUEST,
        .message = "A parameter has a value that is not allowed."},
    [FAULT_DUPLICATE_MEMBER] = {400, .type = REQUEST,
        .message = "A parameter is given more than once."},
    [FAULT_UNSUPPORTED] = {400, .type = REQUEST,
        .message = "A parameter is not supported by this model."},
    [FAULT_UNKNOWN_MEMBER] = {400, .type = REQUEST, .message = "A parameter is unknown."},
    [FAULT_NOT_FOUND] = {404, .type = REQUEST, .message = "There is no such object."},
    [FAULT_ALREADY_EXISTS] = {409, AGAIN_NEVER, .type = CONFLICT,
        .message = "The name is taken."},
    [FAULT_IN_USE] = {409, AGAIN_NEVER, .type = CONFLICT,
        .message = "Other objects need this one."},
    [FAULT_READ_ONLY] = {409, AGAIN_NEVER, .type = CONFLICT,
        .message = "This comes from the configuration file: change it there."},
    [FAULT_CONFLICT] = {409, AGAIN_NEVER, .type = CONFLICT,
        .message = "The state of the object does not allow this."},
    [FAULT_VERSION_CONFLICT] = {409, AGAIN_NEVER, .type = CONFLICT, .param = "version",
        .message = "The object was changed by somebody else."},
    [FAULT_PRECONDITION] = {412, AGAIN_NEVER, .type = CONFLICT, .param = "if-match",
        .message = "The object was changed by somebody else."},
    [FAULT_BAD_REQUEST] = {400, .type = REQUEST, .message = "The request is malformed."},
    [FAULT_REQUEST_TIMEOUT] = {408, .type = REQUEST,
        .message = "The request did not arrive in time."},
    [FAULT_BODY_TOO_LARGE] = {413, .type = REQUEST, .message = "The request body is too large."},
    [FAULT_HEADER_TOO_LARGE] = {431, .type = REQUEST,
        .message = "The request's header fields are too large."},
    [FAULT_NOT_IMPLEMENTED] = {501, AGAIN_NEVER, .type = REQUEST,
        .message = "The request uses something that is not supported."},
    [FAULT_LIMIT_REQUESTS] = {429, .retry_ms = A_SECOND, .type = "requests",
        .message = "Rate limit reached: requests per minute."},
    [FAULT_LIMIT_TOKENS] = {429, .retry_ms = A_SECOND, .type = "tokens",
        .message = "Rate limit reached: tokens per minute."},
    [FAULT_LIMIT_CONCURRENCY] = {429, .retry_ms = A_SECOND, .type = "concurrent_requests",
        .message = "Rate limit reached: concurrent requests."},
    [FAULT_CLIENT_CLOSED] = {499, .type = REQUEST, .message = "The client closed the connection."},
    [FAULT_UPSTREAM_REFUSED] = {502, .type = REQUEST,
        .message = "The provider refused the request."},
    [FAULT_CONTEXT_LENGTH] = {502, .type = REQUEST, .param = "messages",
        .message = "The prompt is too long for the model."},
    [FAULT_UPSTREAM_CREDENTIALS] = {502, AGAIN_NEVER, .type = UPSTREAM,
        .message = "The provider refused the gateway's credentials."},
    [FAULT_UPSTREAM_RATE_LIMIT] = {429, .retry_ms = A_SECOND, .type = UPSTREAM,
        .message = "The provider's rate limit is reached."},
    [FAULT_UPSTREAM_ERROR] = {502, AGAIN_IF_FRESH, .type = UPSTREAM,
        .message = "The provider failed."},
    [FAULT_UPSTREAM_OVERLOADED] = {503, .retry_ms = A_SECOND, .type = UPSTREAM,
        .message = "The provider is overloaded."},
    [FAULT_UPSTREAM_CONNECT] = {502, AGAIN_IF_FRESH, .type = UPSTREAM,
        .message = "The provider could not be reached."},
    [FAULT_UPSTREAM_TLS] = {502, AGAIN_NEVER, .type = UPSTREAM,
        .message = "No trusted connection to the provider could be made."},
    [FAULT_UPSTREAM_RESET] = {502, AGAIN_IF_FRESH, .type = UPSTREAM,
        .message = "The connection to the provider was lost."},
    [FAULT_UPSTREAM_PROTOCOL] = {502, AGAIN_IF_FRESH, .type = UPSTREAM,
        .message = "The provider's answer could not be understood."},
    [FAULT_UPSTREAM_TOO_LARGE] = {502, AGAIN_NEVER, .type = UPSTREAM,
        .message = "The provider's answer is too large."},
    [FAULT_UPSTREAM_TIMEOUT] = {504, AGAIN_IF_FRESH, .type = UPSTREAM,
        .message = "The provider did not answer in time."},
    [FAULT_UPSTREAM_INTERRUPTED] = {502, AGAIN_IF_FRESH, .type = UPSTREAM,
        .message = "The provider's answer broke off."},
    [FAULT_UPSTREAM_BUSY] = {503, .retry_ms = A_SECOND, .type = UPSTREAM,
        .message = "Too many requests are waiting for the provider."},
    [FAULT_UPSTREAM_UNAVAILABLE] = {503, .retry_ms = A_SECOND, .type = UPSTREAM,
        .message = "Every provider of the model is failing."},
    [FAULT_NOTHING_LOADED] = {503, .retry_ms = A_SECOND, .type = SERVER,
        .message = "The gateway is starting. Please try again shortly."},
    [FAULT_DRAINING] = {503, .retry_ms = A_SECOND, .type = SERVER,
        .message = "The gateway is shutting down. Please try again shortly."},
    [FAULT_LEDGER_FULL] = {503, .retry_ms = 5 * A_SECOND, .type = SERVER,
        .message = "The gateway cannot record requests at the moment. Please try again shortly."},
    [FAULT_STORE_AWAY] = {503, .retry_ms = A_SECOND, .type = SERVER,
        .message = "The store does not answer at the moment. Please try again shortly."},
    [FAULT_LIMITER_AWAY] = {503, .retry_ms = A_SECOND, .type = SERVER,
        .message = "The gateway cannot check rate limits at the moment. Please try again shortly."},
    [FAULT_INTERNAL] = {500, .type = SERVER, .message = "The gateway failed."},
};
/* clang-format on */

static const struct problem *problem_of(const struct fault *fault)
{
    const struct problem *p = &problems[fault->kind];

    return p->status ? p : &problems[FAULT_INTERNAL];
}

int problem_status(const struct fault *fault)
{
    if (fault_is_refusal(fault->kind) && fault->upstream_status >= 400 &&
        fault->upstream_status < 500)
        return fault->upstream_status;
    return problem_of(fault)->status;
}

/* --- the body --- */

/* A message may quote what the client sent: a name of some megabytes is not told back. */
enum { MESSAGE_MOST = 1024 };

static struct problem_text problem_text(const struct exchange *x, const struct fault *fault)
{
    const struct problem *p = problem_of(fault);
    struct slice message =
        slice_sub(fault->message, 0, MIN(fault->message.len, (size_t)MESSAGE_MOST));

    return (struct problem_text){
        .status = problem_status(fault),
        .message = message.len ? message : slice_str(p->message),
        .type = slice_str(p->type),
        .param = fault->param.len ? fault->param : slice_str(p->param),
        .code = slice_str(fault_traits(fault->kind)->code),
        .request_id = x->request_id,
    };
}

static struct slice problem_body(struct exchange *x, const struct fault *fault)
{
    struct problem_text text = problem_text(x, fault);

    return problem_body_write(exchange_dialect(x), &text, x->arena);
}

static bool fault_is_upstreams(enum fault_kind kind)
{
    return problems[kind].type && strcmp(problems[kind].type, UPSTREAM) == 0;
}

/* What the provider said about the caller's own request, where it fits into a frame's line. */
static bool refusal_fits(const struct fault *fault)
{
    struct slice said = fault->upstream_body;

    return fault_is_refusal(fault->kind) && said.len > 0 && !memchr(said.at, '\n', said.len) &&
           !memchr(said.at, '\r', said.len);
}

struct slice problem_event(struct exchange *x, const struct fault *fault)
{
    struct problem_text text = problem_text(x, fault);
    struct slice body = fault->upstream_body;

    /* clients know one code for a stream that broke; the message says what broke it */
    if (fault_is_upstreams(fault->kind))
        text.code = slice_str(fault_traits(FAULT_UPSTREAM_INTERRUPTED)->code);
    if (!refusal_fits(fault))
        body = problem_body_write(exchange_dialect(x), &text, x->arena);
    if (!body.at)
        return body;
    return problem_event_write(x->route->kind, body, x->outcome.stream_frames, x->arena);
}

/* --- the answer --- */

static void add_number(struct exchange *x, struct slice name, uint64_t n)
{
    char *text = arena_alloc(x->early, 20);

    if (text)
        exchange_header(x, name, slice_of(text, fmt_u64(text, n)));
}

static void add_advice(struct exchange *x, const struct fault *fault)
{
    const struct problem *p = problem_of(fault);
    uint64_t ms = fault->retry_after_ms ? fault->retry_after_ms : p->retry_ms;

    if (ms > 0) {
        add_number(x, SLICE("retry-after"), ms / 1000 + (ms % 1000 > 0));
        add_number(x, SLICE("retry-after-ms"), ms);
    }
    if (p->again == AGAIN_NEVER || (p->again == AGAIN_IF_FRESH && x->outcome.attempts > 1))
        exchange_header(x, SLICE("x-should-retry"), SLICE("false"));
    if (fault->kind == FAULT_UNAUTHENTICATED) /* RFC 9110 section 15.5.2 */
        exchange_header(x, SLICE("www-authenticate"), SLICE("Bearer"));
}

/* What the provider said, where that is what the client is to get. Copied: a fault's text lives
 * during the call only. */
static struct slice refusal_body(struct arena *a, const struct fault *fault)
{
    if (!fault_is_refusal(fault->kind) || fault->upstream_body.len == 0)
        return (struct slice){0};
    return arena_copy(a, fault->upstream_body);
}

enum mw problem_answer_as(struct exchange *x, const struct fault *fault, int status)
{
    struct slice type = SLICE("application/json");
    struct slice body = refusal_body(x->arena, fault);

    x->outcome.fault = fault->kind;
    x->outcome.status = outcome_of_fault(fault->kind, false);
    add_advice(x, fault);
    if (body.len == 0)
        body = problem_body(x, fault);
    else if (fault->upstream_content_type.len > 0)
        type = fault->upstream_content_type;
    reply_send(x, status, type, body);
    return MW_DONE;
}

enum mw problem_answer_fault(struct exchange *x, const struct fault *fault)
{
    return problem_answer_as(x, fault, problem_status(fault));
}

enum mw problem_answer(struct exchange *x, enum fault_kind kind)
{
    return problem_answer_fault(x, &(struct fault){.kind = kind});
}
