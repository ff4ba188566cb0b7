/* mock_embeddings.c: POST …/embeddings. */

#include "app/mock_chat.h"
#include "app/mock_content.h"

enum { DIMENSIONS_MOST = 4096, INPUTS_MOST = 2048 };

/* A list of numbers is one input that was cut into tokens already. */
static uint64_t count_inputs(struct json_value input)
{
    struct json_value first = {0};
    size_t at = 0;

    if (input.type != JSON_ARRAY || !json_next(input.text, &at, &first))
        return input.type == JSON_STRING;
    return first.type == JSON_NUMBER ? 1 : MIN(mock_ask_count(input), INPUTS_MOST);
}

/* Between -1 and 1, and the same each time. */
static float number_at(uint64_t vector, uint64_t at)
{
    return (float)((vector * 31 + at * 17) % 201) / 100.0f - 1.0f;
}

static void add_numbers(uint64_t vector, uint64_t dimensions, struct buf *ret)
{
    for (uint64_t i = 0; i < dimensions; i++)
        buf_printf(ret, "%c%.9g", i == 0 ? '[' : ',', (double)number_at(vector, i));
    buf_add_char(ret, ']');
}

static void add_four(const unsigned char *three, size_t n, struct buf *ret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = (unsigned)three[0] << 16 | (n > 1 ? (unsigned)three[1] << 8 : 0) |
                    (n > 2 ? (unsigned)three[2] : 0);

    buf_add_char(ret, digits[bits >> 18]);
    buf_add_char(ret, digits[bits >> 12 & 63]);
    buf_add_char(ret, n > 1 ? digits[bits >> 6 & 63] : '=');
    buf_add_char(ret, n > 2 ? digits[bits & 63] : '=');
}

/* The numbers as little-endian 32-bit floats, in base64 (RFC 4648 section 4). */
static void add_base64(uint64_t vector, uint64_t dimensions, struct buf *ret)
{
    unsigned char bytes[DIMENSIONS_MOST * 4];
    size_t len = (size_t)dimensions * 4;

    for (uint64_t i = 0; i < dimensions; i++) {
        float number = number_at(vector, i);
        uint32_t bits;
        memcpy(&bits, &number, sizeof(bits));
        for (unsigned b = 0; b < 4; b++)
            bytes[i * 4 + b] = (unsigned char)(bits >> (8 * b));
    }
    buf_add_char(ret, '"');
    for (size_t i = 0; i < len; i += 3)
        add_four(bytes + i, MIN(len - i, (size_t)3), ret);
    buf_add_char(ret, '"');
}

static void whole(const struct mock_answer *a, struct buf *ret)
{
    uint64_t inputs = count_inputs(a->ask->input), dimensions = a->plan->dimensions;
    unsigned long long tokens = a->plan->prompt_tokens;

    json_u64(a->ask->dimensions, &dimensions);
    dimensions = MAX(MIN(dimensions, (uint64_t)DIMENSIONS_MOST), (uint64_t)1);
    buf_add(ret, SLICE("{\"object\":\"list\",\"data\":["));
    for (uint64_t i = 0; i < inputs; i++) {
        buf_printf(ret, "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":", i ? "," : "",
                   (unsigned)i);
        if (json_string_eq(a->ask->encoding_format, SLICE("base64")))
            add_base64(i, dimensions, ret);
        else
            add_numbers(i, dimensions, ret);
        buf_add_char(ret, '}');
    }
    buf_printf(ret, "],\"model\":\"%.*s\"", SLICE_FMT(mock_ask_model(a->ask)));
    if (!a->plan->no_usage)
        buf_printf(ret, ",\"usage\":{\"prompt_tokens\":%llu,\"total_tokens\":%llu}", tokens,
                   tokens);
    buf_add_char(ret, '}');
}

const struct mock_dialect mock_embeddings = {
    .letter = 'e',
    .reads_body = true,
    .names = MOCK_USUAL_HEADERS,
    .error = mock_chat_error,
    .whole = whole,
};
