/* target.h: one place where a call can be answered. Immutable, part of the registry. */

#pragma once

#include "base/secret.h"

struct adapter; /* adapter/adapter.h */
struct origin;  /* http/client.h */

struct target {
    struct slice model;          /* the registry's model: x-courier-model */
    struct slice provider;       /* the provider's name: x-courier-provider */
    struct slice upstream_model; /* what the provider calls it */
    const struct adapter *adapter;
    const struct origin *origin;
    struct slice authority; /* for the Host header */
    struct slice base_path; /* "/v1", or empty; no trailing slash */
    struct slice query;     /* of the base URL, for every request; without its '?', or empty */
    struct secret api_key;  /* may be empty */
    uint64_t timeout_ms;    /* until answered; 0: the settings' default */
    unsigned retries;
    uint64_t max_tokens; /* of an answer, for a caller who gives no limit; 0: the model's own */
    uint64_t
        identity; /* of provider, credential, endpoint and upstream model together: its health */
};
