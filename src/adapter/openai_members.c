/* openai_members.c: what a vendor does not take as it stands: members renamed, clamped, dropped and
 * refused by the rules of its row, as edits of a body that passes otherwise.
 *
 * Members are found by the bytes of their values. Their names lie before those: none of the names
 * in a rule holds a quote, however it is escaped, so the two quotes around it are found backwards.
 */

#include "adapter/openai_answers.h"

#include "adapter/openai.h"
#include "codec/json.h"

#include <errno.h>
#include <stdlib.h>

enum { WANTED_MAX = 2 * OPENAI_MEMBERS_MAX, NUMBER_MAX = 63 };

/* The rules that meet in one call, and the members of the body that they speak of. */
struct ruling {
    struct slice body;
    struct json_member wanted[WANTED_MAX];
    struct json_value
        values[WANTED_MAX]; /* of rules[i] at i, of what it is renamed to behind all */
    const struct openai_member *rules[OPENAI_MEMBERS_MAX];
    size_t rules_len, wanted_len;
    struct edit drops[OPENAI_MEMBERS_MAX]; /* whole members, in the order of the body */
    size_t drops_len;
    struct arena *arena;
    struct fault *fault;
};

static void gather(struct ruling *r, const struct openai_member *rule, struct slice model)
{
    for (; rule && rule->name && r->rules_len < OPENAI_MEMBERS_MAX; rule++)
        if (!rule->models || slice_starts(model, slice_str(rule->models)))
            r->rules[r->rules_len++] = rule;
    for (size_t i = 0; i < r->rules_len; i++)
        r->wanted[i].name = slice_str(r->rules[i]->name);
    r->wanted_len = r->rules_len;
    for (size_t i = 0; i < r->rules_len; i++)
        if (r->rules[i]->act == OPENAI_RENAME)
            r->wanted[r->wanted_len++].name = slice_str(r->rules[i]->text);
}

static int refuse(struct ruling *r, enum fault_kind kind, struct slice param, struct slice message)
{
    *r->fault = (struct fault){
        .kind = kind,
        .param = param,
        .message = message.at ? message : (struct slice){0},
    };
    return -EINVAL;
}

/* A member that is checked once must not be sent twice. */
static int refuse_duplicate(struct ruling *r)
{
    struct json_error why;
    struct slice name = {0};

    if (!json_scan(r->body, r->wanted, r->wanted_len, r->values, &why) && why.member >= 0)
        name = r->wanted[why.member].name;
    return refuse(r, FAULT_DUPLICATE_MEMBER, name,
                  arena_printf(r->arena, "Duplicate parameter: '%.*s' is given more than once.",
                               SLICE_FMT(name)));
}

static int refuse_member(struct ruling *r, struct slice name)
{
    return refuse(r, FAULT_UNSUPPORTED, name,
                  arena_printf(r->arena,
                               "Unsupported parameter: '%.*s' is not supported by this model's "
                               "provider.",
                               SLICE_FMT(name)));
}

/* Where the member with that value begins: the opening quote of its name. */
static size_t name_begin(const struct ruling *r, struct json_value v)
{
    size_t at = (size_t)(v.text.at - r->body.at);

    for (unsigned quotes = 0; quotes < 2;)
        quotes += r->body.at[--at] == '"';
    return at;
}

static struct span value_span(const struct ruling *r, struct json_value v)
{
    size_t from = (size_t)(v.text.at - r->body.at);

    return (struct span){from, from + v.text.len};
}

static void drop(struct ruling *r, struct json_value v)
{
    struct edit whole = {.from = name_begin(r, v), .to = value_span(r, v).to};
    size_t i = r->drops_len++;

    for (; i > 0 && r->drops[i - 1].from > whole.from; i--)
        r->drops[i] = r->drops[i - 1];
    r->drops[i] = whole;
}

/* The name with its quotes. */
static struct edit rename_to(const struct ruling *r, struct json_value v, const char *name)
{
    size_t from = name_begin(r, v), to = json_string_end(r->body, from);

    return (struct edit){from + 1, to - 1, slice_str(name)};
}

static bool is_above(struct slice number, const char *most)
{
    char text[NUMBER_MAX + 1];

    if (number.len > NUMBER_MAX)
        return false; /* the provider will say what it thinks of it */
    memcpy(text, number.at, number.len);
    text[number.len] = '\0';
    return strtod(text, NULL) > strtod(most, NULL);
}

/* null and false ask for nothing. */
static bool asks(struct json_value v)
{
    bool flag = true;

    return v.type != JSON_NULL && (!json_bool(v, &flag) || flag);
}

static int rule_on(struct ruling *r, const struct openai_member *rule, struct json_value v,
                   bool target_is_there, struct edits *ret)
{
    struct span span = value_span(r, v);

    switch (rule->act) {
    case OPENAI_RENAME:
        if (target_is_there)
            drop(r, v);
        else
            edits_add(ret, rename_to(r, v, rule->text));
        return OK;
    case OPENAI_CLAMP:
        if (v.type == JSON_NUMBER && is_above(v.text, rule->text))
            edits_add(ret, (struct edit){span.from, span.to, slice_str(rule->text)});
        return OK;
    case OPENAI_REFUSE:
        if (asks(v))
            return refuse_member(r, slice_str(rule->name));
        break;
    case OPENAI_DROP:
        break;
    }
    drop(r, v);
    return OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Each dropped member takes one comma along: the one before it, or, when it is the first that is
 * left, the one behind it. */
static void add_drops(const struct ruling *r, struct edits *ret)
{
    const char *body = r->body.at;
    size_t done = 0;

    for (size_t i = 0; i < r->drops_len; i++) {
        struct edit e = r->drops[i];
        size_t before = e.from - 1, behind = e.to;
        while (is_space(body[before]))
            before--;
        while (is_space(body[behind]))
            behind++;
        if (body[before] == ',' && before >= done)
            e.from = before;
        else if (body[behind] == ',')
            e.to = behind + 1;
        edits_add(ret, e);
        done = e.to;
    }
}

int openai_edit_members(const struct target *t, struct slice body, struct arena *a,
                        struct edits *ret, struct fault *ret_fault)
{
    const struct openai_rules *row = t->adapter->row;
    struct ruling r = {.body = body, .arena = a, .fault = ret_fault};
    size_t targets;
    int rc = OK;

    gather(&r, row->members, t->upstream_model);
    if (r.rules_len == 0)
        return OK;
    /* the body is an object; what json_members reads begins with its bracket */
    struct slice object = slice_sub(body, slice_find(body, SLICE("{")), body.len);
    if (!json_members(object, r.wanted, r.wanted_len, r.values))
        return refuse_duplicate(&r);

    targets = r.rules_len;
    for (size_t i = 0; rc == OK && i < r.rules_len; i++) {
        bool renames = r.rules[i]->act == OPENAI_RENAME;
        bool target_is_there = renames && r.values[targets].type != JSON_NONE;
        targets += renames;
        if (r.values[i].type != JSON_NONE)
            rc = rule_on(&r, r.rules[i], r.values[i], target_is_there, ret);
    }
    if (rc == OK)
        add_drops(&r, ret);
    return rc;
}
