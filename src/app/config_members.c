/* config_members.c: one mapping of the file, read by a table of settings. */

#include "app/config_reading.h"

#include "adapter/registry.h"
#include "app/redaction.h"
#include "app/suggest.h"
#include "codec/store_url.h"

enum { KNOWN_MOST = 64 };

struct slice config_join(struct arena *a, const char *const *names, const char *separator)
{
    struct buf out;

    buf_init(&out, 4096);
    for (size_t i = 0; names[i]; i++)
        buf_printf(&out, "%s%s", i ? separator : "", names[i]);
    struct slice joined = arena_copy(a, buf_slice(&out));
    buf_free(&out);
    return joined;
}

/* The setting's name within the section, or NULL when it belongs to another. */
static const char *name_in(const struct config_section *section, const struct setting *s)
{
    size_t n = strlen(section->group);

    if (strncmp(s->path, section->group, n) != 0)
        return NULL;
    return strchr(s->path + n, '.') ? NULL : s->path + n;
}

static const struct setting *find(const struct config_section *section, struct slice key)
{
    for (const struct setting *s = section->table; s->path; s++) {
        const char *name = name_in(section, s);
        if (name && slice_eq(key, slice_str(name)))
            return s;
    }
    return NULL;
}

static bool is_among(struct slice key, const char *const *names)
{
    for (; names && *names; names++)
        if (slice_eq(key, slice_str(*names)))
            return true;
    return false;
}

void config_unknown_member(struct config *c, const struct config_section *section,
                           const struct yaml_node *member, const char *const *known)
{
    struct slice allowed = config_join(&c->arena, known, ", ");
    struct slice path = arena_printf(&c->arena, "%s%s%.*s", section->prefix, section->group,
                                     SLICE_FMT(member->key));
    const char *meant = suggest(member->key, known);

    config_fault_at(&c->faults, member->key_line, allowed, "unknown setting %.*s%s%s%s",
                    SLICE_FMT(config_shown(&c->faults, path)), meant ? ", did you mean " : "",
                    meant ? meant : "", meant ? "?" : "");
}

static void complain_unknown(struct config *c, const struct config_section *section,
                             const struct yaml_node *member, const char *const *extra)
{
    const char *known[KNOWN_MOST];
    size_t n = 0;

    for (const struct setting *s = section->table; s->path && n < KNOWN_MOST - 1; s++)
        if (name_in(section, s))
            known[n++] = name_in(section, s);
    for (; extra && *extra && n < KNOWN_MOST - 1; extra++)
        known[n++] = *extra;
    known[n] = NULL;
    config_unknown_member(c, section, member, known);
}

/* Which types there are only the adapters know. */
static void allow_types(struct buf *ret)
{
    for (const struct adapter *const *a = adapter_all(); *a; a++)
        buf_printf(ret, "%s%s", a == adapter_all() ? "" : " | ", (*a)->name);
}

static struct slice allowed_of(struct config *c, const struct setting *s)
{
    struct buf out;

    buf_init(&out, 4096);
    if (s->type == SETTING_TYPE)
        allow_types(&out);
    else
        setting_allowed(s, &out);
    struct slice allowed = arena_copy(&c->arena, buf_slice(&out));
    buf_free(&out);
    return allowed;
}

/* Keys and what came from the environment are not repeated; of a URL, which may hold a password,
 * the scheme is, and nothing of what looks like one. */
static struct slice what_may_be_shown(const struct setting *s, const struct yaml_node *node,
                                      struct slice text)
{
    size_t scheme = slice_find(text, SLICE("://"));

    if (s->type == SETTING_SECRET || s->type == SETTING_URL || node->replaced ||
        (s->type == SETTING_STORE && store_url_is_postgres(text)))
        return SLICE("");
    if (scheme == text.len && slice_find(text, SLICE("@")) < text.len)
        return SLICE("");
    return slice_sub(text, 0, scheme < text.len ? scheme + 3 : text.len);
}

static void read_text(struct config *c, const struct config_section *section,
                      const struct setting *s, const struct yaml_node *node, struct slice text)
{
    const char *why = "is no provider type";
    bool known = s->type != SETTING_TYPE || adapter_find(text);

    if (known && setting_set(s, section->object, text, &why))
        return;
    struct slice shown = what_may_be_shown(s, node, text);
    if (shown.len)
        config_fault_at(&c->faults, node->line, allowed_of(c, s), "%s%s: %.*s %s", section->prefix,
                        s->path, SLICE_FMT(config_shown(&c->faults, shown)), why);
    else
        config_fault_at(&c->faults, node->line, allowed_of(c, s), "%s%s %s", section->prefix,
                        s->path, why);
}

