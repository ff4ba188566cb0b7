/* usage_log.c: see usage_log.h. */

#include "model/usage_log.h"

const struct usage_log_column usage_log_columns[] = {
    {"id",                 USAGE_LOG_TEXT  },
    {"request_id",         USAGE_LOG_TEXT  },
    {"created_at",         USAGE_LOG_TEXT  },
    {"user_id",            USAGE_LOG_NUMBER},
    {"key_id",             USAGE_LOG_NUMBER},
    {"endpoint",           USAGE_LOG_TEXT  },
    {"requested_model",    USAGE_LOG_TEXT  },
    {"served_model",       USAGE_LOG_TEXT  },
    {"provider",           USAGE_LOG_TEXT  },
    {"stream",             USAGE_LOG_BOOL  },
    {"status",             USAGE_LOG_TEXT  },
    {"http_status",        USAGE_LOG_NUMBER},
    {"error_code",         USAGE_LOG_TEXT  },
    {"attempts",           USAGE_LOG_NUMBER},
    {"fallback_used",      USAGE_LOG_BOOL  },
    {"prompt_tokens",      USAGE_LOG_NUMBER},
    {"completion_tokens",  USAGE_LOG_NUMBER},
    {"total_tokens",       USAGE_LOG_NUMBER},
    {"cached_tokens",      USAGE_LOG_NUMBER},
    {"cache_write_tokens", USAGE_LOG_NUMBER},
    {"reasoning_tokens",   USAGE_LOG_NUMBER},
    {"usage_source",       USAGE_LOG_TEXT  },
    {"latency_ms",         USAGE_LOG_NUMBER},
    {"first_token_ms",     USAGE_LOG_NUMBER},
    {"request_bytes",      USAGE_LOG_NUMBER},
    {"response_bytes",     USAGE_LOG_NUMBER},
};
