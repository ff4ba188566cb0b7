/* fault.h: what went wrong, in one vocabulary; model/fault.def lists it. */

#pragma once

#include "base/slice.h"

enum fault_kind {
    FAULT_NONE,
#define FAULT(name, code, retry, elsewhere) FAULT_##name,
#include "model/fault.def"
#undef FAULT
    FAULT_KIND_MAX
};

struct fault {
    enum fault_kind kind;
    struct slice message; /* for the client; ours, never a provider's text. Empty: the kind's own */
    struct slice param;   /* the member that is wrong; empty: none */
    int upstream_status;  /* the provider's, 0: none */
    /* a refusal: what the provider said, to be passed on as it is */
    struct slice upstream_body, upstream_content_type;
    uint64_t retry_after_ms; /* a hint; 0: none */
};

struct fault_traits {
    const char *code;
    bool retry_same, elsewhere;
};
const struct fault_traits *fault_traits(enum fault_kind kind);
/* The provider refused the caller's own request: the client gets its status and its body. */
bool fault_is_refusal(enum fault_kind kind);
