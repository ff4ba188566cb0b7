/* prompt.c: see prompt.h. */

#include "model/prompt.h"

const struct usage_log_column prompt_log_columns[] = {
    {"id",         USAGE_LOG_TEXT  },
    {"request_id", USAGE_LOG_TEXT  },
    {"created_at", USAGE_LOG_TEXT  },
    {"user_id",    USAGE_LOG_NUMBER},
    {"key_id",     USAGE_LOG_NUMBER},
    {"endpoint",   USAGE_LOG_TEXT  },
    {"model",      USAGE_LOG_TEXT  },
    {"status",     USAGE_LOG_TEXT  },
    {"mode",       USAGE_LOG_TEXT  },
    {"request",    USAGE_LOG_TEXT  },
    {"answer",     USAGE_LOG_TEXT  },
    {"cut",        USAGE_LOG_TEXT  },
};
