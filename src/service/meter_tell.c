/* meter_tell.c: what a meter's rows mean, metric by metric. */

#include "service/meter.h"
#include "service/meter_rows.h"

static struct slice name_or(struct slice name, struct slice instead)
{
    return slice_is_empty(name) ? instead : name;
}

static struct slice fault_code(enum fault_kind kind)
{
    return kind == FAULT_NONE ? SLICE("") : slice_str(fault_traits(kind)->code);
}

/* How many a histogram has seen. */
static uint64_t total(const tally_cell *cells, const struct metric_buckets *buckets)
{
    uint64_t n = 0;

    for (size_t i = 0; i <= buckets->len; i++)
        n += tally_get(&cells[i]);
    return n;
}

/* --- requests --- */

static void tell_request(struct exposition *e, const struct tally_key *key, const tally_cell *row)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    unsigned class = MIN(code_class(key->code), 5u);
    struct slice fault = fault_code(code_fault(key->code));
    const struct slice labels[] = {
        name_or(key->place, SLICE("other")),
        slice_str(outcome_status_name(code_outcome(key->code))),
        slice_str(classes[class]),
    };
    uint64_t n = total(row + REQUEST_DURATION, &metric_duration_buckets);

    exposition_add(e, METRIC_ID_REQUESTS, labels, n);
    exposition_add_histogram(e, METRIC_ID_DURATION, labels, row + REQUEST_DURATION);
    exposition_add(e, METRIC_ID_REQUEST_BYTES, labels, tally_get(row + REQUEST_BYTES_IN));
    exposition_add(e, METRIC_ID_RESPONSE_BYTES, labels, tally_get(row + REQUEST_BYTES_OUT));
    if (fault.len)
        exposition_add(e, METRIC_ID_ERRORS, (const struct slice[]){labels[0], fault}, n);
}

static void tell_tokens(struct exposition *e, struct slice labels[METRIC_LABELS],
                        const tally_cell *row)
{
    static const struct {
        struct slice type;
        enum request_cell cell;
    } kinds[] = {
        {SLICE_INIT("input"),       REQUEST_PLAIN_INPUT },
        {SLICE_INIT("cache_read"),  REQUEST_CACHE_READ  },
        {SLICE_INIT("cache_write"), REQUEST_CACHE_WRITE },
        {SLICE_INIT("output"),      REQUEST_PLAIN_OUTPUT},
        {SLICE_INIT("reasoning"),   REQUEST_REASONING   },
    };

    labels[4] = SLICE("input");
    exposition_add_histogram(e, METRIC_ID_TOKEN_USAGE, labels, row + REQUEST_INPUT);
    labels[4] = SLICE("output");
    exposition_add_histogram(e, METRIC_ID_TOKEN_USAGE, labels, row + REQUEST_OUTPUT);
    if (total(row + REQUEST_INPUT, &metric_tokens_buckets) == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        labels[4] = kinds[i].type;
        exposition_add(e, METRIC_ID_TOKENS, labels, tally_get(row + kinds[i].cell));
    }
}

static void tell_call(struct exposition *e, const struct tally_key *key, const tally_cell *row)
{
    struct slice labels[METRIC_LABELS] = {
        call_operation(code_kind(key->code)),   name_or(key->names[2], SLICE("none")),
        name_or(key->names[0], SLICE("other")), key->names[1],
        fault_code(code_fault(key->code)),
    };
    uint64_t fallbacks = tally_get(row + REQUEST_FALLBACKS);

    exposition_add_histogram(e, METRIC_ID_CALL_DURATION, labels, row + REQUEST_DURATION);
    exposition_add_histogram(e, METRIC_ID_FIRST_TOKEN, labels, row + REQUEST_FIRST_TOKEN);
    exposition_add_histogram(e, METRIC_ID_PER_TOKEN, labels, row + REQUEST_PER_TOKEN);
    if (fallbacks)
        exposition_add(e, METRIC_ID_FALLBACKS, &labels[2], fallbacks);
    tell_tokens(e, labels, row);
}

/* --- attempts --- */

static void tell_attempt(struct exposition *e, const struct tally_key *key, const tally_cell *row)
{
    struct slice fault = fault_code(code_fault(key->code));
    const struct slice labels[METRIC_LABELS] = {
        call_operation(code_kind(key->code)),
        key->names[1],
        key->names[0],
        fault,
    };
    const struct slice counted[] = {key->names[1], key->names[0], name_or(fault, SLICE("ok"))};

    exposition_add_histogram(e, METRIC_ID_ATTEMPT_DURATION, labels, row + ATTEMPT_DURATION);
    exposition_add(e, METRIC_ID_ATTEMPTS, counted,
                   total(row + ATTEMPT_DURATION, &metric_duration_buckets));
    exposition_add(e, METRIC_ID_RETRIES, counted, tally_get(row + ATTEMPT_RETRIES));
}

/* --- the whole --- */

static void tell_counters(const struct meter *m, struct exposition *e)
{
    static const struct {
        enum metric_id metric;
        struct slice value;
    } counters[] = {
#define METER(id, metric, value) [METER_##id] = {METRIC_ID_##metric, SLICE_INIT(value)},
#include "service/meter_counter.def"
#undef METER
    };

    for (size_t i = 0; i < METER_COUNTER_MAX; i++)
        exposition_add(e, counters[i].metric, &counters[i].value, tally_get(&m->counters[i]));
}

/* What has ended is read first: all of it had begun. */
static void tell_in_flight(const struct meter *m, struct exposition *e)
{
    uint64_t ended = tally_get(&m->ended), begun = tally_get(&m->begun);

    exposition_add(e, METRIC_ID_IN_FLIGHT, NULL, begun > ended ? begun - ended : 0);
}

void meter_tell(const struct meter *m, struct exposition *e)
{
    struct tally_key key;

    for (size_t i = 0, n = tally_len(m->requests); i < n; i++) {
        const tally_cell *row = tally_read(m->requests, i, &key);
        tell_request(e, &key, row);
        if (code_is_call(key.code))
            tell_call(e, &key, row);
    }
    for (size_t i = 0, n = tally_len(m->attempts); i < n; i++) {
        const tally_cell *row = tally_read(m->attempts, i, &key);
        tell_attempt(e, &key, row);
    }
    tell_in_flight(m, e);
    tell_counters(m, e);
    exposition_add(e, METRIC_ID_METRICS_LOST, NULL,
                   tally_lost(m->requests) + tally_lost(m->attempts));
}
