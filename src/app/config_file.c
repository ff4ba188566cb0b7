/* config_file.c: file and environment → struct config. */

#include "app/config_file.h"

#include "app/config_reading.h"
#include "app/redaction.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CONFIG_ARENA = 64 << 20,
    GROUP_NAME = 32,
    OUTSIDE_NAME = SETTINGS_ENV_NAME + sizeof("_FILE"),
};

static const char *const groups[] = {"log",   "limits",  "timeouts", "upstream", "journal",
                                     "cache", "prompts", "redact",   "snapshot", NULL};
/* what stands at the top and is no single setting */
static const char *const top_extra[] = {"log",      "limits",    "timeouts", "upstream",
                                        "journal",  "cache",     "prompts",  "redact",
                                        "snapshot", "providers", "models",   NULL};

static void read_group(struct config *c, const char *group, const struct yaml_node *node)
{
    char prefix[GROUP_NAME];

    if (node->kind == YAML_BROKEN || node->kind == YAML_NULL)
        return;
    if (node->kind != YAML_MAP) {
        config_fault_at(&c->faults, node->line, (struct slice){0}, "%s must be a mapping", group);
        return;
    }
    snprintf(prefix, sizeof(prefix), "%s.", group);
    config_read_members(c, &(struct config_section){"", settings_table, prefix, &c->settings}, node,
                        NULL);
}

static int read_root(struct config *c, const struct yaml_node *root)
{
    if (root->kind == YAML_NULL || root->kind == YAML_BROKEN)
        return OK;
    if (root->kind != YAML_MAP) {
        config_fault_at(&c->faults, root->line, SLICE("NAME: VALUE lines"),
                        "the file must be a mapping");
        return OK;
    }
    config_read_members(c, &(struct config_section){"", settings_table, "", &c->settings}, root,
                        top_extra);
    for (const char *const *group = groups; *group; group++) {
        const struct yaml_node *node = yaml_member(root, *group);
        if (node)
            read_group(c, *group, node);
    }
    return config_read_entries(c, root);
}

/* The value that the environment gives a setting: NAME's, or the text of the file that NAME_FILE
 * names. An empty variable counts as not set: that is what compose files make of a missing one.
 * -EINVAL: *ret_why says what is wrong with the variable *name. */
static int find_value(struct config *c, const struct config_outside *outside,
                      char name[OUTSIDE_NAME], struct slice *ret, const char **ret_why)
{
    size_t len = strlen(name);
    struct slice plain = slice_str(outside->env(name));

    memcpy(name + len, "_FILE", sizeof("_FILE"));
    const char *path = outside->env(name);
    bool named = path && *path;
    if (plain.len && named) {
        *ret_why = "the variable without _FILE is set as well";
        return -EINVAL;
    }
    if (!named) {
        name[len] = 0;
        *ret = plain;
        return OK;
    }
    int rc = outside->file(path, &c->arena, ret);
    *ret_why = config_outside_why(rc);
    return rc == OK || rc == -ENOMEM ? rc : -EINVAL;
}

static void read_variable(struct config *c, const struct config_outside *outside,
                          const struct setting *s)
{
    char name[OUTSIDE_NAME];
    const char *why = "out of memory";
    struct slice text = {0};
    struct buf allowed;

    settings_env_name(s, name);
    buf_init(&allowed, 4096);
    int rc = find_value(c, outside, name, &text, &why);
    if (rc == OK && text.len) {
        text = arena_copy(&c->arena, text);
        rc = text.at && setting_set(s, &c->settings, text, &why) ? OK : -EINVAL;
        setting_allowed(s, &allowed);
    }
    if (rc == OK && text.len && s->type == SETTING_PATTERNS &&
        (why = redaction_fault(&c->arena, text)))
        rc = -EINVAL;
    if (rc < 0)
        config_fault_env(&c->faults, name, arena_copy(&c->arena, buf_slice(&allowed)), why);
    buf_free(&allowed);
}

