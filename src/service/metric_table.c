/* metric_table.c: see metric_table.h. */

#include "service/metric_table.h"

/* microseconds */
static const uint64_t duration_bounds[] = {
    10000,   20000,   40000,   80000,    160000,   320000,   640000,
    1280000, 2560000, 5120000, 10240000, 20480000, 40960000, 81920000,
};
static const uint64_t first_token_bounds[] = {
    1000,   5000,   10000,  20000,   40000,   60000,   80000,   100000,
    250000, 500000, 750000, 1000000, 2500000, 5000000, 7500000, 10000000,
};
static const uint64_t per_token_bounds[] = {
    10000,  25000,  50000,  75000,  100000,  150000,  200000,
    300000, 400000, 500000, 750000, 1000000, 2500000,
};
static const uint64_t tokens_bounds[] = {
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
};

const struct metric_buckets metric_duration_buckets = {duration_bounds, ARRAY_LEN(duration_bounds)};
const struct metric_buckets metric_first_token_buckets = {first_token_bounds,
                                                          ARRAY_LEN(first_token_bounds)};
const struct metric_buckets metric_per_token_buckets = {per_token_bounds,
                                                        ARRAY_LEN(per_token_bounds)};
const struct metric_buckets metric_tokens_buckets = {tokens_bounds, ARRAY_LEN(tokens_bounds)};

#define BUCKETS_NONE        NULL
#define BUCKETS_DURATION    &metric_duration_buckets
#define BUCKETS_FIRST_TOKEN &metric_first_token_buckets
#define BUCKETS_PER_TOKEN   &metric_per_token_buckets
#define BUCKETS_TOKENS      &metric_tokens_buckets

const struct metric metric_table[METRIC_ID_MAX] = {
#define METRIC(id, kind, unit, buckets, name, labels, help)                                        \
    [METRIC_ID_##id] = {name, labels, unit, help, METRIC_##kind, BUCKETS_##buckets},
#include "service/metric.def"
#undef METRIC
};
