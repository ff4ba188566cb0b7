/* mock_content.c: see mock_content.h. */

#include "app/mock_content.h"

#include "app/mock_schema.h"

struct slice mock_piece(struct slice whole, uint64_t i, uint64_t n)
{
    return slice_sub(whole, (size_t)(whole.len * i / n), (size_t)(whole.len * (i + 1) / n));
}

/* at, or where the character begins that it lies in. */
static size_t character(struct slice text, size_t at)
{
    while (at > 0 && at < text.len && ((unsigned char)text.at[at] & 0xc0) == 0x80)
        at--;
    return at;
}

struct slice mock_text_piece(struct slice whole, uint64_t i, uint64_t n)
{
    return slice_sub(whole, character(whole, (size_t)(whole.len * i / n)),
                     character(whole, (size_t)(whole.len * (i + 1) / n)));
}

uint64_t mock_calls(const struct mock_answer *a)
{
    if (!a->plan->tools || !a->dialect->calls_tools || mock_ask_count(a->ask->tools) == 0)
        return 0;
    return mock_ask_has_result(a->ask) ? 0 : a->plan->tools;
}

static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* As in a form (application/x-www-form-urlencoded); a % without two digits stands for itself. */
static void add_decoded(struct slice text, struct buf *ret)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i] == '+' ? ' ' : text.at[i];
        if (c == '%' && i + 2 < text.len && hex_digit(text.at[i + 1]) < 16 &&
            hex_digit(text.at[i + 2]) < 16) {
            c = (char)(hex_digit(text.at[i + 1]) << 4 | hex_digit(text.at[i + 2]));
            i += 2;
        }
        buf_add_char(ret, c);
    }
}

static void add_fitting(struct json_value schema, struct buf *ret)
{
    if (schema.type == JSON_OBJECT)
        mock_schema_value(schema, ret);
    else
        buf_add(ret, SLICE("{\"answer\":\"text\"}"));
}

void mock_add_content(const struct mock_answer *a, uint64_t length, struct buf *ret)
{
    struct slice usual = SLICE("Hello! This is courier's mock provider, at your service. ");

    if (a->plan->text.len)
        add_decoded(a->plan->text, ret);
    else if (a->calls)
        return;
    else if (a->plan->echo)
        buf_add(ret, a->ask->body);
    else if (a->plan->json)
        add_fitting(mock_ask_schema(a->ask), ret);
    else if (length == 0)
        buf_add(ret, slice_sub(usual, 0, usual.len - 1));
    else
        while (ret->rc == OK && ret->len < length)
            buf_add(ret, slice_sub(usual, 0, MIN(usual.len, (size_t)length - ret->len)));
}

void mock_add_arguments(const struct mock_answer *a, uint64_t call, struct buf *ret)
{
    struct json_value schema = {0};
    struct slice name;

    if (a->plan->arguments.len)
        add_decoded(a->plan->arguments, ret);
    else if (mock_ask_tool(a->ask, call, &name, &schema))
        add_fitting(schema, ret);
}

void mock_add_call_id(const char *prefix, uint64_t call, struct buf *ret)
{
    buf_printf(ret, "%s", prefix);
    if (call > 0)
        buf_printf(ret, "_%u", (unsigned)call);
}

struct slice mock_call_name(const struct mock_answer *a, uint64_t call)
{
    struct json_value schema;
    struct slice name = SLICE("\"\"");

    mock_ask_tool(a->ask, call, &name, &schema);
    return name;
}

void mock_add_string(struct slice text, struct buf *ret)
{
    buf_add_char(ret, '"');
    buf_add_json(ret, text);
    buf_add_char(ret, '"');
}

void mock_add_stop(const struct mock_answer *a, const char *usual, struct buf *ret)
{
    if (a->plan->no_finish)
        buf_add(ret, SLICE("null"));
    else
        mock_add_string(a->plan->stop.len ? a->plan->stop : slice_str(usual), ret);
}
