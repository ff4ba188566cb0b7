/* redact.c: applies the rules to a text, one after the other. See redact.h.
 *
 * A rule reads what the one before it has left. As taking something out can bring together what
 * stood apart, the rules begin again until a round changes nothing. Work is bounded: each match by
 * PCRE2's own limits, the rounds by ROUNDS; beyond either the whole text is taken out. */

#include "codec/redact.h"

#include "codec/redact_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { ROUNDS = 4, MATCH_STEPS = 200000, MATCH_DEPTH = 2000, MATCH_KILOBYTES = 4096 };

static const struct slice everything = SLICE_INIT("[REDACTED]");

struct rule {
    pcre2_code *code;
    struct slice instead;
    bool (*check)(struct slice match);
};

struct redactor {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    size_t len;
    struct rule rules[];
};

/* --- making --- */

static void *take_memory(size_t n, void *unused)
{
    (void)unused;
    return malloc(n);
}

static void give_memory(void *at, void *unused)
{
    (void)unused;
    free(at);
}

static size_t count_rules(void)
{
    size_t n = 0;

    while (redact_rules[n].pattern)
        n++;
    return n;
}

static int compile(struct redactor *r, struct slice pattern, pcre2_code **ret, PCRE2_UCHAR why[128])
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
    int code;
    size_t at;
    pcre2_compile_context *c = pcre2_compile_context_create(r->memory);

    if (!c)
        return -ENOMEM;
    *ret = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len, options, &code, &at, c);
    pcre2_compile_context_free(c);
    if (*ret) {
        /* without executable memory it is interpreted: slower, the same */
        pcre2_jit_compile(*ret, PCRE2_JIT_COMPLETE);
        return OK;
    }
    pcre2_get_error_message(code, why, 128);
    return code == PCRE2_ERROR_HEAP_FAILED || code == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -EINVAL;
}

static int add_rule(struct redactor *r, struct slice pattern, const struct redact_rule *rule,
                    char ret_why[REDACT_WHY])
{
    struct rule *to = &r->rules[r->len];
    PCRE2_UCHAR why[128] = "";
    int rc = compile(r, pattern, &to->code, why);

    if (rc == -EINVAL)
        snprintf(ret_why, REDACT_WHY, "%s", (const char *)why);
    if (rc < 0)
        return rc;
    to->instead = slice_str(rule->instead);
    to->check = rule->check;
    r->len++;
    return OK;
}

/* One that matches the empty text would stand between all characters. */
static bool matches_nothing(const struct redactor *r, const pcre2_code *code)
{
    pcre2_match_data *m = pcre2_match_data_create(1, r->memory);
    int rc = m ? pcre2_match(code, (PCRE2_SPTR) "", 0, 0, 0, m, r->limits) : -1;

    pcre2_match_data_free(m);
    return rc >= 0;
}

static int add_own(struct redactor *r, struct slice pattern, size_t place, char ret_why[REDACT_WHY])
{
    static const struct redact_rule own = {.instead = "[REDACTED]"};
    char why[REDACT_WHY] = "";
    int rc = -EINVAL;

    if (pattern.len == 0 || pattern.len > REDACT_PATTERN_MOST)
        snprintf(why, sizeof(why), "it must have 1 to %d bytes", REDACT_PATTERN_MOST);
    else
        rc = add_rule(r, pattern, &own, why);
    if (rc == OK && matches_nothing(r, r->rules[r->len - 1].code)) {
        snprintf(why, sizeof(why), "it matches the empty text");
        rc = -EINVAL;
    }
    if (rc == -EINVAL)
        snprintf(ret_why, REDACT_WHY, "pattern %zu: %.120s", place, why);
    return rc;
}

static int make_limits(struct redactor *r)
{
    r->memory = pcre2_general_context_create(take_memory, give_memory, NULL);
    if (!r->memory)
        return -ENOMEM;
    r->limits = pcre2_match_context_create(r->memory);
    if (!r->limits)
        return -ENOMEM;
    pcre2_set_match_limit(r->limits, MATCH_STEPS);
    pcre2_set_depth_limit(r->limits, MATCH_DEPTH);
    pcre2_set_heap_limit(r->limits, MATCH_KILOBYTES);
    return OK;
}

int redactor_new(const struct slice *own, size_t n, char ret_why[REDACT_WHY], struct redactor **ret)
{
    size_t built_in = count_rules();
    struct redactor *r;
    int rc;

    *ret = NULL;
    ret_why[0] = '\0';
    if (n > REDACT_OWN_MOST) {
        snprintf(ret_why, REDACT_WHY, "more than %d patterns", REDACT_OWN_MOST);
        return -E2BIG;
    }
    r = calloc(1, sizeof(*r) + (built_in + n) * sizeof(r->rules[0]));
    if (!r)
        return -ENOMEM;
    rc = make_limits(r);
    for (size_t i = 0; rc == OK && i < built_in; i++)
        rc = add_rule(r, slice_str(redact_rules[i].pattern), &redact_rules[i], ret_why);
    for (size_t i = 0; rc == OK && i < n; i++)
        rc = add_own(r, own[i], i + 1, ret_why);
    if (rc < 0) {
        redactor_free(r);
        return rc;
    }
    *ret = r;
    return OK;
}

