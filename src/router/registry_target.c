/* registry_target.c: the rows of a model and its provider → the targets where it can be answered.
 */

#include "router/registry_building.h"

#include "adapter/registry.h"
#include "base/buf.h"
#include "codec/url.h"
#include "http/client.h"

#include <errno.h>

enum { DEFINITION_MAX = 1 << 20 }; /* of a model: the texts of at most 64 targets */

/* One target's settings after what it inherits, before it becomes one. */
struct place {
    const struct model_row *model;
    size_t nth; /* of several, from 1; 0: the model's only one */
    const struct provider_row *provider;
    const struct adapter *adapter;
    struct slice upstream_model;
    struct slice endpoint; /* empty: the provider's */
    struct secret api_key;
    struct url url; /* borrows of the registry's arena */
};

static struct slice first_of(struct slice own, struct slice inherited)
{
    return slice_is_empty(own) ? inherited : own;
}

static struct slice keep(struct registry_building *b, struct slice s)
{
    struct slice copy = arena_copy(b->arena, s);

    if (!copy.at)
        b->rc = -ENOMEM;
    return copy;
}

/* Tells what is wrong with a target: why is of b->notes. */
static void note_place(struct registry_building *b, const struct place *p, struct slice why)
{
    struct slice name = p->model->name;

    if (!why.at)
        b->rc = -ENOMEM;
    else if (p->nth)
        registry_note(b, arena_printf(b->notes, "model %.*s: target %zu: %.*s", SLICE_FMT(name),
                                      p->nth, SLICE_FMT(why)));
    else
        registry_note(b,
                      arena_printf(b->notes, "model %.*s: %.*s", SLICE_FMT(name), SLICE_FMT(why)));
}

/* --- what a target inherits --- */

/* False: it was told why there is none. */
static bool find_provider(struct registry_building *b, const struct target_row *t, struct place *p)
{
    struct slice name = first_of(t->provider, p->model->provider);

    p->provider = map_get(&b->providers, name);
    if (p->provider)
        p->adapter = adapter_find(p->provider->type);
    else if (slice_is_empty(name))
        note_place(b, p, arena_printf(b->notes, "it has no provider"));
    else
        note_place(b, p, arena_printf(b->notes, "its provider %.*s is not there", SLICE_FMT(name)));
    return p->provider;
}

/* The model's endpoint and key belong to the model's provider: no other gets them. */
static void inherit(const struct target_row *t, struct place *p)
{
    const struct model_row *m = p->model;
    bool same = slice_is_empty(m->provider) || slice_eq(p->provider->name, m->provider);

    p->upstream_model = first_of(first_of(t->upstream_model, m->upstream_model), m->name);
    p->endpoint = t->endpoint;
    p->api_key = t->api_key;
    if (same) {
        p->endpoint = first_of(p->endpoint, m->endpoint);
        p->api_key = secret_is_empty(p->api_key) ? m->api_key : p->api_key;
    }
    if (secret_is_empty(p->api_key))
        p->api_key = p->provider->api_key;
}

/* Where its requests go: false when it was told why nowhere. */
static bool find_url(struct registry_building *b, struct place *p)
{
    struct slice of_provider =
        first_of(p->provider->base_url, adapter_fallback(p->adapter, "base_url"));
    struct slice text = first_of(p->endpoint, of_provider);
    const char *why = NULL;

    if (slice_is_empty(text)) {
        note_place(b, p,
                   arena_printf(b->notes,
                                "its provider %.*s has no base_url and type %.*s has none of its "
                                "own",
                                SLICE_FMT(p->provider->name), SLICE_FMT(p->provider->type)));
        return false;
    }
    text = keep(b, text);
    if (!text.at)
        return false;
    if (url_parse(text, &p->url, &why) < 0) {
        note_place(
            b, p,
            arena_printf(b->notes, "%.*s is no URL of a provider: it %s", SLICE_FMT(text), why));
        return false;
    }
    return true;
}

/* --- what it becomes --- */

static struct origin *make_origin(struct registry_building *b, const struct url *url)
{
    struct origin *o = arena_new(b->arena, struct origin);
    bool v6 = url->host.len && memchr(url->host.at, ':', url->host.len);

