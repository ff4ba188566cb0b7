/* demo.h: a mock provider inside the process, so that the first curl answers without a network. */

#pragma once

#include "app/config_file.h"

struct demo;

/* Starts the mock on a thread of its own and a free port. */
int demo_start(struct demo **ret);
/* Adds the provider `mock` and the model `mock` to a configuration that has none. */
void demo_register(struct demo *d, struct config *c);
/* Prints a curl line that works. key: empty when it was told at an earlier start. */
void demo_tell(uint16_t port, struct slice key);
void demo_stop(struct demo *d); /* NULL is harmless */
