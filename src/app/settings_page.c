/* settings_page.c: docs/configuration.md, made from the table of settings and the adapters. */

#include "app/settings.h"

#include "adapter/registry.h"

static void add(struct buf *b, const char *text)
{
    buf_add(b, slice_str(text));
}

static const char intro[] =
    "# Configuration\n"
    "\n"
    "<!-- made by `courier settings` from the table in src/app/settings.c; do not edit -->\n"
    "\n"
    "courier reads one YAML file: what `--config` names, else what `COURIER_CONFIG` names, else\n"
    "`courier.yaml` in the working directory, else none. Everything has a default.\n"
    "\n"
    "- **Environment.** Each setting below can be given as the variable in its row, which wins "
    "over "
    "the\n"
    "  file. An empty variable counts as not set. With `_FILE` behind its name it gives a file "
    "that "
    "holds the\n"
    "  value, as secrets are handed to containers: "
    "`COURIER_SECRET_KEY_FILE=/run/secrets/secret_key`.\n"
    "- **Variables in the file.** `${NAME}` in a value is replaced from the environment, "
    "`${file:PATH}` by the\n"
    "  text of a file: `postgres://courier:${file:/run/secrets/password}@db/courier`. What is not "
    "set or cannot\n"
    "  be read is an error that names it. `$${` is a plain `${`. Inside `{…}` a value with a "
    "variable must be\n"
    "  quoted.\n"
    "- **Such files** are regular ones of at most 64KB; line ends at their end do not count. They "
    "are read at\n"
    "  start and on SIGHUP. Within a URL their text must be percent-encoded already.\n"
    "- **Durations** are `250ms`, `30s`, `2m`, `1h`, `30d`; **sizes** `512`, `64KB`, `32MB`, `1GB` "
    "(units\n"
    "  of 1024).\n"
    "- **Checking.** `courier check --config FILE` prints each fault with its line and what is "
    "allowed.\n"
    "- **Reloading.** SIGHUP reads the file again. Settings marked *reload* apply at once, and so "
    "do\n"
    "  providers and models; the others need a restart (a change of one is logged). A file with "
    "faults\n"
    "  changes nothing.\n"
    "- The file is at most 1MB and 16 levels deep, holds one document and no aliases.\n"
    "\n"
    "The complete example is `courier.example.yaml`.\n"
    "\n";

static size_t group_len(const char *path)
{
    const char *dot = strchr(path, '.');

    return dot ? (size_t)(dot - path) : 0;
}

static bool same_group(const char *a, const char *b)
{
    return group_len(a) == group_len(b) && strncmp(a, b, group_len(a)) == 0;
}

/* A cell of a table must not hold a bare bar. */
static void add_allowed(struct buf *b, const struct setting *s)
{
    struct buf text;

    if (s->type == SETTING_TYPE) {
        add(b, "a type below");
        return;
    }
    buf_init(&text, 4096);
    setting_allowed(s, &text);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '|')
            buf_add_char(b, '\\');
        buf_add_char(b, text.at[i]);
    }
    buf_free(&text);
}

static void add_default(struct buf *b, const struct setting *s)
{
    if (s->fallback)
        buf_printf(b, "`%s`", s->fallback);
    else
        add(b, s->required ? "required" : s->absent ? s->absent : "none");
}

static void add_gateway_rows(struct buf *b)
{
    for (const struct setting *s = settings_table; s->path; s++) {
        char env[SETTINGS_ENV_NAME];
        if (s == settings_table || !same_group(s[-1].path, s->path)) {
            if (group_len(s->path))
                buf_printf(b, "\n## %.*s\n\n", (int)group_len(s->path), s->path);
            else
                add(b, "## The gateway\n\n");
            add(b, "| setting | environment | default | allowed | reload | what it does |\n"
                   "|---|---|---|---|---|---|\n");
        }
        settings_env_name(s, env);
        buf_printf(b, "| `%s` | `%s` | ", s->path, env);
        add_default(b, s);
        add(b, " | ");
        add_allowed(b, s);
        buf_printf(b, " | %s | %s |\n", s->reloadable ? "yes" : "", s->help);
    }
}

static void add_entry_rows(struct buf *b, const struct setting *table)
{
    add(b, "| member | default | allowed | what it is |\n|---|---|---|---|\n");
    for (const struct setting *s = table; s->path; s++) {
        buf_printf(b, "| `%s` | ", s->path);
        add_default(b, s);
        add(b, " | ");
        add_allowed(b, s);
        buf_printf(b, " | %s |\n", s->help);
    }
}

static void add_types(struct buf *b)
{
    add(b, "\n### Types of providers\n\n| type | base_url |\n|---|---|\n");
    for (const struct adapter *const *a = adapter_all(); *a; a++) {
        struct slice url = adapter_fallback(*a, "base_url");
        buf_printf(b, "| `%s` | ", (*a)->name);
        if (url.len)
            buf_printf(b, "`%.*s` |\n", SLICE_FMT(url));
        else
            add(b, "must be given |\n");
    }
}

void settings_page(struct buf *ret)
{
    add(ret, intro);
    add_gateway_rows(ret);
    add(ret,
        "\n## providers\n\nA list: where models are. Entries of the file cannot be changed through "
        "the admin API.\n\n");
    add_entry_rows(ret, settings_provider);
    add_types(ret);
    add(ret, "\n## models\n\nA list: what clients may ask for.\n\n");
    add_entry_rows(ret, settings_model);
    add(ret, "| `targets` | the model alone | a list of 1 to 64 targets | Several places that "
             "answer as this "
             "model: the one with the fewest calls is asked first, the others when it fails. |\n"
             "\n### Targets of a model\n\nEach has at least one member; the others are the "
             "model's.\n\n");
    add_entry_rows(ret, settings_target);
}
