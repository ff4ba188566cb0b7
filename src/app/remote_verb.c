/* remote_verb.c: words → request → what people see. See remote_verb.h.
 *
 * A setting's flag is its name with dashes: upstream_model is --upstream-model. The word "none"
 * takes a member back to what holds without it. Secrets come from files. */

#include "app/remote_verb.h"

#include "app/remote.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/log.h"
#include "codec/json_out.h"

#include <errno.h>
#include <stdio.h>

enum { FLAGS_MOST = 40, NAME_MOST = 40, TARGET_MOST = 64 * 1024, FILE_MOST = 4 << 20, PAGE = 500 };

/* One command while it runs. */
struct run {
    const struct remote_verb *verb;
    struct arena arena;
    const char *url, *operand, *limit, *format, *body_file;
    bool json;
    struct flag flags[FLAGS_MOST];
    size_t flags_len;
    /* what was given, in the order of the tables */
    const char *settings[FLAGS_MOST], *query[FLAGS_MOST], *body[FLAGS_MOST];
    bool switched[FLAGS_MOST]; /* settings that are a switch */
    char names[FLAGS_MOST][NAME_MOST];
};

/* --- flags --- */

static void add_flag(struct run *r, struct flag f)
{
    if (r->flags_len + 1 < FLAGS_MOST)
        r->flags[r->flags_len++] = f;
}

static const char *flag_value(const struct setting *s)
{
    switch (s->type) {
    case SETTING_COUNT:
        return "N";
    case SETTING_SIZE:
        return "SIZE";
    case SETTING_DURATION:
    case SETTING_TIME:
        return "TIME";
    case SETTING_SECRET:
        return "FILE";
    case SETTING_NAMES:
    case SETTING_WORDS:
        return "A,B";
    case SETTING_URL:
        return "URL";
    case SETTING_BOOL:
        return "true|false";
    default:
        return "TEXT";
    }
}

/* The first sentence of its help, which stands in a page of its own in full. */
static const char *flag_help(struct run *r, const struct setting *s)
{
    struct slice help = slice_str(s->help);
    size_t end = slice_find(help, SLICE(". "));

    if (end == help.len && end > 0 && help.at[end - 1] == '.')
        end--;
    struct slice text = arena_printf(&r->arena, "%.*s%s", (int)end, help.at,
                                     s->type == SETTING_SECRET ? " (- reads standard input)" : "");
    return text.at ? text.at : "";
}

static bool is_creating(const struct remote_verb *v)
{
    return strcmp(v->method, "POST") == 0;
}

static void name_flag(const struct setting *s, char ret[NAME_MOST])
{
    struct slice name = slice_str(s->path), at = SLICE("_at");

    if (s->type == SETTING_TIME && name.len > at.len &&
        slice_eq(slice_sub(name, name.len - at.len, name.len), at))
        name.len -= at.len;
    snprintf(ret, NAME_MOST, "%.*s%s", SLICE_FMT(name), s->type == SETTING_SECRET ? "-file" : "");
    for (char *c = ret; *c; c++)
        *c = *c == '_' ? '-' : *c;
}

static void add_setting(struct run *r, size_t i)
{
    const struct setting *s = &r->verb->settings[i];
    bool is_switch = s->type == SETTING_BOOL && is_creating(r->verb);

    name_flag(s, r->names[i]);
    add_flag(r, (struct flag){r->names[i], is_switch ? NULL : flag_value(s), flag_help(r, s),
                              &r->settings[i], &r->switched[i]});
}

static void add_words(struct run *r, const struct remote_word *words, const char **ret)
{
    for (; words && words->flag; words++)
        add_flag(r, (struct flag){words->flag, words->value, words->help, ret++, NULL});
}

