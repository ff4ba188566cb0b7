/* notify.h: tells the service manager that started this process how it fares: sd_notify(3), by
 * hand. Without NOTIFY_SOCKET in the environment nothing happens. */

#pragma once

#include "base/slice.h"

/* state: lines like "READY=1". Nobody waits for it: a manager that cannot be told misses it. OK, or
 * -errno for tests. */
int notify_send(const char *state);
