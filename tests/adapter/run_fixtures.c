/* run_fixtures.c: replays every folder tests/adapter/<vendor>/<case>/ through that vendor's
 * adapter.
 *
 *   request.json     what the client sends        → expect.request  what the provider gets
 *   target           optional lines "base_url …", "upstream_model …", "api_key …"
 *   client           optional lines "dialect chat|messages" (else the provider's own), "endpoint
 *                    completions|embeddings|responses|count_tokens", "header name: value", and for
 *                    a case without request "include_usage yes"
 *   answer.json      what the provider answers    → expect          what it means
 *   answer.sse       the same, streamed             expect.client   what a client of the other
 *   answer.head      optional: status, header lines                 dialect gets
 *
 * Each answer is replayed whole; a stream also cut in two at every byte, which must make no
 * difference; and every answer truncated at every byte, which must never count as complete while
 * content is missing, and of which a client must get the beginning of the whole. Without
 * request.json the client is one that did not ask for usage.
 *
 *   run_fixtures DIR [--write]      --write: make the expect files anew, for a person to read */

#include "adapter/answer.h"

#include "adapter/registry.h"
#include "codec/url.h"
#include "wire/call_reader.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_ROOM = 1024, FILE_MAX = 1 << 20, TEXT_MAX = 4 << 20 };

struct fixture {
    struct arena arena;
    char path[PATH_ROOM];
    struct adapter const *adapter;
    struct target target;
    struct call call;
    struct provider_answer answer;
    struct call_header header;
    bool has_request, has_answer, write;
    const char *why; /* it failed; NULL: it did not */
};

/* A file of the folder; .at is NULL when it is not there. */
static struct slice load(struct fixture *f, const char *name)
{
    char path[PATH_ROOM + 64];
    snprintf(path, sizeof(path), "%s/%s", f->path, name);

    FILE *file = fopen(path, "rb");
    if (!file)
        return (struct slice){0};
    char *bytes = malloc(FILE_MAX);
    size_t n = bytes ? fread(bytes, 1, FILE_MAX, file) : 0;
    fclose(file);
    struct slice text = arena_copy(&f->arena, slice_of(bytes, n));
    free(bytes);
    return text;
}

static void store(struct fixture *f, const char *name, struct slice text)
{
    char path[PATH_ROOM + 64];
    snprintf(path, sizeof(path), "%s/%s", f->path, name);

    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text.at, 1, text.len, file) != text.len)
        f->why = "cannot write";
    if (file)
        fclose(file);
}

/* Compares with the expect file, or writes it. */
static void expect(struct fixture *f, const char *name, struct slice got)
{
    if (f->write) {
        store(f, name, got);
        return;
    }
    struct slice wanted = load(f, name);
    if (slice_eq(wanted, got))
        return;
    printf("%s: expected:\n%.*s\ngot:\n%.*s\n", name, SLICE_FMT(wanted), SLICE_FMT(got));
    f->why = "not as expected";
}

static struct slice setting(struct slice text, struct slice name)
{
    while (!slice_is_empty(text)) {
        struct slice line = slice_cut(&text, '\n');
        struct slice word = slice_cut(&line, ' ');
        if (slice_eq(word, name))
            return line;
    }
    return (struct slice){0};
}

static void read_target(struct fixture *f)
{
    struct slice text = load(f, "target");
    struct slice base = setting(text, SLICE("base_url"));
    struct slice model = setting(text, SLICE("upstream_model"));
    struct url url;

    if (slice_is_empty(base))
        base = adapter_fallback(f->adapter, "base_url");
    if (url_parse(base, &url, &f->why) < 0)
        return;
    f->target = (struct target){
        .adapter = f->adapter,
        .authority = url.authority,
        .base_path = url.path,
        .query = url.query,
        .upstream_model = slice_is_empty(model) ? f->call.model : model,
        .api_key = secret_of(setting(text, SLICE("api_key"))),
    };
}

static enum dialect read_dialect(struct fixture *f, struct slice client)
{
    struct slice name = setting(client, SLICE("dialect"));

    if (slice_eq(name, SLICE("messages")))
        return DIALECT_MESSAGES;
    return slice_eq(name, SLICE("chat")) ? DIALECT_CHAT : f->adapter->dialect;
}

static enum call_kind read_kind(struct slice client, enum dialect dialect)
{
    static const struct {
        struct slice name;
        enum call_kind kind;
    } endpoints[] = {
        {SLICE_INIT("completions"),  CALL_COMPLETIONS },
        {SLICE_INIT("embeddings"),   CALL_EMBEDDINGS  },
        {SLICE_INIT("responses"),    CALL_RESPONSES   },
        {SLICE_INIT("count_tokens"), CALL_COUNT_TOKENS},
    };
    struct slice name = setting(client, SLICE("endpoint"));

    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++)
        if (slice_eq(name, endpoints[i].name))
            return endpoints[i].kind;
    return dialect == DIALECT_CHAT ? CALL_CHAT : CALL_MESSAGES;
}

static void read_request(struct fixture *f)
{
    struct slice client = load(f, "client"), body = load(f, "request.json");
    struct slice header = setting(client, SLICE("header"));
    struct fault fault;

    f->call.dialect = read_dialect(f, client);
    f->call.kind = read_kind(client, f->call.dialect);
    f->call.include_usage = slice_eq(setting(client, SLICE("include_usage")), SLICE("yes"));
    f->has_request = body.at != NULL;
    if (f->has_request && !call_read(&f->call, body, &f->arena, &fault))
        f->why = "the request is not valid";
    f->call.created = 1700000000;
    if (!f->has_request)
        f->call.prompt_estimate = 7;
    f->header.name = slice_cut(&header, ':');
    f->header.value = slice_trim(header);
    f->call.headers = &f->header;
    f->call.headers_len = !slice_is_empty(f->header.name);
}

