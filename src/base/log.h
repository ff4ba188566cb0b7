/* log.h: one line per event, JSON or text, written by a thread of its own.
 *
 * A line is formatted by the caller into its thread's ring (no lock, no system call on the road)
 * and the log thread writes the rings out in batches. A ring that is full drops the line and counts
 * it; the next line written says how many were lost. Low layers return errors; top layers log them
 * once.
 *
 *     log_event(LOG_WARN, "provider refused the credentials",
 *               LOG_SLICE("provider", name), LOG_U64("status", 401), LOG_END);
 */

#pragma once

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_JSON, LOG_TEXT };

enum log_kind { LOG_KIND_END, LOG_KIND_SLICE, LOG_KIND_U64, LOG_KIND_I64, LOG_KIND_BOOL };

struct log_field {
    enum log_kind kind;
    const char *name; /* a JSON-safe literal */
    struct slice text;
    uint64_t number;
};

#define LOG_SLICE(name, s) ((struct log_field){LOG_KIND_SLICE, (name), (s), 0})
#define LOG_STR(name, z)   ((struct log_field){LOG_KIND_SLICE, (name), slice_str(z), 0})
#define LOG_U64(name, n)   ((struct log_field){LOG_KIND_U64, (name), {0}, (uint64_t)(n)})
#define LOG_I64(name, n)   ((struct log_field){LOG_KIND_I64, (name), {0}, (uint64_t)(int64_t)(n)})
#define LOG_BOOL(name, b)  ((struct log_field){LOG_KIND_BOOL, (name), {0}, (b)})
/* an error as its errno name and text: rc is negative */
#define LOG_RC(rc) ((struct log_field){LOG_KIND_SLICE, "error", slice_str(log_errno(rc)), 0})
#define LOG_END    ((struct log_field){LOG_KIND_END, 0, {0}, 0})

struct log_options {
    enum log_level level;
    enum log_format format;
    const char *path;  /* NULL: standard error */
    size_t ring_bytes; /* per thread, power of two; 0 = 256 KiB */
};

/* Starts the log thread. Before it (and after log_stop) lines go to standard error at once. */
int log_start(const struct log_options *options);
/* Writes out everything logged before the call, ends the thread, frees the rings. */
void log_stop(void);
/* Level and format may change while running (SIGHUP); a file given by path is opened anew. */
int log_reopen(const struct log_options *options);
bool log_on(enum log_level level);
/* fields: ended by LOG_END. A line is at most 8 KiB; longer field texts are cut and marked "…". */
void log_fields(enum log_level level, const char *message, const struct log_field *fields);
#define log_event(level, message, ...)                                                             \
    do {                                                                                           \
        if (log_on(level))                                                                         \
            log_fields((level), (message), (const struct log_field[]){__VA_ARGS__});               \
    } while (0)
/* How many lines were dropped since the start. */
uint64_t log_dropped(void);
/* "ECONNREFUSED: connection refused"; static storage. */
const char *log_errno(int rc);
