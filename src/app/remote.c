/* remote.c: see remote.h. */

#include "app/remote.h"

#include "app/command.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "codec/json.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { SILENCE_MS = 60000, BODY_MOST = 64 << 20 };

struct remote {
    struct arena arena;
    struct url url;
    struct fetcher *fetcher;
    struct slice authorization;
};

bool remote_is_wanted(const char *url)
{
    const char *set = getenv("COURIER_URL");

    return url || (set && *set);
}

static bool open_url(struct remote *r, const char *text)
{
    const char *why;

    text = text ? text : getenv("COURIER_URL");
    if (!text || !*text) {
        command_complain("where is the gateway? Set COURIER_URL (http://127.0.0.1:8080), or give "
                         "--url");
        return false;
    }
    if (url_parse(slice_str(text), &r->url, &why) < 0) {
        command_complain("\"%s\" is no address of a gateway: it %s", text, why);
        return false;
    }
    return true;
}

static bool open_key(struct remote *r)
{
    const char *key = getenv("COURIER_ADMIN_KEY");

    if (!key || !*key) {
        command_complain("set COURIER_ADMIN_KEY to an administrator's key");
        return false;
    }
    r->authorization = arena_printf(&r->arena, "Bearer %s", key);
    if (!r->authorization.at || header_value_is_safe(r->authorization))
        return r->authorization.at != NULL;
    command_complain("COURIER_ADMIN_KEY holds what no key can hold");
    return false;
}

bool remote_open(const char *url, struct remote **ret)
{
    struct remote *r = calloc(1, sizeof(*r));

    *ret = NULL;
    if (!r)
        return false;
    arena_init(&r->arena, 0);
    signal(SIGPIPE, SIG_IGN);
    if (open_url(r, url) && open_key(r) && fetcher_new(NULL, &r->fetcher) == OK) {
        *ret = r;
        return true;
    }
    remote_close(r);
    return false;
}

void remote_close(struct remote *r)
{
    if (!r)
        return;
    fetcher_free(r->fetcher);
    if (r->authorization.at)
        secret_wipe((void *)(uintptr_t)r->authorization.at, r->authorization.len);
    arena_clear(&r->arena);
    free(r);
}

/* --- what the gateway says --- */

void remote_tame(char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = utf8_control((const unsigned char *)at + i, n - i);
        if (len)
            memset(at + i, '?', len);
    }
}

static struct slice text_of(struct json_value v, struct arena *a)
{
    char *at = v.type == JSON_STRING ? arena_alloc(a, v.text.len) : NULL;
    size_t n = at ? json_decode(v, at) : 0;

    remote_tame(at, n);
    return slice_of(at, n);
}

static void complain_answer(const struct fetched *answer, struct arena *a)
{
    static const struct json_member outer[] = {{SLICE_INIT("error")}};
    static const struct json_member inner[] = {{SLICE_INIT("message")}, {SLICE_INIT("param")}};
    struct json_value error, said[ARRAY_LEN(inner)];
    struct json_error unused;

    if (json_scan(answer->body, outer, 1, &error, &unused) && error.type == JSON_OBJECT &&
        json_members(error.text, inner, ARRAY_LEN(inner), said)) {
        struct slice message = text_of(said[0], a), param = text_of(said[1], a);
        command_complain("%.*s%s%.*s%s (%d)", SLICE_FMT(message), param.len ? " [" : "",
                         SLICE_FMT(param), param.len ? "]" : "", answer->status);
    } else {
        command_complain("the gateway answers %d; is this the address of a courier?",
                         answer->status);
    }
}

static int judge(const struct remote_ask *ask, const struct fetched *answer, struct arena *a)
{
    struct json_error unused;

    if (answer->status / 100 != 2) {
        complain_answer(answer, a);
        return EXIT_FAILED;
    }
    if (!ask->take && answer->body.len && !json_is_valid(answer->body, &unused)) {
        command_complain("the gateway's answer is no JSON; is this the address of a courier?");
        return EXIT_FAILED;
    }
    return EXIT_GOOD;
}

int remote_send(struct remote *r, const struct remote_ask *ask, struct arena *a,
                struct slice *ret_body)
{
    const struct header headers[] = {
        {SLICE("authorization"), r->authorization         },
        {SLICE("content-type"),  SLICE("application/json")},
        {SLICE("user-agent"),    SLICE("courier-shell")   },
    };
    struct fetch question = {
        .url = &r->url,
        .method = ask->method,
        .target = arena_printf(a, "%.*s%.*s", SLICE_FMT(r->url.path), SLICE_FMT(ask->target)),
        .headers = headers,
        .headers_len = ARRAY_LEN(headers),
        .body = ask->body,
        .silence_ms = SILENCE_MS,
        .body_most = BODY_MOST,
        .take = ask->take,
        .arg = ask->arg,
    };
    struct fetched answer;
    int rc = question.target.at ? fetcher_ask(r->fetcher, &question, a, &answer) : -ENOMEM;

    if (rc < 0) {
        command_complain("the gateway at %.*s cannot be reached: %s", SLICE_FMT(r->url.authority),
                         log_errno(rc));
        return EXIT_UNREACHABLE;
    }
    if (ret_body)
        *ret_body = answer.body;
    return judge(ask, &answer, a);
}

void remote_encode(struct buf *b, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            buf_add_char(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}
