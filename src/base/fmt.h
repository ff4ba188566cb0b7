/* fmt.h: numbers to text without printf, and the small spellings of settings. */

#pragma once

#include "base/slice.h"

/* Decimal; returns the length (1..20). No NUL. */
size_t fmt_u64(char ret[20], uint64_t n);
/* "250ms", "1s", "1m30s", "6m0s" as x-ratelimit-reset writes it; returns the length. */
size_t fmt_duration(char ret[24], uint64_t ms);
/* "5s", "250ms", "2m", "1h", "30d", "0" → milliseconds; -EINVAL, -ERANGE. A bare number is an error
 * but for 0. */
int parse_duration(struct slice s, uint64_t *ret_ms);
/* "32MB", "64KB", "1GB", "512" → bytes, units of 1024 and 1024²; -EINVAL, -ERANGE. */
int parse_size(struct slice s, uint64_t *ret_bytes);
/* Lower-case hex of n bytes, no NUL. */
void fmt_hex(char *ret, const void *bytes, size_t n);
