/* registry.c: builds the table of models from rows; a row that is wrong is left out and told.
 *
 * Everything a registry holds lives in its own arena, so one free ends it. Texts that become part
 * of a C call later (the host for the resolver) are NUL-terminated, because arena_copy does so.
 * registry_target.c makes the targets. */

#include "router/registry.h"

#include "router/registry_building.h"

#include "adapter/registry.h"

#include <errno.h>
#include <stdlib.h>

struct registry {
    struct arena arena;
    struct map by_name; /* → struct registry_model */
    const struct registry_model **models;
    size_t len;
};

void registry_note(struct registry_building *b, struct slice what)
{
    if (!what.at || b->faults_len == b->faults_cap) {
        b->rc = -ENOMEM;
        return;
    }
    b->faults[b->faults_len++].what = what;
}

/* --- providers --- */

static void add_provider(struct registry_building *b, const struct provider_row *p)
{
    const struct adapter *adapter = adapter_find(p->type);

    if (slice_is_empty(p->name))
        registry_note(b, arena_printf(b->notes, "a provider has no name"));
    else if (map_get(&b->providers, p->name))
        registry_note(
            b, arena_printf(b->notes, "provider %.*s: it is there twice", SLICE_FMT(p->name)));
    else if (!adapter)
        registry_note(b, arena_printf(b->notes, "provider %.*s: there is no type %.*s",
                                      SLICE_FMT(p->name), SLICE_FMT(p->type)));
    else if (map_put(&b->providers, p->name, (void *)(uintptr_t)p) < 0)
        b->rc = -ENOMEM;
}

/* --- models --- */

static void wipe_keys(const struct registry_model *m)
{
    for (size_t i = 0; i < m->targets_len; i++) {
        struct slice key = secret_reveal(m->targets[i].api_key);
        if (key.len)
            secret_wipe((void *)(uintptr_t)key.at, key.len);
    }
}

/* Whether a model of that row may be added. */
static bool is_nameable(struct registry_building *b, const struct model_row *m)
{
    if (slice_is_empty(m->name))
        registry_note(b, arena_printf(b->notes, "a model has no name"));
    else if (map_get(&b->registry->by_name, m->name))
        registry_note(b,
                      arena_printf(b->notes, "model %.*s: it is there twice", SLICE_FMT(m->name)));
    else
        return true;
    return false;
}

/* The bits of the words in fallback_on. */
static unsigned read_fallback_on(struct registry_building *b, const struct model_row *m)
{
    struct slice rest = m->fallback_on;
    unsigned bits = 0;

    while (rest.len) {
        struct slice word = slice_trim(slice_cut(&rest, ','));
        if (slice_eq(word, SLICE("context_length")))
            bits |= FALLBACK_ON_CONTEXT_LENGTH;
        else if (!slice_is_empty(word))
            registry_note(b, arena_printf(b->notes, "model %.*s: there is no fallback_on %.*s",
                                          SLICE_FMT(m->name), SLICE_FMT(word)));
    }
    return bits;
}

static void add_model(struct registry_building *b, const struct model_row *m)
{
    if (!is_nameable(b, m))
        return;
    struct registry_model *model = arena_new(b->arena, struct registry_model);
    if (!model) {
        b->rc = -ENOMEM;
        return;
    }
    registry_add_targets(b, m, model);
    if (b->rc < 0)
        wipe_keys(model);
    if (b->rc < 0 || model->targets_len == 0)
        return;
    model->name = model->targets[0].model;
    model->owned_by = model->targets[0].provider;
    model->created_wall_us = m->created_wall_us;
    model->fallback_on = read_fallback_on(b, m);
    model->keepalive_ms = m->keepalive_ms;
    model->rescue = m->rescue;
    model->max_tokens = m->max_tokens;
    model->context_window = m->context_window;
    model->cache_ms = m->cache_ms;
    model->cache_shared = m->cache_shared;
    if (m->cache_ms)
        registry_define(b, model);
    model->modalities = arena_copy(b->arena, m->modalities);
    if (b->rc < 0 || !model->modalities.at ||
        map_put(&b->registry->by_name, model->name, model) < 0) {
        wipe_keys(model);
        b->rc = -ENOMEM;
    }
}

/* --- fallbacks: known by name when all models are there; they may go round in a circle --- */

static size_t count_names(struct slice list)
{
    size_t n = 0;

    while (list.len)
        n += !slice_is_empty(slice_trim(slice_cut(&list, ',')));
    return n;
}

static void add_fallbacks(struct registry_building *b, const struct model_row *m)
{
    struct registry_model *model = map_get(&b->registry->by_name, m->name);
    struct slice list = m->fallback;
    size_t n = count_names(list);

    if (!model || model->fallback || n == 0)
        return;
    const struct registry_model **models =
        arena_new_array(b->arena, const struct registry_model *, n);
    if (!models) {
        b->rc = -ENOMEM;
        return;
    }
    model->fallback = models;
    while (list.len) {
        struct slice name = slice_trim(slice_cut(&list, ','));
        const struct registry_model *other = map_get(&b->registry->by_name, name);
        if (other)
            models[model->fallback_len++] = other;
        else if (!slice_is_empty(name))
            registry_note(b, arena_printf(b->notes, "model %.*s: its fallback %.*s is not there",
                                          SLICE_FMT(m->name), SLICE_FMT(name)));
    }
}

/* --- the whole --- */

static int compare_names(const void *a, const void *b)
{
    return slice_order((*(const struct registry_model *const *)a)->name,
                       (*(const struct registry_model *const *)b)->name);
}

static void sort_models(struct registry_building *b)
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

/* A row gives at most one fault of its own, and one for each target and name in its lists. */
static int make_room_for_faults(struct registry_building *b)
{
    b->faults_cap = b->rows->providers_len + b->rows->models_len;
    for (size_t i = 0; i < b->rows->models_len; i++) {
        const struct model_row *m = &b->rows->models[i];
        b->faults_cap += m->targets_len + count_names(m->fallback) + count_names(m->fallback_on);
    }
    b->faults = arena_new_array(b->notes, struct registry_fault, b->faults_cap);
    return b->faults ? OK : -ENOMEM;
}

static void build(struct registry_building *b)
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
    struct registry *r = calloc(1, sizeof(*r));
    struct registry_building b = {.registry = r, .rows = rows, .notes = a};

    *ret = NULL;
    *ret_faults_len = 0;
    if (!r)
        return -ENOMEM;
    arena_init(&r->arena, 0);
    b.arena = &r->arena;
    map_init(&r->by_name);
    map_init(&b.providers);
    build(&b);
    map_free(&b.providers);
    if (b.rc < 0) {
        registry_free(r);
        return b.rc;
    }
    *ret = r;
    *ret_faults = b.faults;
    *ret_faults_len = b.faults_len;
    return OK;
}

void registry_free(struct registry *r)
{
    const struct map_entry *e;
    size_t at = 0;

    if (!r)
        return;
    while ((e = map_next(&r->by_name, &at)))
        wipe_keys(e->value);
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
