/* installation.h: the store of a configuration and its secret key, opened: what `courier serve` and
 * the commands that work on keys begin with. Blocking; what goes wrong is told on standard error.
 */

#pragma once

#include "app/config_file.h"

struct admin;

/* Opens the store and applies pending migrations; tell hears each (may be NULL). False: told why.
 */
bool installation_migrate(const struct config *c, void (*tell)(const char *name));
/* The same, and the secret key (made at the first start: a file beside the store, mode 0600), which
 * is left in c->secret_key. NULL: told why. */
struct admin *installation_open(struct config *c);
/* Loads the configuration; its faults are told. False: told, and *c has been freed. */
bool installation_config(const char *path, struct config *c);