static void add_flags(struct run *r)
{
    const struct remote_verb *v = r->verb;

    for (size_t i = 0; v->settings && v->settings[i].path; i++)
        if (!v->settings[i].fixed || is_creating(v))
            add_setting(r, i);
    add_words(r, v->body, r->body);
    if (v->settings)
        add_flag(r, (struct flag){"body", "FILE",
                                  "a JSON object instead of these flags (- reads "
                                  "standard input)",
                                  &r->body_file, NULL});
    add_words(r, v->query, r->query);
    if (v->columns)
        add_flag(r, (struct flag){"limit", "N", "at most so many (all)", &r->limit, NULL});
    if (v->export)
        add_flag(r, (struct flag){"format", "csv|jsonl",
                                  "everything, as it comes, for other "
                                  "programs",
                                  &r->format, NULL});
    add_flag(r, (struct flag){"json", NULL, "the gateway's own answer", NULL, &r->json});
    add_flag(r, (struct flag){"url", "URL", "the gateway (COURIER_URL)", &r->url, NULL});
}

/* --- values --- */

/* "30d" ahead of now (expiry) or behind it (a span), or a date as it stands. */
static struct slice time_text(struct run *r, const char *text, bool ahead)
{
    uint64_t ms, now = clock_wall_us();
    char at[CLOCK_RFC3339_LEN + 1];

    if (parse_duration(slice_str(text), &ms) < 0)
        return slice_str(text);
    ms = MIN(ms, now / 1000);
    clock_rfc3339(ahead ? now + ms * 1000 : now - ms * 1000, at);
    return arena_copy(&r->arena, slice_str(at));
}

static bool read_file(struct run *r, const char *path, struct slice *ret)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    char *at = f ? arena_alloc(&r->arena, FILE_MOST) : NULL;
    size_t n = at ? fread(at, 1, FILE_MOST, f) : 0;
    bool ok = at && !ferror(f) && n < FILE_MOST;

    if (!ok)
        command_complain("%s cannot be read: %s", path,
                         f && at && n == FILE_MOST ? "it is too large" : log_errno(-errno));
    if (f && f != stdin)
        fclose(f);
    *ret = slice_of(at, n);
    return ok;
}

static void write_text(struct json_out *o, struct slice text)
{
    json_out_char(o, '"');
    json_out_escape(o, text);
    json_out_char(o, '"');
}

static void write_list(struct json_out *o, struct slice text)
{
    json_out_char(o, '[');
    while (text.len) {
        struct slice item = slice_trim(slice_cut(&text, ','));
        json_out_comma(o);
        write_text(o, item);
    }
    json_out_char(o, ']');
}