    if (!o) {
        b->rc = -ENOMEM;
        return NULL;
    }
    o->host = keep(b, url->host);
    o->port = url->port;
    o->tls = url->tls;
    o->key = arena_printf(b->arena, "%s://%s%.*s%s:%u", url->tls ? "https" : "http", v6 ? "[" : "",
                          SLICE_FMT(url->host), v6 ? "]" : "", url->port);
    if (!o->key.at)
        b->rc = -ENOMEM;
    o->hash = slice_hash(o->key);
    return o;
}

/* The same for the same settings in every snapshot of this process, so that what is known of its
 * health outlives a reload. The key is only in its hash. */
static uint64_t identity_of(const struct target *t)
{
    const uint64_t parts[] = {
        slice_hash(t->provider), slice_hash(secret_reveal(t->api_key)),
        t->origin->hash,         slice_hash(t->base_path),
        slice_hash(t->query),    slice_hash(t->upstream_model),
    };

    return slice_hash(slice_of((const char *)parts, sizeof(parts)));
}

static void make_target(struct registry_building *b, const struct place *p, struct target *ret)
{
    ret->model = keep(b, p->model->name);
    ret->provider = keep(b, p->provider->name);
    ret->upstream_model = keep(b, p->upstream_model);
    ret->adapter = p->adapter;
    ret->origin = make_origin(b, &p->url);
    ret->authority = p->url.authority;
    ret->base_path = p->url.path;
    ret->query = p->url.query;
    ret->api_key = secret_of(keep(b, secret_reveal(p->api_key)));
    ret->timeout_ms = p->model->timeout_ms;
    ret->retries = p->model->retries;
    ret->max_tokens = p->model->max_tokens;
    if (b->rc == OK)
        ret->identity = identity_of(ret);
}

static bool is_among(const struct target *targets, size_t n, uint64_t identity)
{
    for (size_t i = 0; i < n; i++)
        if (targets[i].identity == identity)
            return true;
    return false;
}

static void forget(struct target *t)
{
    struct slice key = secret_reveal(t->api_key);

    if (key.len)
        secret_wipe((void *)(uintptr_t)key.at, key.len);
    *t = (struct target){0};
}

/* Into the next free place. */
static void add_target(struct registry_building *b, const struct target_row *t, struct place *p,
                       struct registry_model *model)
{
    struct target *targets = (struct target *)(uintptr_t)model->targets;
    struct target *target = &targets[model->targets_len];

    if (!find_provider(b, t, p))
        return;
    inherit(t, p);
    if (!find_url(b, p))
        return;
    make_target(b, p, target);
    if (b->rc < 0) {
        forget(target);
        return;
    }
    if (is_among(targets, model->targets_len, target->identity)) {
        forget(target);
        note_place(b, p, arena_printf(b->notes, "it is there twice"));
        return;
    }
    model->targets_len++;
}

/* --- what its answers depend on --- */

static void define_text(struct buf *b, struct slice text)
{
    buf_printf(b, " %zu:", text.len); /* so that no two lists of texts look alike */
    buf_add(b, text);
}

static void define_target(struct buf *b, const struct target *t)
{
    define_text(b, t->provider);
    define_text(b, slice_str(t->adapter->name));
    define_text(b, t->origin->key);
    define_text(b, t->base_path);
    define_text(b, t->query);
    define_text(b, t->upstream_model);
}

/* Credentials take no part: another key gets the same answers. */
void registry_define(struct registry_building *b, struct registry_model *model)
{
    struct buf text;

    buf_init(&text, DEFINITION_MAX);
    define_text(&text, model->name);
    buf_printf(&text, " %llu", (unsigned long long)model->max_tokens);
    for (size_t i = 0; i < model->targets_len; i++)
        define_target(&text, &model->targets[i]);
    if (text.rc == OK)
        model->definition = keep(b, buf_slice(&text));
    else
        b->rc = -ENOMEM;
    buf_free(&text);
}

void registry_add_targets(struct registry_building *b, const struct model_row *m,
                          struct registry_model *ret)
{
    static const struct target_row own = {0};
    size_t n = MAX(m->targets_len, (size_t)1);

    ret->targets = arena_new_array(b->arena, struct target, n);
    if (!ret->targets)
        b->rc = -ENOMEM;
    for (size_t i = 0; b->rc == OK && i < n; i++) {
        struct place place = {.model = m, .nth = m->targets_len ? i + 1 : 0};
        add_target(b, m->targets_len ? &m->targets[i] : &own, &place, ret);
    }
}