static bool is_list(const struct setting *s)
{
    return s->type == SETTING_NAMES || s->type == SETTING_WORDS || s->type == SETTING_PATTERNS;
}

/* Of a list: what may not stand in one of its texts, since it stands between them. */
static char separator_of(const struct setting *s)
{
    return s->type == SETTING_PATTERNS ? '\n' : ',';
}

static const char *one_of(const struct setting *s)
{
    return s->type == SETTING_WORDS      ? "word"
           : s->type == SETTING_PATTERNS ? "regular expression on one line"
                                         : "name";
}

static bool is_one_of(struct config *c, const struct config_section *section,
                      const struct setting *s, const struct yaml_node *n)
{
    char separator = separator_of(s);
    const char *why;

    if (n->kind == YAML_BROKEN)
        return false;
    if (n->kind != YAML_SCALAR || (n->text.len && memchr(n->text.at, separator, n->text.len))) {
        config_fault_at(&c->faults, n->line, allowed_of(c, s), "%s%s: this is no %s",
                        section->prefix, s->path, one_of(s));
        return false;
    }
    if (s->type != SETTING_PATTERNS || !(why = redaction_fault(&c->arena, n->text)))
        return true;
    config_fault_at(&c->faults, n->line, allowed_of(c, s), "%s%s: %.*s %s", section->prefix,
                    s->path, SLICE_FMT(config_shown(&c->faults, n->text)), why);
    return false;
}

/* A list of names, words or patterns becomes one text: "a,b". */
static void read_names(struct config *c, const struct config_section *section,
                       const struct setting *s, const struct yaml_node *list)
{
    struct buf out;
    bool good = true;

    buf_init(&out, YAML_TREE_BYTES);
    for (const struct yaml_node *n = list->first; n && good; n = n->next) {
        good = is_one_of(c, section, s, n);
        if (out.len)
            buf_add_char(&out, separator_of(s));
        buf_add(&out, n->text);
    }
    struct slice joined = arena_copy(&c->arena, buf_slice(&out));
    if (out.rc < 0 || !joined.at)
        config_fault_at(&c->faults, list->line, SLICE(""),
                        "%s%s is too much for the memory there is", section->prefix, s->path);
    else if (good)
        read_text(c, section, s, list, joined);
    buf_free(&out);
}

static void read_member(struct config *c, const struct config_section *section,
                        const struct setting *s, const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_BROKEN:
        break;
    case YAML_SCALAR:
        read_text(c, section, s, node, node->text);
        break;
    case YAML_NULL:
        config_fault_at(&c->faults, node->line, allowed_of(c, s),
                        "%s%s has no value; leave it out to get the default", section->prefix,
                        s->path);
        break;
    default:
        if (is_list(s) && node->kind == YAML_LIST)
            read_names(c, section, s, node);
        else
            config_fault_at(&c->faults, node->line, allowed_of(c, s), "%s%s must be %s, not a %s",
                            section->prefix, s->path, is_list(s) ? "a list" : "a single value",
                            node->kind == YAML_LIST ? "list" : "mapping");
    }
}

/* The lines of the known members seen so far: a second one of a name is a fault. */
struct seen {
    struct slice keys[KNOWN_MOST];
    unsigned lines[KNOWN_MOST];
    size_t len;
};

static bool is_repeated(struct config *c, const struct config_section *section, struct seen *seen,
                        const struct yaml_node *node)
{
    for (size_t i = 0; i < seen->len; i++)
        if (slice_eq(seen->keys[i], node->key)) {
            config_fault_at(&c->faults, node->key_line, (struct slice){0},
                            "%s%s%.*s is given twice, first on line %u", section->prefix,
                            section->group, SLICE_FMT(node->key), seen->lines[i]);
            return true;
        }
    if (seen->len < KNOWN_MOST) {
        seen->keys[seen->len] = node->key;
        seen->lines[seen->len++] = node->key_line;
    }
    return false;
}

static void require_members(struct config *c, const struct config_section *section,
                            const struct yaml_node *map)
{
    for (const struct setting *s = section->table; s->path; s++)
        if (s->required && !yaml_member(map, s->path))
            config_fault_at(&c->faults, map->line, allowed_of(c, s), "%s%s is missing",
                            section->prefix, s->path);
}

void config_read_members(struct config *c, const struct config_section *section,
                         const struct yaml_node *map, const char *const *extra)
{
    struct seen seen = {.len = 0};

    for (const struct yaml_node *n = map->first; n; n = n->next) {
        const struct setting *s = find(section, n->key);
        if (!s && !is_among(n->key, extra))
            complain_unknown(c, section, n, extra);
        else if (!is_repeated(c, section, &seen, n) && s)
            read_member(c, section, s, n);
    }
    require_members(c, section, map);
}