static bool write_secret(struct run *r, struct json_out *o, const char *path)
{
    struct slice text;

    if (!read_file(r, path, &text))
        return false;
    while (text.len && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    write_text(o, text);
    return true;
}

/* The gateway judges the value: what is no number goes as the text that it is. */
static bool write_value(struct run *r, struct json_out *o, const struct setting *s,
                        const char *text)
{
    struct slice value = slice_str(text);
    uint64_t unused;

    if (strcmp(text, "none") == 0) {
        json_out_literal(o, "null");
        return true;
    }
    if (s->type == SETTING_SECRET)
        return write_secret(r, o, text);
    bool number = s->type == SETTING_COUNT && slice_to_u64(value, &unused) == OK;
    bool truth = s->type == SETTING_BOOL &&
                 (slice_eq(value, SLICE("true")) || slice_eq(value, SLICE("false")));
    if (s->type == SETTING_NAMES || s->type == SETTING_WORDS)
        write_list(o, value);
    else if (number || truth)
        json_out_add(o, value);
    else
        write_text(o, s->type == SETTING_TIME ? time_text(r, text, true) : value);
    return true;
}

static void write_name(struct json_out *o, const char *name)
{
    json_out_comma(o);
    json_out_quote(o, slice_str(name));
    json_out_char(o, ':');
}

static bool write_settings(struct run *r, struct json_out *o)
{
    const struct setting *s = r->verb->settings;

    for (size_t i = 0; s && s[i].path; i++) {
        const char *text = r->switched[i] ? "true" : r->settings[i];
        if (!text)
            continue;
        write_name(o, s[i].path);
        if (!write_value(r, o, &s[i], text))
            return false;
    }
    return true;
}

/* False: told why. */
static bool make_body(struct run *r, struct slice *ret)
{
    const struct remote_word *words = r->verb->body;
    struct json_out o;

    *ret = SLICE("");
    if (!r->verb->settings && !words)
        return true;
    if (r->body_file)
        return read_file(r, r->body_file, ret);
    json_out_begin(&o, &r->arena, 512);
    json_out_char(&o, '{');
    if (!write_settings(r, &o))
        return false;
    for (size_t i = 0; words && words[i].flag; i++) {
        if (!r->body[i])
            continue;
        write_name(&o, words[i].member);
        if (words[i].type == REMOTE_USER)
            json_out_add(&o, slice_str(r->body[i]));
        else
            write_text(&o, slice_str(r->body[i]));
    }
    json_out_char(&o, '}');
    *ret = json_out_slice(&o);
    return !json_out_failed(&o);
}

static void add_parameter(struct buf *b, const char *name, struct slice value)
{
    bool first = slice_find(buf_slice(b), SLICE("?")) == b->len;

    buf_printf(b, "%c%s=", first ? '?' : '&', name);
    remote_encode(b, value);
}

static void add_path(struct run *r, struct buf *b)
{
    struct slice path = slice_str(r->verb->path);
    size_t at = slice_find(path, SLICE("{}"));

    buf_add(b, slice_sub(path, 0, at));
    if (at == path.len)
        return;
    remote_encode(b, slice_str(r->operand));
    buf_add(b, slice_sub(path, at + 2, path.len));
}

/* .at NULL: out of memory. cursor may be empty. */
static struct slice make_target(struct run *r, struct slice cursor, uint64_t page)
{
    const struct remote_word *words = r->verb->query;
    struct buf b;

    buf_init(&b, TARGET_MOST);
    add_path(r, &b);
    for (size_t i = 0; words && words[i].flag; i++) {
        if (!r->query[i])
            continue;
        bool time = words[i].type == REMOTE_TIME;
        add_parameter(&b, words[i].member,
                      time ? time_text(r, r->query[i], false) : slice_str(r->query[i]));
    }
    if (r->format)
        add_parameter(&b, "format", slice_str(r->format));
    if (page) {
        char text[20];
        add_parameter(&b, "limit", slice_of(text, fmt_u64(text, page)));
    }
    if (cursor.len)
        add_parameter(&b, "cursor", cursor);
    struct slice target = b.rc == OK ? arena_copy(&r->arena, buf_slice(&b)) : slice_of(NULL, 0);
    buf_free(&b);
    return target;
}

/* --- answers --- */

static int out_of_memory(void)
{
    command_complain("out of memory");
    return EXIT_FAILED;
}

static void print_raw(struct slice body)
{
    fwrite(body.at, 1, body.len, stdout);
    if (body.len && body.at[body.len - 1] != '\n')
        putchar('\n');
}

static struct slice member_text(struct run *r, struct slice object, const char *name)
{
    struct json_member wanted = {slice_str(name)};
    struct json_value v = {.type = JSON_NONE};

    if (!json_members(object, &wanted, 1, &v) || v.type != JSON_STRING)
        return SLICE("");
    char *at = arena_alloc(&r->arena, v.text.len);
    size_t n = at ? json_decode(v, at) : 0;
    remote_tame(at, n);
    return slice_of(at, n);
}

static int print_object(struct run *r, struct slice body)
{
    if (!body.len) {
        fprintf(stderr, "%s %s\n", r->operand ? r->operand : "", r->verb->done);
        return EXIT_GOOD;
    }
    if (r->json) {
        print_raw(body);
        return EXIT_GOOD;
    }
    if (!r->verb->reveal)
        return remote_table_print_object(body, &r->arena) == OK ? EXIT_GOOD : out_of_memory();
    struct slice secret = member_text(r, body, r->verb->reveal);
    fprintf(stderr, "key %.*s; this is the only time that it is shown:\n",
            SLICE_FMT(member_text(r, body, "prefix")));
    print_raw(secret);
    return secret.len ? EXIT_GOOD : EXIT_FAILED;
}

static int print_to_stdout(void *arg, struct slice bytes)
{
    (void)arg;
    return fwrite(bytes.at, 1, bytes.len, stdout) == bytes.len ? OK : -EPIPE;
}

/* The id of the user of that name, who is made when there is none. */
static int find_user(struct run *r, struct remote *to, const char **name)
{
    static const struct json_member wanted[] = {{SLICE_INIT("data")}, {SLICE_INIT("id")}};
    struct json_value list = {.type = JSON_NONE}, user = list, id = list;
    struct slice body;
    size_t at = 0;
    struct buf b;

    if (!**name) { /* no name would find any user */
        command_complain("--user is empty: whose key is it to be?");
        return EXIT_USAGE;
    }
    buf_init(&b, TARGET_MOST);
    buf_printf(&b, "/admin/v1/users?name=");
    remote_encode(&b, slice_str(*name));
    struct remote_ask ask = {.method = SLICE("GET"),
                             .target = arena_copy(&r->arena, buf_slice(&b))};
    buf_free(&b);
    int code = ask.target.at ? remote_send(to, &ask, &r->arena, &body) : out_of_memory();
    if (code != EXIT_GOOD)
        return code;
    json_members(body, &wanted[0], 1, &list);
    if (list.type == JSON_ARRAY && json_next(list.text, &at, &user)) {
        json_members(user.text, &wanted[1], 1, &id);
    } else {
        struct json_out o;
        json_out_begin(&o, &r->arena, 64);
        json_out_literal(&o, "{\"name\":");
        write_text(&o, slice_str(*name));
        json_out_char(&o, '}');
        if (json_out_failed(&o))
            return out_of_memory();
        ask = (struct remote_ask){SLICE("POST"), SLICE("/admin/v1/users"), json_out_slice(&o), NULL,
                                  NULL};
        code = remote_send(to, &ask, &r->arena, &body);
        if (code == EXIT_GOOD)
            json_members(body, &wanted[1], 1, &id);
    }
    if (code == EXIT_GOOD)
        *name = arena_copy(&r->arena, id.text).at;
    return code;
}

static int find_users(struct run *r, struct remote *to)
{
    const struct remote_word *words = r->verb->body;
    int code = EXIT_GOOD;

    for (size_t i = 0; code == EXIT_GOOD && words && words[i].flag; i++)
        if (r->body[i] && words[i].type == REMOTE_USER)
            code = find_user(r, to, &r->body[i]);
    return code;
}

static int send_once(struct run *r, struct remote *to)
{
    struct remote_ask ask = {.method = slice_str(r->verb->method)};
    struct slice body = SLICE("");
    int code = find_users(r, to);

    if (code != EXIT_GOOD)
        return code;
    if (!make_body(r, &ask.body))
        return EXIT_FAILED;
    ask.target = make_target(r, SLICE(""), 0);
    if (!ask.target.at)
        return out_of_memory();
    if (r->format)
        ask.take = print_to_stdout;
    code = remote_send(to, &ask, &r->arena, &body);
    return code == EXIT_GOOD && !r->format ? print_object(r, body) : code;
}

/* A list while it is printed, page by page. */
struct listing {
    struct remote_table table;
    struct arena page;   /* cleared for each one: a list may be longer than memory */
    struct slice cursor; /* in the run's arena; empty: from the beginning, or no more */
    uint64_t left;       /* how many are still wanted */
    bool any;            /* there was one */
};

/* Each with all of its members, an empty line between them. */
static int print_objects(struct slice array, struct arena *a)
{
    struct json_value v;

    for (size_t at = 0; json_next(array, &at, &v); putchar('\n'))
        if (remote_table_print_object(v.text, a) < 0)
            return out_of_memory();
    return EXIT_GOOD;
}

static int print_page(struct run *r, struct listing *l, struct slice body, struct slice array)
{
    if (r->json)
        print_raw(body);
    else if (r->verb->whole)
        return print_objects(array, &l->page);
    else if (remote_table_print(&l->table, array, &l->page) < 0)
        return out_of_memory();
    return EXIT_GOOD;
}

static uint64_t length_of(struct slice array)
{
    struct json_value element;
    uint64_t n = 0;

    for (size_t at = 0; json_next(array, &at, &element);)
        n++;
    return n;
}

/* A page may have fewer rows than were asked for, and more behind it. */
static int send_page(struct run *r, struct remote *to, struct listing *l)
{
    static const struct json_member wanted[] = {{SLICE_INIT("data")}, {SLICE_INIT("next")}};
    uint64_t page = MIN(l->left, r->verb->page ? r->verb->page : (uint64_t)PAGE);
    struct remote_ask ask = {.method = SLICE("GET"), .target = make_target(r, l->cursor, page)};
    struct json_value v[ARRAY_LEN(wanted)];
    struct slice body;

    if (!ask.target.at)
        return out_of_memory();
    arena_clear(&l->page);
    int code = remote_send(to, &ask, &l->page, &body);
    if (code != EXIT_GOOD)
        return code;
    if (!json_members(body, wanted, ARRAY_LEN(wanted), v) || v[0].type != JSON_ARRAY) {
        command_complain("the gateway's answer is no list; is it of another version?");
        return EXIT_FAILED;
    }
    code = print_page(r, l, body, v[0].text);
    if (code != EXIT_GOOD)
        return code;
    l->cursor = v[1].type == JSON_STRING ? member_text(r, body, "next") : SLICE("");
    uint64_t n = length_of(v[0].text);
    l->any |= n > 0;
    l->left -= MIN(l->left, n);
    return ferror(stdout) ? EXIT_FAILED : EXIT_GOOD; /* nobody reads on */
}

static int send_pages(struct run *r, struct remote *to)
{
    struct listing l = {.table.columns = r->verb->columns, .left = UINT64_MAX};
    int code;

    if (r->limit && (slice_to_u64(slice_str(r->limit), &l.left) < 0 || l.left == 0)) {
        command_complain("--limit must be a whole number from 1");
        return EXIT_USAGE;
    }
    arena_init(&l.page, 0);
    do {
        code = send_page(r, to, &l);
    } while (code == EXIT_GOOD && l.cursor.len && l.left > 0);
    arena_clear(&l.page);
    if (code == EXIT_GOOD && r->verb->whole && !l.any && !r->json) {
        command_complain("there is nothing of %s", r->operand);
        code = EXIT_FAILED;
    }
    return code;
}

static int run_remote(struct run *r)
{
    struct remote *to;

    if (!remote_open(r->url, &to))
        return EXIT_USAGE;
    int code = r->verb->columns && !r->format ? send_pages(r, to) : send_once(r, to);
    remote_close(to);
    if (fflush(stdout) != 0 && code == EXIT_GOOD)
        code = EXIT_FAILED;
    return code;
}

/* --url among the words: they are not read yet. */
static bool names_a_gateway(struct words words)
{
    for (int i = 0; i < words.n; i++)
        if (strcmp(words.at[i], "--url") == 0 || strncmp(words.at[i], "--url=", 6) == 0)
            return true;
    return remote_is_wanted(NULL);
}

int remote_run(const struct command *self, struct words words)
{
    const struct remote_verb *verb = container_of(self, struct remote_verb, command);
    struct run r = {.verb = verb};
    int code;

    if (verb->offline && !names_a_gateway(words))
        return verb->offline->run(verb->offline, words);
    arena_init(&r.arena, 0);
    add_flags(&r);
    if (command_read_flags(self, r.flags, words, self->operand ? &r.operand : NULL, &code))
        code = run_remote(&r);
    arena_clear(&r.arena);
    return code;
}
