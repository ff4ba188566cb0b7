/* limit_repo.c: see limit_repo.h.
 *
 * Scripts are loaded when the connection stands and then called by their hash. Redis may forget
 * them (SCRIPT FLUSH, a restart, a fail-over): then the text goes along, which loads it again. */

#include "repository/limit_repo.h"

#include "base/fmt.h"

#include <embedded_lua.h>

#include <errno.h>
#include <stdlib.h>

enum script { SCRIPT_TAKE, SCRIPT_SETTLE, SCRIPT_RENEW, SCRIPT_MAX };

enum { SHA1 = 40, SCRIPT_BYTES = 32 * 1024, LEASE_TEXT = 64 };

struct loaded_script {
    struct buf text;
    char sha1[SHA1]; /* as Redis told it */
    bool known;
    struct redis_call load;
};

struct limit_repo {
    struct redis *redis;
    struct loaded_script scripts[SCRIPT_MAX];
    char name[LEASE_TEXT / 2]; /* what its leases begin with */
    size_t name_len;
    char instance[LIMIT_INSTANCE];
    void (*on_state)(void *owner, bool up);
    void *owner;
};

/* --- the scripts --- */

static int add_file(struct buf *text, const char *path)
{
    for (const struct embedded_file *f = embedded_files; f->path; f++)
        if (strcmp(f->path, path) == 0)
            return buf_add(text, slice_str(f->text));
    return -ENOENT;
}

static int make_scripts(struct limit_repo *r)
{
    static const char *const parts[SCRIPT_MAX][2] = {
        [SCRIPT_TAKE] = {"limit_window.lua",  "limit_take.lua"},
        [SCRIPT_SETTLE] = {"limit_window.lua",                   "limit_settle.lua"},
        [SCRIPT_RENEW] = {"limit_renew.lua"},
    };
    int rc = OK;

    for (size_t i = 0; i < SCRIPT_MAX; i++)
        buf_init(&r->scripts[i].text, SCRIPT_BYTES);
    for (size_t i = 0; rc == OK && i < SCRIPT_MAX; i++)
        for (size_t j = 0; rc == OK && j < 2 && parts[i][j]; j++)
            rc = add_file(&r->scripts[i].text, parts[i][j]);
    return rc;
}

static void on_loaded(struct op *op, int rc)
{
    struct loaded_script *s = container_of(op, struct loaded_script, load.op);

    if (rc < 0 || s->load.reply->values[0].text.len != SHA1)
        return; /* the text goes along then */
    memcpy(s->sha1, s->load.reply->values[0].text.at, SHA1);
    s->known = true;
}

static void load_scripts(struct limit_repo *r)
{
    for (size_t i = 0; i < SCRIPT_MAX; i++) {
        struct loaded_script *s = &r->scripts[i];
        const struct slice words[] = {SLICE("SCRIPT"), SLICE("LOAD"), buf_slice(&s->text)};
        redis_cancel(&s->load);
        s->load.op.done = on_loaded;
        redis_start(r->redis, &s->load, words, ARRAY_LEN(words), 0);
    }
}

/* --- words of a command --- */

enum { WORDS_MOST = LIMIT_RENEW_MOST + 8 };

struct command {
    struct slice words[WORDS_MOST];
    size_t len;
    char text[LIMIT_RENEW_MOST * LEASE_TEXT + 256];
    size_t text_len;
};

static void add_word(struct command *c, struct slice word)
{
    c->words[c->len++] = word;
}

static void add_number(struct command *c, uint64_t n)
{
    char *at = c->text + c->text_len;
    size_t len = fmt_u64(at, n);

    c->text_len += len;
    add_word(c, slice_of(at, len));
}

static char *put(char *at, struct slice s)
{
    memcpy(at, s.at, s.len);
    return at + s.len;
}

