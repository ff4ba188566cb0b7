/* rejects.c: see rejects.h. */

#include "service/rejects.h"

#include "service/journal_folder.h"

#include "base/buf.h"
#include "base/durable.h"
#include "model/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MOST = 16 * 1024 };

static void add_text(struct buf *b, const char *name, struct slice text)
{
    buf_printf(b, ",\"%s\":\"", name);
    buf_add_json(b, text);
    buf_add_char(b, '"');
}

static void add_number(struct buf *b, const char *name, uint64_t n)
{
    buf_printf(b, ",\"%s\":", name);
    buf_add_u64(b, n);
}

static void add_texts(struct buf *b, const struct record *r)
{
    add_text(b, "request_id", slice_str(r->request_id));
    add_text(b, "endpoint", slice_str(r->endpoint));
    add_text(b, "requested_model", slice_str(r->requested_model));
    add_text(b, "served_model", slice_str(r->served_model));
    add_text(b, "provider", slice_str(r->provider));
    add_text(b, "error_code", slice_str(r->error_code));
    add_text(b, "status", slice_str(outcome_status_name((enum outcome_status)r->status)));
    add_text(b, "usage_source", slice_str(usage_source_name((enum usage_source)r->usage_source)));
}

static void add_numbers(struct buf *b, const struct record *r)
{
    add_number(b, "created_at_us", r->created_wall_us);
    add_number(b, "user_id", (uint64_t)r->user_id);
    add_number(b, "key_id", (uint64_t)r->key_id);
    add_number(b, "stream", r->stream);
    add_number(b, "http_status", r->http_status);
    add_number(b, "attempts", r->attempts);
    add_number(b, "fallback_used", r->fallback_used);
    add_number(b, "prompt_tokens", r->prompt_tokens);
    add_number(b, "completion_tokens", r->completion_tokens);
    add_number(b, "cached_tokens", r->cached_tokens);
    add_number(b, "cache_write_tokens", r->cache_write_tokens);
    add_number(b, "reasoning_tokens", r->reasoning_tokens);
    add_number(b, "latency_ms", r->latency_ms);
    add_number(b, "first_token_ms", r->first_token_ms);
    add_number(b, "request_bytes", r->request_bytes);
    add_number(b, "response_bytes", r->response_bytes);
}

static int add_line(struct buf *b, const struct record *r, const char *why)
{
    char id[RECORD_ID_TEXT];

    record_id_format(&r->id, id);
    buf_printf(b, "{\"id\":\"%.*s\"", RECORD_ID_TEXT, id);
    add_text(b, "why", slice_str(why));
    add_texts(b, r);
    add_numbers(b, r);
    buf_printf(b, "}\n");
    return b->rc;
}

static int append(int fd, const char *path, struct slice line)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if ((size_t)st.st_size + line.len > REJECTS_MOST)
        return -EFBIG;
    ssize_t n = write(fd, line.at, line.len);
    int rc = n < 0 ? -errno : (size_t)n < line.len ? -ENOSPC : OK;
    if (rc == OK && st.st_size == 0)
        rc = durable_file(fd, path);
    else if (rc == OK && fdatasync(fd) < 0)
        rc = -errno;
    if (rc < 0)
        (void)!ftruncate(fd, st.st_size);
    return rc;
}

int rejects_write(const char *folder, const struct record *r, const char *why)
{
    char path[JOURNAL_PATH];
    struct buf line;

    int n = snprintf(path, sizeof(path), "%s/rejected.jsonl", folder);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    buf_init(&line, LINE_MOST);
    int rc = add_line(&line, r, why);
    int fd = rc == OK ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (rc == OK)
        rc = fd < 0 ? -errno : append(fd, path, buf_slice(&line));
    if (fd >= 0)
        close(fd);
    buf_free(&line);
    return rc;
}
