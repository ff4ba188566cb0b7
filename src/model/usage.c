/* usage.c: the names of where a count comes from. */

#include "model/usage.h"

const char *usage_source_name(enum usage_source source)
{
    switch (source) {
    case USAGE_PROVIDER:
        return "provider";
    case USAGE_PARTIAL:
        return "partial";
    case USAGE_ESTIMATED:
        return "estimated";
    case USAGE_NONE:
        break;
    }
    return "none";
}
