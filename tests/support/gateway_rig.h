/* gateway_rig.h: the services of one worker, real ones, without a loop or a provider: what the
 * gates and handlers ask of. For one test program, together with fake_server.h.
 *
 * Keys: sk-plain (no limits), sk-narrow (2 requests, 10,000 tokens a minute, one at a time; may use
 * only "fast"), sk-expired, sk-admin. Models: fast, Org/slow. */

#pragma once

#include "io/crypto.h"
#include "model/record.h"
#include "router/registry.h"
#include "service/journal.h"
#include "service/key_service.h"
#include "service/limiter.h"
#include "service/services.h"
#include "service/snapshot.h"
#include "web/chain.h"
#include "web/exchange.h"
#include "web/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    struct services services;
    struct snapshot_slot *slot;
    struct quota *quota;
    atomic_bool leaving, draining;
    char journal_path[64];
    struct chain chain;
} rig;

static const char rig_hash_key[] = "0123456789abcdef0123456789abcdef";

static void rig_must(bool ok)
{
    if (!ok)
        abort();
}

static struct key_table *rig_keys(void)
{
    struct key_row rows[] = {
        {.id = 1,        .user_id = 11,                   .user_name = SLICE("ann"),                           .prefix = SLICE("sk-plain")                                                  },
        {.id = 2,
         .user_id = 12,
         .user_name = SLICE("bob"),
         .prefix = SLICE("sk-narrow"),
         .rpm = 2,
         .tpm = 10000,
         .concurrency = 1,
         .models = SLICE("fast")},
        {.id = 3,   .user_id = 13,                                .prefix = SLICE("sk-expired"),                                                                              .expires_wall_us = 1                                                                                                                                                          },
        {.id = 4,.user_id = 14,.prefix = SLICE("sk-admin"),.admin = true},
    };
    struct hmac *hmac = hmac_new(secret_of(slice_of(rig_hash_key, 32)));
    struct key_table *table;

    rig_must(hmac);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        rig_must(hmac_sign(hmac, rows[i].prefix, rows[i].hash) == OK);
    hmac_free(hmac);
    rig_must(key_table_new(rows, ARRAY_LEN(rows), &table) == OK);
    return table;
}

static struct registry *rig_registry(void)
{
    static const struct provider_row providers[] = {
        {.name = SLICE_INIT("gpu-box"),
         .type = SLICE_INIT("openai_compatible"),
         .base_url = SLICE_INIT("http://127.0.0.1:1/v1")},
    };
    static const struct model_row models[] = {
        {.name = SLICE_INIT("fast"),
         .provider = SLICE_INIT("gpu-box"),
         .created_wall_us = 1700000000500000,
         .context_window = 131072,
         .max_tokens = 8192,
         .modalities = SLICE_INIT("text,image")},
        {.name = SLICE_INIT("Org/slow"),   .provider = SLICE_INIT("gpu-box")               },
    };
    const struct registry_rows rows = {providers, 1, models, 2};
    struct registry_fault *faults;
    struct registry *registry;
    struct arena arena;
    size_t n;

    arena_init(&arena, 0);
    rig_must(registry_new(&rows, &arena, &registry, &faults, &n) == OK && n == 0);
    arena_clear(&arena);
    return registry;
}

/* Nothing is loaded before this. */
static inline void rig_publish(void)
{
    rig_must(snapshot_publish_take(rig.slot, rig_registry(), rig_keys()) == OK);
}

static inline void rig_open(const struct middleware *const *gates,
                            const struct route *const *routes)
{
    memset(&rig, 0, sizeof(rig));
    snprintf(rig.journal_path, sizeof(rig.journal_path), "/tmp/courier-rig-%ld", (long)getpid());
    unlink(rig.journal_path);
    rig_must(journal_open(rig.journal_path, 1 << 18, &rig.services.journal) == OK);
    rig.slot = snapshot_slot_new();
    rig_must(rig.slot);
    rig.services.snapshots = snapshot_view_new(rig.slot);
    rig.services.keys = key_service_new(secret_of(slice_of(rig_hash_key, 32)));
    rig.quota = quota_new();
    rig_must(rig.services.snapshots && rig.services.keys && rig.quota);
    rig_must(limiter_new(&(struct limiter_options){.quota = rig.quota}, &rig.services.limiter) ==
             OK);
    rig.services.leaving = &rig.leaving;
    rig.services.draining = &rig.draining;
    rig.chain = (struct chain){.middlewares = gates, .routes = routes, .services = &rig.services};
}

static inline void rig_close(void)
{
    snapshot_view_free(rig.services.snapshots);
    snapshot_slot_free(rig.slot);
    key_service_free(rig.services.keys);
    limiter_free(rig.services.limiter);
    quota_free(rig.quota);
    journal_close(rig.services.journal);
    unlink(rig.journal_path);
}

/* A gate that stands in for the true one: whose the x-api-key is, is who asks. */
static inline enum mw rig_enter_on_request(struct exchange *x)
{
    struct slice key = exchange_field(x, SLICE("x-api-key"));

    if (x->route && x->route->open)
        return MW_NEXT;
    x->request_id = SLICE("req-1");
    x->snapshot = snapshot_hold(rig.services.snapshots, x->arena);
    if (!x->snapshot)
        return problem_answer(x, FAULT_NOTHING_LOADED);
    key_service_find(rig.services.keys, x->snapshot, key, x->wall_us, &x->principal);
    return MW_NEXT;
}

static const struct middleware rig_enter = {.name = "enter", .on_request = rig_enter_on_request};
static inline const struct middleware *const *rig_only_enter(void)
{
    static const struct middleware *const gates[] = {&rig_enter, NULL};

    return gates;
}

/* The rows since the last call; later ones of the same id replace earlier ones. */
static inline size_t rig_rows(struct record *ret, size_t max)
{
    struct record all[64];
    size_t len = 0, n = journal_read(rig.services.journal, 0, all, ARRAY_LEN(all));

    journal_advance(rig.services.journal, n);
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < len && memcmp(&ret[at].id, &all[i].id, sizeof(all[i].id)) != 0)
            at++;
        rig_must(at < max);
        ret[at] = all[i];
        len = MAX(len, at + 1);
    }
    return len;
}