static void read_environment(struct config *c, const struct config_outside *outside)
{
    for (const struct setting *s = settings_table; s->path; s++)
        read_variable(c, outside, s);
}

static int begin(struct config *ret, struct slice file)
{
    *ret = (struct config){0};
    arena_init(&ret->arena, CONFIG_ARENA);
    ret->file = arena_copy(&ret->arena, file);
    config_faults_init(&ret->faults, &ret->arena, ret->file);
    settings_defaults(&ret->settings);
    return ret->file.at ? OK : -ENOMEM;
}

int config_parse(struct slice text, struct slice file, const struct config_outside *outside,
                 struct config *ret)
{
    struct yaml_node *root;

    int rc = begin(ret, file);
    if (rc == OK)
        rc = yaml_tree_read(text, outside, &ret->faults, &root);
    if (rc == OK)
        rc = read_root(ret, root);
    if (rc == -ENOMEM)
        return rc;
    read_environment(ret, outside);
    config_faults_sort(&ret->faults);
    return OK;
}

/* One byte more than allowed is read, so that a file too large is told from one that fits. */
static int read_file(const char *path, struct buf *ret)
{
    char piece[16384];
    size_t n;
    FILE *f = fopen(path, "re");

    if (!f)
        return -errno;
    while (ret->len <= YAML_TREE_BYTES && (n = fread(piece, 1, sizeof(piece), f)) > 0)
        buf_add(ret, slice_of(piece, n));
    int rc = ferror(f) ? -EIO : ret->rc;
    fclose(f);
    return rc;
}

/* The file that holds without --config, or NULL. */
static const char *usual_path(void)
{
    const char *named = getenv("COURIER_CONFIG");

    if (named && *named)
        return named;
    return access("courier.yaml", F_OK) == 0 ? "courier.yaml" : NULL;
}

/* The text of a file that could be read, or what was wrong with reading it. */
static int parse_file(const char *path, int read_rc, struct slice text, struct config *ret)
{
    if (read_rc == OK)
        return config_parse(text, slice_str(path), &config_outside_process, ret);
    int rc = begin(ret, slice_str(path));
    if (rc == OK)
        config_fault_at(&ret->faults, 0, (struct slice){0}, "cannot be read: %s",
                        log_errno(read_rc));
    return rc;
}

bool config_load(const char *path, struct config *ret)
{
    struct buf text;

    if (!path)
        path = usual_path();
    buf_init(&text, YAML_TREE_BYTES + 32768);
    int rc = path ? read_file(path, &text) : OK;
    rc = parse_file(path ? path : "", rc, buf_slice(&text), ret);
    buf_free(&text);
    if (rc < 0)
        config_fault_memory(&ret->faults);
    return ret->faults.len == 0;
}

void config_free(struct config *c)
{
    arena_clear(&c->arena);
}

struct slice config_place(struct config *c, const char *kind)
{
    struct slice store = c->settings.store, sqlite = SLICE("sqlite:");

    if (slice_starts(store, sqlite))
        return arena_printf(&c->arena, "%.*s.%s",
                            SLICE_FMT(slice_sub(store, sqlite.len, store.len)), kind);
    return arena_printf(&c->arena, "%.*s/courier.%s", SLICE_FMT(c->settings.folder), kind);
}

struct slice config_journal_folder(struct config *c)
{
    if (c->settings.journal.folder.len)
        return arena_copy(&c->arena, c->settings.journal.folder);
    return config_place(c, "journal");
}

struct slice config_snapshot_file(struct config *c)
{
    struct slice file = c->settings.snapshot.file;

    if (slice_eq(file, SLICE("off")))
        return (struct slice){0};
    if (file.len)
        return arena_copy(&c->arena, file);
    if (slice_starts(c->settings.store, SLICE("sqlite:")))
        return (struct slice){0};
    return config_place(c, "snapshot");
}
