/* config_file.h: the configuration: the file, then the environment, checked as a whole.
 *
 * Every fault is gathered with its line; nothing is logged or printed here. */

#pragma once

#include "app/config_faults.h"
#include "app/settings.h"
#include "app/yaml_tree.h"

struct config {
    struct arena arena; /* owns every text below */
    struct slice file;  /* what was read; empty: no file, defaults and environment only */
    struct settings settings;
    struct provider_row *providers;
    size_t providers_len;
    struct model_row *models;
    size_t models_len;
    struct secret secret_key;    /* the one in use; set by installation_open */
    struct config_faults faults; /* none: the rest is good */
};

/* Reads the file. path NULL: what COURIER_CONFIG names, else courier.yaml when it is there, else no
 * file. What is wrong is in ret->faults. False: something is. To be freed in any case. */
bool config_load(const char *path, struct config *ret);
/* The same from a text in memory; file is its name in faults. -ENOMEM; else OK, with faults or
 * without. To be freed in any case. */
int config_parse(struct slice text, struct slice file, const struct config_outside *outside,
                 struct config *ret);
void config_free(struct config *c);

/* Where a file or folder of this instance's own is: "courier.db.key" beside the SQLite file for
 * "key", else "courier.key" in settings.folder. In c's arena, NUL-terminated; .at NULL: no memory.
 */
struct slice config_place(struct config *c, const char *kind);
/* settings.journal.folder, or the usual place; as above. */
struct slice config_journal_folder(struct config *c);
/* settings.snapshot.file, or the usual place; empty: there is to be none. */
struct slice config_snapshot_file(struct config *c);