/* "courier:{k7}:windows": what is in braces decides where a cluster keeps it. */
static void add_key(struct command *c, int64_t key_id, struct slice what)
{
    char *from = c->text + c->text_len, *at = put(from, SLICE("courier:{k"));

    at += fmt_u64(at, (uint64_t)key_id);
    at = put(put(at, SLICE("}:")), what);
    c->text_len += (size_t)(at - from);
    add_word(c, slice_of(from, (size_t)(at - from)));
}

static void add_lease(struct command *c, const struct limit_repo *r, uint64_t lease)
{
    char *from = c->text + c->text_len, *at = put(from, slice_of(r->name, r->name_len));

    at += fmt_u64(at, lease);
    c->text_len += (size_t)(at - from);
    add_word(c, slice_of(from, (size_t)(at - from)));
}

static void begin_command(struct command *c, const struct limit_repo *r, enum script script,
                          bool with_text)
{
    const struct loaded_script *s = &r->scripts[script];

    c->len = c->text_len = 0;
    add_word(c, with_text ? SLICE("EVAL") : SLICE("EVALSHA"));
    add_word(c, with_text ? buf_slice(&s->text) : slice_of(s->sha1, SHA1));
}

static void add_keys(struct command *c, int64_t key_id)
{
    add_word(c, SLICE("2"));
    add_key(c, key_id, SLICE("windows"));
    add_key(c, key_id, SLICE("leases"));
}

static void write_take(struct command *c, const struct limit_repo *r, const struct limit_ask *ask)
{
    add_keys(c, ask->key_id);
    add_number(c, ask->rpm);
    add_number(c, ask->tpm);
    add_number(c, ask->concurrency);
    add_number(c, ask->tokens);
    add_lease(c, r, ask->lease);
    add_number(c, ask->lease_ms);
}

static void write_settlement(struct command *c, const struct limit_repo *r,
                             const struct limit_settlement *s)
{
    add_keys(c, s->key_id);
    add_lease(c, r, s->lease);
    add_number(c, s->request_entry);
    add_number(c, s->token_entry);
    add_number(c, s->reserved);
    add_number(c, s->used);
}

/* --- sending and hearing --- */

static uint64_t number_at(const struct resp_reply *reply, size_t i)
{
    const struct resp_value *v = &reply->values[i];

    return v->kind == RESP_NUMBER && v->number > 0 ? (uint64_t)v->number : 0;
}

static int read_answer(const struct resp_reply *reply, struct limit_answer *ret)
{
    if (reply->len != 9 || number_at(reply, 1) > LIMIT_CONCURRENCY)
        return -EREMOTEIO;
    *ret = (struct limit_answer){
        .refused = (enum limit_refusal)number_at(reply, 1),
        .retry_after_ms = number_at(reply, 2),
        .requests_left = number_at(reply, 3),
        .requests_ms = number_at(reply, 4),
        .tokens_left = number_at(reply, 5),
        .tokens_ms = number_at(reply, 6),
        .request_entry = number_at(reply, 7),
        .token_entry = number_at(reply, 8),
    };
    return OK;
}

static int send(struct limit_call *call, const struct command *c)
{
    return redis_start(call->repo->redis, &call->command, c->words, c->len, 0);
}

static int send_step(struct limit_call *call, bool with_text)
{
    struct command c;

    begin_command(&c, call->repo, call->script, with_text);
    if (call->script == SCRIPT_TAKE)
        write_take(&c, call->repo, &call->what.ask);
    else
        write_settlement(&c, call->repo, &call->what.settlement);
    return send(call, &c);
}

static int read_reply(struct limit_call *call, int rc)
{
    const struct resp_reply *reply = call->command.reply;

    if (rc == -EREMOTEIO)
        call->why = reply->values[0].text;
    if (rc < 0)
        return rc;
    if (call->script == SCRIPT_TAKE)
        return read_answer(reply, &call->answer);
    call->instances = number_at(reply, 0);
    return OK;
}

