/* yaml_tree.c: libyaml's events → nodes. The only file that knows libyaml. */

#include "app/yaml_tree.h"

#include <errno.h>
#include <yaml.h>

struct builder {
    struct arena *arena;
    struct config_faults *faults;
    const struct config_outside *outside;
    struct yaml_node *open[YAML_TREE_DEPTH]; /* containers not yet closed, outermost first */
    unsigned depth;
    struct yaml_node *root;
    struct slice key; /* of the value to come; .at NULL: a key is to come */
    unsigned key_line;
    unsigned documents;
};

static struct yaml_node *innermost(const struct builder *b)
{
    return b->depth ? b->open[b->depth - 1] : NULL;
}

static bool wants_key(const struct builder *b)
{
    const struct yaml_node *in = innermost(b);

    return in && in->kind == YAML_MAP && !b->key.at;
}

static int give_up(struct builder *b, unsigned line, const char *why, const char *allowed)
{
    config_fault_at(b->faults, line, slice_str(allowed), "%s", why);
    return -EBADMSG;
}

/* A new node at its place in the tree. */
static int add_node(struct builder *b, enum yaml_kind kind, unsigned line, struct yaml_node **ret)
{
    struct yaml_node *in = innermost(b), *node = arena_new(b->arena, struct yaml_node);

    *ret = node;
    if (!node)
        return -ENOMEM;
    *node = (struct yaml_node){.kind = kind, .line = line, .key = b->key, .key_line = b->key_line};
    b->key = (struct slice){0};
    if (!in) {
        b->root = node;
        return OK;
    }
    if (in->last)
        in->last->next = node;
    else
        in->first = node;
    in->last = node;
    return OK;
}

/* Replaces variables. A value that they break is passed over from here on. */
static int replace_variables(struct builder *b, struct yaml_node *node)
{
    int rc =
        config_outside_replace(b->outside, b->faults, node->line, &node->text, &node->replaced);

    if (rc != -EINVAL)
        return rc;
    node->kind = YAML_BROKEN;
    return OK;
}

static bool is_null(struct slice text)
{
    return text.len == 0 || slice_eq(text, SLICE("~")) || slice_eq_nocase(text, SLICE("null"));
}

static int on_scalar(struct builder *b, const yaml_event_t *e, unsigned line)
{
    struct slice raw = slice_of((const char *)e->data.scalar.value, e->data.scalar.length);
    struct slice text = arena_copy(b->arena, raw);
    struct yaml_node *node;

    if (!text.at)
        return -ENOMEM;
    if (wants_key(b)) {
        b->key = text;
        b->key_line = line;
        return OK;
    }
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    int rc = add_node(b, plain && is_null(raw) ? YAML_NULL : YAML_SCALAR, line, &node);
    if (rc < 0)
        return rc;
    node->text = text;
    return replace_variables(b, node);
}

static int on_open(struct builder *b, enum yaml_kind kind, unsigned line)
{
    struct yaml_node *node;

    if (wants_key(b))
        return give_up(b, line, "a key must be plain text", "");
    if (b->depth == YAML_TREE_DEPTH)
        return give_up(b, line, "nested too deeply", "16 levels");
    int rc = add_node(b, kind, line, &node);
    if (rc == OK)
        b->open[b->depth++] = node;
    return rc;
}

static int on_alias(struct builder *b, unsigned line)
{
    struct yaml_node *node;

    if (wants_key(b))
        return give_up(b, line, "a key must be plain text", "");
    config_fault_at(b->faults, line, SLICE("the value, written out"), "aliases are not supported");
    return add_node(b, YAML_BROKEN, line, &node);
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
    unsigned line = (unsigned)e->start_mark.line + 1;

    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->documents++ ? give_up(b, line, "a second document begins here", "one document")
                              : OK;
    case YAML_ALIAS_EVENT:
        return on_alias(b, line);
    case YAML_SCALAR_EVENT:
        return on_scalar(b, e, line);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, YAML_LIST, line);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, YAML_MAP, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return OK;
    default:
        return OK;
    }
}

static int on_syntax_error(struct builder *b, const yaml_parser_t *parser)
{
    unsigned line = (unsigned)parser->problem_mark.line + 1;

    if (parser->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    if (parser->error == YAML_READER_ERROR) { /* knows an offset, not a line */
        const unsigned char *at = parser->input.string.start;
        size_t most = (size_t)(parser->input.string.end - at);
        line = 1;
        for (size_t i = 0; i < MIN(parser->problem_offset, most); i++)
            line += at[i] == '\n';
    }
    config_fault_at(b->faults, line, (struct slice){0}, "not YAML: %s%s%s",
                    parser->context ? parser->context : "", parser->context ? ", " : "",
                    parser->problem ? parser->problem : "it cannot be read");
    return -EBADMSG;
}

static int build(struct builder *b, yaml_parser_t *parser)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return on_syntax_error(b, parser);
        bool end = event.type == YAML_STREAM_END_EVENT;
        int rc = on_event(b, &event);
        yaml_event_delete(&event);
        if (rc < 0 || end)
            return rc;
    }
}

int yaml_tree_read(struct slice text, const struct config_outside *outside,
                   struct config_faults *faults, struct yaml_node **ret)
{
    struct builder b = {.arena = faults->arena, .faults = faults, .outside = outside};
    yaml_parser_t parser;

    if (text.len > YAML_TREE_BYTES)
        return give_up(&b, 1, "the file is too large", "1MB");
    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.at ? text.at : ""),
                                 text.len);
    int rc = build(&b, &parser);
    yaml_parser_delete(&parser);
    if (rc == OK && !b.root) {
        b.key = (struct slice){0};
        rc = add_node(&b, YAML_NULL, 1, ret);
    }
    *ret = b.root;
    return rc;
}

const struct yaml_node *yaml_member(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *n = map->first; n; n = n->next)
        if (slice_eq(n->key, slice_str(key)))
            return n;
    return NULL;
}

size_t yaml_count(const struct yaml_node *node)
{
    size_t n = 0;

    for (const struct yaml_node *m = node->first; m; m = m->next)
        n++;
    return n;
}
