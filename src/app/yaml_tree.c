/* yaml_tree.c: libyaml's events → nodes. The only file that knows libyaml. */

#include "app/yaml_tree.h"

#include "base/buf.h"

#include <errno.h>
#include <yaml.h>

struct builder {
    struct arena *arena;
    struct config_faults *faults;
    config_getenv env;
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

static bool is_variable_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0 && name.len < 256;
}

/* The value of the variable that *rest begins with ("${NAME}…"), which is taken off. False: a fault
 * has been added. */
static bool take_variable(struct builder *b, struct slice *rest, unsigned line, struct slice *ret)
{
    size_t end = slice_find(*rest, SLICE("}"));
    struct slice name = slice_sub(*rest, 2, MAX(end, 2));
    char text[256];

    if (end == rest->len || !is_variable_name(name)) {
        config_fault_at(b->faults, line, SLICE("${NAME}, or $${ for a plain ${"),
                        "a variable is not written as it should be");
        return false;
    }
    memcpy(text, name.at, name.len);
    text[name.len] = 0;
    *ret = slice_str(b->env(text));
    if (!ret->at) {
        config_fault_at(b->faults, line, (struct slice){0},
                        "the environment variable %s is not set", text);
        return false;
    }
    *rest = slice_sub(*rest, end + 1, rest->len);
    return true;
}

/* Replaces variables. A text without any is not copied again. */
static int replace_variables(struct builder *b, struct yaml_node *node)
{
    struct slice rest = node->text;
    struct buf out;

    if (slice_find(rest, SLICE("${")) == rest.len)
        return OK;
    buf_init(&out, YAML_TREE_BYTES);
    while (rest.len) {
        size_t at = slice_find(rest, SLICE("${"));
        bool escaped = at < rest.len && at > 0 && rest.at[at - 1] == '$';
        struct slice value = SLICE("${");
        buf_add(&out, slice_sub(rest, 0, escaped ? at - 1 : at));
        rest = slice_sub(rest, at, rest.len);
        if (escaped) {
            rest = slice_sub(rest, 2, rest.len);
        } else if (rest.len == 0) {
            break;
        } else if (!take_variable(b, &rest, node->line, &value)) {
            node->kind = YAML_BROKEN;
            break;
        } else {
            node->replaced = true;
        }
        buf_add(&out, value);
    }
    node->text = arena_copy(b->arena, buf_slice(&out));
    int rc = out.rc < 0 || !node->text.at ? -ENOMEM : OK;
    buf_free(&out);
    return rc;
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

int yaml_tree_read(struct slice text, config_getenv env, struct config_faults *faults,
                   struct yaml_node **ret)
{
    struct builder b = {.arena = faults->arena, .faults = faults, .env = env};
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
