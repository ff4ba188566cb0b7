/* clock.h: two clocks. Durations come from the monotonic one, dates from the wall's. */

#pragma once

#include "base/slice.h"

uint64_t clock_now_ms(void);     /* monotonic, milliseconds */
uint64_t clock_now_us(void);     /* monotonic, microseconds */
uint64_t clock_running_ms(void); /* the same, but goes on while the machine is suspended */
uint64_t clock_wall_us(void);    /* Unix time, microseconds */
uint64_t clock_cpu_us(void);     /* CPU time of this process so far, user + system */

enum { CLOCK_RFC3339_LEN = 24, CLOCK_HTTP_DATE_LEN = 29 };
/* "2026-01-31T12:00:00.123Z", 24 characters and a NUL. */
void clock_rfc3339(uint64_t wall_us, char ret[CLOCK_RFC3339_LEN + 1]);
/* RFC 3339 in UTC or with an offset → microseconds; -EINVAL. */
int clock_parse_rfc3339(struct slice s, uint64_t *ret_wall_us);
/* IMF-fixdate, RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". */
void clock_http_date(uint64_t wall_us, char ret[CLOCK_HTTP_DATE_LEN + 1]);
