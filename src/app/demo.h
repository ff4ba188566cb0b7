/* demo.h: a mock provider on a thread of its own; in the gateway's process, so that the first curl
 * answers without a network. */

#pragma once

#include "app/config_file.h"
#include "app/mock.h"

struct demo;

/* What mock_open says. */
int demo_start(const struct mock_options *options, struct demo **ret);
uint16_t demo_port(const struct demo *d);
/* Adds the provider `mock` and the model `mock` to a configuration that has none. */
void demo_register(struct demo *d, struct config *c);
/* Prints a curl line that works. key: empty when it was told at an earlier start. */
void demo_tell(uint16_t port, struct slice key);
void demo_stop(struct demo *d); /* NULL is harmless */