static void on_reply(struct op *op, int rc)
{
    struct limit_call *call = container_of(op, struct limit_call, command.op);

    if (rc == -EREMOTEIO && call->script != SCRIPT_RENEW &&
        slice_starts(call->command.reply->values[0].text, SLICE("NOSCRIPT")))
        rc = send_step(call, true);
    else
        rc = read_reply(call, rc);
    if (rc != AGAIN)
        call->op.done(&call->op, rc);
}

static void begin_call(struct limit_repo *r, struct limit_call *call, enum script script)
{
    call->repo = r;
    call->script = script;
    call->why = (struct slice){0};
    call->command = (struct redis_call){.op.done = on_reply};
}

int limit_repo_take(struct limit_repo *r, struct limit_call *call, const struct limit_ask *ask)
{
    begin_call(r, call, SCRIPT_TAKE);
    call->what.ask = *ask;
    return send_step(call, !r->scripts[SCRIPT_TAKE].known);
}

int limit_repo_settle(struct limit_repo *r, struct limit_call *call,
                      const struct limit_settlement *what)
{
    begin_call(r, call, SCRIPT_SETTLE);
    call->what.settlement = *what;
    return send_step(call, !r->scripts[SCRIPT_SETTLE].known);
}

int limit_repo_renew(struct limit_repo *r, struct limit_call *call,
                     const struct limit_renewal *what)
{
    struct command c;

    begin_call(r, call, SCRIPT_RENEW);
    begin_command(&c, r, SCRIPT_RENEW, true);
    add_word(&c, SLICE("1"));
    add_key(&c, what->key_id, SLICE("leases"));
    add_number(&c, what->lease_ms);
    for (size_t i = 0; i < what->len; i++)
        add_lease(&c, r, what->leases[i]);
    return send(call, &c);
}

int limit_repo_announce(struct limit_repo *r, struct limit_call *call, uint64_t lease_ms)
{
    struct command c;

    begin_call(r, call, SCRIPT_RENEW);
    begin_command(&c, r, SCRIPT_RENEW, true);
    add_word(&c, SLICE("1"));
    add_word(&c, SLICE("courier:{instances}"));
    add_number(&c, lease_ms);
    add_word(&c, slice_of(r->instance, LIMIT_INSTANCE));
    return send(call, &c);
}

void limit_repo_cancel(struct limit_call *call)
{
    redis_cancel(&call->command);
}

/* --- making --- */

static void on_state(void *owner, bool up)
{
    struct limit_repo *r = owner;

    if (up)
        load_scripts(r);
    if (r->on_state)
        r->on_state(r->owner, up);
}

static void name_leases(struct limit_repo *r, unsigned worker)
{
    char *at = put(r->name, slice_of(r->instance, LIMIT_INSTANCE));
    char number[20];

    *at++ = '.';
    at = put(at, slice_of(number, fmt_u64(number, worker)));
    *at++ = '.';
    r->name_len = (size_t)(at - r->name);
}

int limit_repo_new(struct loop *loop, const struct limit_repo_options *options,
                   struct limit_repo **ret)
{
    struct limit_repo *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    const struct redis_options redis = {
        .url = options->url,
        .tls = options->tls,
        .limits = redis_limits_usual,
        .on_state = on_state,
        .owner = r,
    };
    memcpy(r->instance, options->instance, LIMIT_INSTANCE);
    name_leases(r, options->worker);
    r->on_state = options->on_state;
    r->owner = options->owner;
    int rc = make_scripts(r);
    if (rc == OK)
        rc = redis_new(loop, &redis, &r->redis);
    if (rc < 0)
        limit_repo_free(r);
    else
        *ret = r;
    return rc;
}

void limit_repo_free(struct limit_repo *r)
{
    if (!r)
        return;
    redis_free(r->redis);
    for (size_t i = 0; i < SCRIPT_MAX; i++)
        buf_free(&r->scripts[i].text);
    free(r);
}

bool limit_repo_is_up(const struct limit_repo *r)
{
    return redis_is_up(r->redis);
}

const char *limit_repo_why(const struct limit_repo *r)
{
    return redis_why(r->redis);
}
