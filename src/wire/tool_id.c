/* tool_id.c: see tool_id.h. */

#include "wire/tool_id.h"

static const struct slice mark = SLICE_INIT("__thought__");

/* What ids have no letter for: written is behind a '-'. */
static const char signs[] = "+/=-", written[] = "psem";

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Which of the letters c is, or -1. */
static int place_of(const char *letters, char c)
{
    const char *found = c ? strchr(letters, c) : NULL;

    return found ? (int)(found - letters) : -1;
}

/* Takes the next letter of a JSON string's inside, as an encoder may have escaped it. '\0': what
 * stands there is no letter of a signature. */
static char take_letter(struct slice *text)
{
    static const struct {
        struct slice escape;
        char letter;
    } escapes[] = {
        {SLICE_INIT("\\/"),     '/'},
        {SLICE_INIT("\\u002b"), '+'},
        {SLICE_INIT("\\u002B"), '+'},
        {SLICE_INIT("\\u002f"), '/'},
        {SLICE_INIT("\\u002F"), '/'},
        {SLICE_INIT("\\u003d"), '='},
        {SLICE_INIT("\\u003D"), '='},
    };
    char c = text->at[0];

    for (size_t i = 0; c == '\\' && i < ARRAY_LEN(escapes); i++)
        if (slice_starts(*text, escapes[i].escape)) {
            *text = slice_sub(*text, escapes[i].escape.len, text->len);
            return escapes[i].letter;
        }
    *text = slice_sub(*text, 1, text->len);
    return is_word(c) || place_of(signs, c) >= 0 ? c : '\0';
}

static bool is_signature(struct slice text)
{
    bool fits = text.len > 0;

    while (fits && text.len > 0)
        fits = take_letter(&text) != '\0';
    return fits;
}

void tool_id_write(struct json_out *o, struct slice id, struct slice signature)
{
    json_out_add(o, id);
    if (!is_signature(signature))
        return;
    json_out_add(o, mark);
    while (signature.len > 0) {
        char c = take_letter(&signature);
        int sign = place_of(signs, c);
        if (sign >= 0)
            json_out_char(o, '-');
        json_out_char(o, sign >= 0 ? written[sign] : c);
    }
}

/* The signature's bytes into dst, which has room for them; 0: these are none that we wrote. */
static size_t read_signature(struct slice text, char *dst)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '-') {
            int sign = ++i < text.len ? place_of(written, text.at[i]) : -1;
            c = sign >= 0 ? signs[sign] : '\0';
        } else if (!is_word(c)) {
            c = '\0';
        }
        if (c == '\0')
            return 0;
        dst[n++] = c;
    }
    return n;
}

bool tool_id_split(struct slice *io_id, struct slice *ret_signature, struct arena *a)
{
    size_t at = slice_find(*io_id, mark);

    *ret_signature = (struct slice){0};
    if (at == 0 || at == io_id->len)
        return true;
    struct slice rest = slice_sub(*io_id, at + mark.len, io_id->len);
    char *bytes = arena_alloc(a, rest.len);
    if (!bytes)
        return false;
    size_t n = read_signature(rest, bytes);
    if (n == 0)
        return true;
    *ret_signature = slice_of(bytes, n);
    io_id->len = at;
    return true;
}
