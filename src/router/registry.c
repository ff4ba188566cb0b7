/* registry.c: builds the table of models from rows; a row that is wrong is left out and told.
 *
 * Everything a registry holds lives in its own arena, so one free ends it. Texts that become part
 * of a C call later (the host for the resolver) are NUL-terminated, because arena_copy does so. */

#include "router/registry.h"

#include "adapter/registry.h"
#include "base/map.h"
#include "codec/url.h"
#include "http/client.h"

#include <errno.h>
#include <stdlib.h>

struct registry {
    struct arena arena;
    struct map by_name; /* → struct registry_model */
    const struct registry_model **models;
    size_t len;
};

/* What building needs besides the registry itself. */
struct building {
    struct registry *registry;
    const struct registry_rows *rows;
    struct map providers; /* name → struct provider_row, the good ones */
    struct arena *notes;  /* the caller's */
    struct registry_fault *faults;
    size_t faults_len, faults_cap;
    int rc;
};

/* One provider's and model's settings, before they become a target. */
struct place {
    const struct adapter *adapter;
    struct url url;
};

static void note(struct building *b, struct slice what)
{
    if (!what.at || b->faults_len == b->faults_cap) {
        b->rc = -ENOMEM;
        return;
    }
    b->faults[b->faults_len++].what = what;
}

static struct slice keep(struct building *b, struct slice s)
{
    struct slice copy = arena_copy(&b->registry->arena, s);

    if (!copy.at)
        b->rc = -ENOMEM;
    return copy;
}

/* --- providers --- */

/* The URL that a provider's requests go to, unless a model says otherwise. */
static struct slice base_url_of(const struct provider_row *p, const struct adapter *adapter)
{
    return slice_is_empty(p->base_url) ? adapter_fallback(adapter, "base_url") : p->base_url;
}

static void add_provider(struct building *b, const struct provider_row *p)
{
    const struct adapter *adapter = adapter_find(p->type);

    if (slice_is_empty(p->name))
        note(b, arena_printf(b->notes, "a provider has no name"));
    else if (map_get(&b->providers, p->name))
        note(b, arena_printf(b->notes, "provider %.*s: it is there twice", SLICE_FMT(p->name)));
    else if (!adapter)
        note(b, arena_printf(b->notes, "provider %.*s: there is no type %.*s", SLICE_FMT(p->name),
                             SLICE_FMT(p->type)));
    else if (map_put(&b->providers, p->name, (void *)(uintptr_t)p) < 0)
        b->rc = -ENOMEM;
}

/* --- models --- */

/* Where a model's requests go: false when it was told why nowhere. */
static bool find_place(struct building *b, const struct model_row *m, const struct provider_row *p,
                       struct place *ret)
{
    const char *why = NULL;

    ret->adapter = adapter_find(p->type);
    struct slice text = slice_is_empty(m->endpoint) ? base_url_of(p, ret->adapter) : m->endpoint;
    if (slice_is_empty(text)) {
        note(b, arena_printf(b->notes,
                             "model %.*s: its provider %.*s has no base_url and type "
                             "%.*s has none of its own",
                             SLICE_FMT(m->name), SLICE_FMT(p->name), SLICE_FMT(p->type)));
        return false;
    }
    text = keep(b, text);
    if (!text.at)
        return false;
    if (url_parse(text, &ret->url, &why) < 0) {
        note(b, arena_printf(b->notes, "model %.*s: %.*s is no URL of a provider: %s",
                             SLICE_FMT(m->name), SLICE_FMT(text), why ? why : ""));
        return false;
    }
    return true;
}

static struct origin *make_origin(struct building *b, const struct url *url)
{
    struct arena *a = &b->registry->arena;
    struct origin *o = arena_new(a, struct origin);
    bool v6 = url->host.len && memchr(url->host.at, ':', url->host.len);

    if (!o) {
        b->rc = -ENOMEM;
        return NULL;
    }
    o->host = keep(b, url->host);
    o->port = url->port;
    o->tls = url->tls;
    o->key = arena_printf(a, "%s://%s%.*s%s:%u", url->tls ? "https" : "http", v6 ? "[" : "",
                          SLICE_FMT(url->host), v6 ? "]" : "", url->port);
    if (!o->key.at)
        b->rc = -ENOMEM;
    o->hash = slice_hash(o->key);
    return o;
}

static struct target *make_target(struct building *b, const struct model_row *m,
                                  const struct provider_row *p, const struct place *place)
{
    struct target *t = arena_new(&b->registry->arena, struct target);
    struct secret key = secret_is_empty(m->api_key) ? p->api_key : m->api_key;

    if (!t) {
        b->rc = -ENOMEM;
        return NULL;
    }
    t->model = keep(b, m->name);
    t->provider = keep(b, p->name);
    t->upstream_model = slice_is_empty(m->upstream_model) ? t->model : keep(b, m->upstream_model);
    t->adapter = place->adapter;
    t->origin = make_origin(b, &place->url);
    t->authority = place->url.authority;
    t->base_path = place->url.path;
    t->api_key = secret_of(keep(b, secret_reveal(key)));
    t->timeout_ms = m->timeout_ms;
    t->retries = m->retries;
    return t;
}

