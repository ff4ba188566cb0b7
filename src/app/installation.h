/* installation.h: the store of a configuration and its secret key, opened: what `courier serve` and
 * the commands that work on keys begin with. Blocking. */

#pragma once

#include "app/config_file.h"

struct admin;

/* Loads the configuration; its faults are told on standard error. False: told, and *c has been
 * freed. */
bool installation_config(const char *path, struct config *c);
/* Opens the store and applies pending migrations; tell hears each (may be NULL). False: told why on
 * standard error. */
bool installation_migrate(const struct config *c, void (*tell)(const char *name));

enum { INSTALLATION_WHY = 512 };
/* Opens the store, migrates it, finds the secret key as below; the first start makes it (a file of
 * mode 0600). Failed: ret_why is a sentence for people. */
int installation_try(struct config *c, struct admin **ret, char ret_why[INSTALLATION_WHY]);
/* The same for a command. NULL: told why on standard error. */
struct admin *installation_open(struct config *c);
/* Whether what failed with rc may pass by itself: the store's server is away. */
bool installation_is_away(const struct config *c, int rc);

/* The secret key without the store: what the configuration says, else what an earlier start has
 * made. In c->secret_key. -ENOENT: there is none yet. */
int installation_secret(struct config *c, char ret_why[INSTALLATION_WHY]);