static void read_head(struct fixture *f)
{
    struct slice text = load(f, "answer.head");
    struct slice status = slice_cut(&text, '\n');
    uint64_t n = 200;

    if (status.at && slice_to_u64(status, &n) < 0)
        f->why = "answer.head begins with no status";
    f->answer.status = (int)n;
    while (!slice_is_empty(text)) {
        struct slice value = slice_cut(&text, '\n');
        struct slice name = slice_cut(&value, ':');
        if (headers_add(&f->answer.head, &f->arena, name, slice_trim(value)) < 0)
            f->why = "too many headers";
    }
}

static void read_answer(struct fixture *f)
{
    f->answer.body = load(f, "answer.sse");
    f->answer.stream = f->answer.body.at != NULL;
    if (!f->answer.stream)
        f->answer.body = load(f, "answer.json");
    f->has_answer = f->answer.body.at != NULL;
    read_head(f);
}

static void run(const struct fixture *f, const struct provider_answer *answer, size_t cut,
                struct run *ret)
{
    run_init(ret);
    answer_run(&f->target, &f->call, answer, cut, ret);
}

static void check_cuts(struct fixture *f, const struct run *whole)
{
    for (size_t cut = 0; f->answer.stream && cut < f->answer.body.len; cut++) {
        struct run again;
        run(f, &f->answer, cut, &again);
        if (!slice_eq(buf_slice(&again.text), buf_slice(&whole->text)) ||
            !slice_eq(buf_slice(&again.client), buf_slice(&whole->client)))
            f->why = "a cut changes the result";
        run_free(&again);
    }
}

static bool rest_is_space(struct slice s, size_t from)
{
    while (from < s.len && strchr(" \t\r\n", s.at[from]))
        from++;
    return from == s.len;
}

static void check_truncations(struct fixture *f, const struct run *whole)
{
    for (size_t len = 0; len < f->answer.body.len; len++) {
        struct provider_answer part = f->answer;
        struct run result;
        part.body.len = len;
        run(f, &part, len, &result);
        bool may_be =
            f->answer.stream ? result.deltas == whole->deltas : rest_is_space(f->answer.body, len);
        if (result.complete && !may_be)
            f->why = "a truncated answer counts as complete";
        if (!result.complete && f->answer.stream &&
            !slice_starts(buf_slice(&whole->client), buf_slice(&result.client)))
            f->why = "of a truncated answer the client gets what is not in the whole";
        run_free(&result);
    }
}

static void check_fixture(struct fixture *f)
{
    struct run whole;

    if (f->has_request) {
        struct buf request;
        buf_init(&request, TEXT_MAX);
        request_run(&f->target, &f->call, &request);
        expect(f, "expect.request", buf_slice(&request));
        buf_free(&request);
    }
    if (f->has_answer) {
        run(f, &f->answer, f->answer.body.len, &whole);
        expect(f, "expect", buf_slice(&whole.text));
        if (whole.client.len > 0)
            expect(f, "expect.client", buf_slice(&whole.client));
        check_cuts(f, &whole);
        check_truncations(f, &whole);
        run_free(&whole);
    }
    if (!f->has_request && !f->has_answer)
        f->why = "neither request.json nor an answer";
}

static bool run_fixture(const char *dir, const char *vendor, const char *name, bool write)
{
    struct fixture f = {.write = write, .adapter = adapter_find(slice_str(vendor))};

    snprintf(f.path, sizeof(f.path), "%s/%s/%s", dir, vendor, name);
    arena_init(&f.arena, 0);
    if (!f.adapter)
        f.why = "no such adapter";
    if (!f.why)
        read_request(&f);
    if (!f.why)
        read_target(&f);
    if (!f.why)
        read_answer(&f);
    if (!f.why)
        check_fixture(&f);
    printf("[ %s ] %s/%s%s%s\n", f.why ? " FAILED " : "      OK", vendor, name, f.why ? ": " : "",
           f.why ? f.why : "");
    arena_clear(&f.arena);
    return !f.why;
}

static int is_folder(const struct dirent *e)
{
    return e->d_type == DT_DIR && e->d_name[0] != '.';
}

static void run_vendor(const char *dir, const char *vendor, bool write, unsigned count[2])
{
    char path[PATH_ROOM];
    struct dirent **cases;

    snprintf(path, sizeof(path), "%s/%s", dir, vendor);
    int n = scandir(path, &cases, is_folder, alphasort);
    for (int i = 0; i < n; i++) {
        count[run_fixture(dir, vendor, cases[i]->d_name, write)]++;
        free(cases[i]);
    }
    if (n >= 0)
        free(cases);
}

int main(int argc, char **argv)
{
    unsigned count[2] = {0, 0}; /* failed, passed */
    struct dirent **vendors;
    bool write = argc > 2 && strcmp(argv[2], "--write") == 0;

    int n = argc > 1 ? scandir(argv[1], &vendors, is_folder, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        run_vendor(argv[1], vendors[i]->d_name, write, count);
        free(vendors[i]);
    }
    if (n >= 0)
        free(vendors);
    printf("[  PASSED  ] %u test(s).\n", count[1]);
    if (count[0] > 0)
        printf("[  FAILED  ] %u test(s)\n", count[0]);
    return count[0] == 0 && count[1] > 0 ? 0 : 1;
}