static void add_model(struct building *b, const struct model_row *m)
{
    const struct provider_row *p = map_get(&b->providers, m->provider);
    struct place place;

    if (slice_is_empty(m->name)) {
        note(b, arena_printf(b->notes, "a model has no name"));
        return;
    }
    if (map_get(&b->registry->by_name, m->name)) {
        note(b, arena_printf(b->notes, "model %.*s: it is there twice", SLICE_FMT(m->name)));
        return;
    }
    if (!p) {
        note(b, arena_printf(b->notes, "model %.*s: its provider %.*s is not there",
                             SLICE_FMT(m->name), SLICE_FMT(m->provider)));
        return;
    }
    if (!find_place(b, m, p, &place))
        return;
    struct registry_model *model = arena_new(&b->registry->arena, struct registry_model);
    struct target *target = make_target(b, m, p, &place);
    if (!model || b->rc < 0) {
        b->rc = -ENOMEM;
        return;
    }
    *model = (struct registry_model){.name = target->model,
                                     .owned_by = target->provider,
                                     .created_wall_us = m->created_wall_us,
                                     .targets = target,
                                     .targets_len = 1};
    if (map_put(&b->registry->by_name, model->name, model) < 0)
        b->rc = -ENOMEM;
}

/* --- fallbacks: names, so that a circle of them is nothing special --- */

static size_t count_names(struct slice list)
{
    size_t n = 0;

    while (list.len)
        n += !slice_is_empty(slice_trim(slice_cut(&list, ',')));
    return n;
}

static void add_fallbacks(struct building *b, const struct model_row *m)
{
    struct registry_model *model = map_get(&b->registry->by_name, m->name);
    struct slice list = m->fallback;
    size_t n = count_names(list);

    if (!model || model->fallback || n == 0)
        return;
    struct slice *names = arena_new_array(&b->registry->arena, struct slice, n);
    if (!names) {
        b->rc = -ENOMEM;
        return;
    }
    model->fallback = names;
    while (list.len) {
        struct slice name = slice_trim(slice_cut(&list, ','));
        const struct registry_model *other = map_get(&b->registry->by_name, name);
        if (other)
            names[model->fallback_len++] = other->name;
        else if (!slice_is_empty(name))
            note(b, arena_printf(b->notes, "model %.*s: its fallback %.*s is not there",
                                 SLICE_FMT(m->name), SLICE_FMT(name)));
    }
}

/* --- the whole --- */

static int compare_names(const void *a, const void *b)
{
    const struct slice *x = &(*(const struct registry_model *const *)a)->name;
    const struct slice *y = &(*(const struct registry_model *const *)b)->name;
    int order = memcmp(x->at, y->at, MIN(x->len, y->len));

    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void sort_models(struct building *b)
{
    struct registry *r = b->registry;
    const struct map_entry *e;
    size_t at = 0;

    r->models =
        arena_zalloc_array(&r->arena, r->by_name.len, sizeof(const struct registry_model *));
    if (!r->models) {
        b->rc = -ENOMEM;
        return;
    }
    while ((e = map_next(&r->by_name, &at)))
        r->models[r->len++] = e->value;
    qsort(r->models, r->len, sizeof(*r->models), compare_names);
}

/* A row gives at most one fault of its own, and one for each fallback's name. */
static int make_room_for_faults(struct building *b)
{
    b->faults_cap = b->rows->providers_len + b->rows->models_len;
    for (size_t i = 0; i < b->rows->models_len; i++)
        b->faults_cap += count_names(b->rows->models[i].fallback);
    b->faults = arena_new_array(b->notes, struct registry_fault, b->faults_cap);
    return b->faults ? OK : -ENOMEM;
}

static void build(struct building *b)
{
    const struct registry_rows *rows = b->rows;

    b->rc = make_room_for_faults(b);
    for (size_t i = 0; b->rc == OK && i < rows->providers_len; i++)
        add_provider(b, &rows->providers[i]);
    for (size_t i = 0; b->rc == OK && i < rows->models_len; i++)
        add_model(b, &rows->models[i]);
    for (size_t i = 0; b->rc == OK && i < rows->models_len; i++)
        add_fallbacks(b, &rows->models[i]);
    if (b->rc == OK)
        sort_models(b);
}

int registry_new(const struct registry_rows *rows, struct arena *a, struct registry **ret,
                 struct registry_fault **ret_faults, size_t *ret_faults_len)
{
    struct building b = {.registry = calloc(1, sizeof(struct registry)), .rows = rows, .notes = a};

    *ret = NULL;
    *ret_faults_len = 0;
    if (!b.registry)
        return -ENOMEM;
    arena_init(&b.registry->arena, 0);
    map_init(&b.registry->by_name);
    map_init(&b.providers);
    build(&b);
    map_free(&b.providers);
    if (b.rc < 0) {
        registry_free(b.registry);
        return b.rc;
    }
    *ret = b.registry;
    *ret_faults = b.faults;
    *ret_faults_len = b.faults_len;
    return OK;
}

static void wipe_key(const struct registry_model *m)
{
    struct slice key = secret_reveal(m->targets->api_key);

    if (key.len)
        secret_wipe((void *)(uintptr_t)key.at, key.len);
}

void registry_free(struct registry *r)
{
    const struct map_entry *e;
    size_t at = 0;

    if (!r)
        return;
    while ((e = map_next(&r->by_name, &at)))
        wipe_key(e->value);
    map_free(&r->by_name);
    arena_clear(&r->arena);
    free(r);
}

const struct registry_model *registry_find(const struct registry *r, struct slice name)
{
    return map_get(&r->by_name, name);
}

const struct registry_model *const *registry_models(const struct registry *r, size_t *ret_len)
{
    *ret_len = r->len;
    return r->models;
}
