/* base.h: the words that every file of courier shares. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rule for waiting. A function that may have to wait takes a struct op and returns
 *   OK        finished now; op->done will not be called
 *   AGAIN     op->done will be called exactly once, later, from the loop, never inside the call
 *   negative  failed now with -errno; op->done will not be called
 * Every such function has a cancel; after it returns, done will not come. */
enum { OK = 0, AGAIN = 1 };

struct op {
    void (*done)(struct op *op, int rc); /* rc: OK or -errno */
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

#define CLEANUP(fn)          __attribute__((cleanup(fn)))
#define PRINTF_LIKE(fmt, at) __attribute__((format(printf, fmt, at)))
#define MUST_USE             __attribute__((warn_unused_result))
#define LIKELY(x)            __builtin_expect(!!(x), 1)
#define UNLIKELY(x)          __builtin_expect(!!(x), 0)
