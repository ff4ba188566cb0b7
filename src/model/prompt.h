/* prompt.h: what was asked of a model and what it said, on its way into the table prompt_logs; and
 * a row of that table as it is read back. */

#pragma once

#include "base/ids.h"
#include "model/outcome.h"
#include "model/usage_log.h"

/* In the order of the words of the setting `store_prompts`. */
enum prompt_mode { PROMPTS_OFF, PROMPTS_REDACTED, PROMPTS_FULL };

/* What of it is not whole: it was longer than what is kept. */
enum { PROMPT_REQUEST_CUT = 1, PROMPT_ANSWER_CUT = 2 };

struct prompt {
    struct record_id id; /* of the usage record */
    uint64_t created_wall_us;
    int64_t user_id, key_id;
    struct slice request_id, endpoint, model; /* the model asked for */
    enum outcome_status status;
    enum prompt_mode mode;
    bool stream;  /* the answer is one, as it was sent to the client */
    unsigned cut; /* PROMPT_…_CUT */
    struct slice request, answer;
};

/* "request", "answer", "both"; NULL: both are whole. */
static inline const char *prompt_cut_name(unsigned cut)
{
    static const char *const names[] = {NULL, "request", "answer", "both"};

    return names[cut & (PROMPT_REQUEST_CUT | PROMPT_ANSWER_CUT)];
}

enum { PROMPT_LOG_ID = 0, PROMPT_LOG_CREATED_AT = 2, PROMPT_LOG_COLUMNS = 12 };

/* In the order of the table. */
extern const struct usage_log_column prompt_log_columns[PROMPT_LOG_COLUMNS];

struct prompt_log {
    struct slice at[PROMPT_LOG_COLUMNS]; /* empty: NULL */
};