void redactor_free(struct redactor *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->len; i++)
        pcre2_code_free(r->rules[i].code);
    pcre2_match_context_free(r->limits);
    pcre2_general_context_free(r->memory);
    free(r);
}

/* --- applying --- */

/* A text on its way through the rules. */
struct passage {
    const struct redactor *r;
    pcre2_match_data *match;
    struct arena *a;
    struct slice text;
    bool changed; /* in this round */
};

/* What one rule has made of the text so far. */
struct rewriting {
    char *at;
    size_t len, cap;
    size_t done; /* bytes of the text that are in it; 0: nothing was replaced yet */
};

static int rewriting_add(struct rewriting *w, struct arena *a, struct slice s)
{
    if (w->len + s.len > w->cap) {
        size_t cap = MAX(2 * (w->len + s.len), (size_t)256);
        char *at = arena_alloc(a, cap);
        if (!at)
            return -ENOMEM;
        if (w->len)
            memcpy(at, w->at, w->len);
        w->at = at;
        w->cap = cap;
    }
    if (s.len)
        memcpy(w->at + w->len, s.at, s.len);
    w->len += s.len;
    return OK;
}

static int replace(struct passage *p, struct rewriting *w, struct slice instead, const size_t at[2])
{
    int rc = rewriting_add(w, p->a, slice_sub(p->text, w->done, at[0]));

    if (rc == OK)
        rc = rewriting_add(w, p->a, instead);
    w->done = at[1];
    return rc;
}

/* Whether the match is part of what a rule has put there. */
static bool is_ours(const struct passage *p, const size_t at[2])
{
    for (size_t i = 0; i < p->r->len; i++) {
        struct slice instead = p->r->rules[i].instead;
        size_t first = at[1] > instead.len ? at[1] - instead.len : 0;
        for (size_t from = first; from <= at[0]; from++)
            if (slice_starts(slice_sub(p->text, from, p->text.len), instead))
                return true;
    }
    return false;
}

/* The next match from `from` on that is a true one: OK and its place; -ENOENT: none. */
static int find(struct passage *p, const struct rule *rule, size_t from, size_t ret[2])
{
    for (;;) {
        int rc = pcre2_match(rule->code, (PCRE2_SPTR)p->text.at, p->text.len, from, 0, p->match,
                             p->r->limits);
        if (rc == PCRE2_ERROR_NOMATCH)
            return -ENOENT;
        if (rc < 0)
            return rc == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -EOVERFLOW;
        const size_t *at = pcre2_get_ovector_pointer(p->match);
        if (at[1] <= at[0] || at[0] < from)
            return -EOVERFLOW;
        bool is_true = !rule->check || rule->check(slice_sub(p->text, at[0], at[1]));
        if (is_true && !is_ours(p, at)) {
            memcpy(ret, at, 2 * sizeof(*ret));
            return OK;
        }
        from = at[0] + 1;
        while (from < p->text.len && ((unsigned char)p->text.at[from] & 0xC0) == 0x80)
            from++;
    }
}

static int apply(struct passage *p, const struct rule *rule)
{
    struct rewriting w = {.at = NULL};
    size_t at[2] = {0, 0};
    int rc;

    while ((rc = find(p, rule, at[1], at)) == OK) {
        rc = replace(p, &w, rule->instead, at);
        if (rc < 0)
            return rc;
    }
    if (rc != -ENOENT)
        return rc;
    if (w.done == 0)
        return OK;
    rc = rewriting_add(&w, p->a, slice_sub(p->text, w.done, p->text.len));
    p->text = slice_of(w.at, w.len);
    p->changed = true;
    return rc;
}

/* -EOVERFLOW: it cannot be told within the limits. */
static int apply_all(struct passage *p)
{
    int rc = OK;

    for (unsigned round = 0; round < ROUNDS; round++) {
        p->changed = false;
        for (size_t i = 0; rc == OK && i < p->r->len; i++)
            rc = apply(p, &p->r->rules[i]);
        if (rc < 0 || !p->changed)
            return rc;
    }
    return -EOVERFLOW;
}

int redact_text(const struct redactor *r, struct slice text, struct arena *a, struct slice *ret)
{
    struct passage p = {.r = r, .a = a, .text = text};
    int rc;

    *ret = text;
    if (text.len == 0)
        return OK;
    p.match = pcre2_match_data_create(1, r->memory);
    if (!p.match)
        return -ENOMEM;
    rc = apply_all(&p);
    pcre2_match_data_free(p.match);
    *ret = rc == -EOVERFLOW ? everything : p.text;
    return rc == -EOVERFLOW ? OK : rc;
}
