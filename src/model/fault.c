/* fault.c: the table behind fault.h, made from fault.def. */

#include "model/fault.h"

#define FAULT(name, code, retry, elsewhere) {code, retry, elsewhere},
static const struct fault_traits traits[FAULT_KIND_MAX] = {
    {"", false, false}, /* FAULT_NONE */
#include "model/fault.def"
};
#undef FAULT

const struct fault_traits *fault_traits(enum fault_kind kind)
{
    return &traits[(unsigned)kind < FAULT_KIND_MAX ? kind : FAULT_INTERNAL];
}

bool fault_is_refusal(enum fault_kind kind)
{
    return kind == FAULT_UPSTREAM_REFUSED || kind == FAULT_CONTEXT_LENGTH;
}
