/* json.h: find the few members that matter in a JSON text, and validate the rest.
 *
 * One pass, no allocation, no tree. Validates all of RFC 8259 (grammar, escapes, UTF-8, lone
 * surrogate escapes are accepted as JSON.parse accepts them), refuses nesting deeper than the limit
 * and trailing bytes. Fuzzed against yyjson. String bodies are skipped with SSE2/AVX2 where the
 * machine has it: a 128 KB prompt costs some microseconds. */

#pragma once

#include "base/slice.h"

enum { JSON_DEPTH_MAX = 512 };

enum json_type {
    JSON_NONE,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_value {
    enum json_type type; /* JSON_NONE: the member is not there */
    unsigned elements;   /* json_scan: 1 << type of each value in the array or object, else 0 */
    struct slice text;   /* the value's bytes in the input; a string's with its quotes */
};

enum json_fault {
    JSON_OK,
    JSON_EMPTY,     /* nothing but white space */
    JSON_SYNTAX,    /* not JSON; also cut short */
    JSON_TRAILING,  /* bytes behind the value */
    JSON_UTF8,      /* not UTF-8 */
    JSON_DEPTH,     /* nested deeper than JSON_DEPTH_MAX */
    JSON_TYPE,      /* not an object */
    JSON_DUPLICATE, /* a wanted member stands there twice */
};

struct json_error {
    enum json_fault fault;
    size_t at;  /* offset of the first offending byte */
    int member; /* JSON_DUPLICATE: index into wanted, else -1 */
};

struct json_member {
    struct slice name; /* as it decodes: "model" also matches "mod\u0065l" */
};

/* text must be one object. ret[i] gets the member wanted[i] of that object (top level only); absent
 * ones have type JSON_NONE. n <= 32. Returns true, or false with *ret_error. With a fault the
 * contents of ret are unspecified. */
bool json_scan(struct slice text, const struct json_member *wanted, size_t n,
               struct json_value *ret, struct json_error *ret_error);
/* The same for an object that json_scan has already validated as a value, or that json_outline has
 * found: trusts the grammar, is cheaper, still finds duplicates. */
bool json_members(struct slice object, const struct json_member *wanted, size_t n,
                  struct json_value *ret);
/* For a text that is passed on as it is: finds the members like json_scan, but proves only that the
 * text is one object and whole: its strings and brackets close, and nothing but space follows. What
 * stands between them may still be no JSON. False also when a wanted member stands there twice. */
bool json_outline(struct slice text, const struct json_member *wanted, size_t n,
                  struct json_value *ret);
/* Walks the elements of a validated array: start with *at = 0; false at the end. */
bool json_next(struct slice array, size_t *at, struct json_value *ret);
/* Validates one value of any type; nothing else is asked. */
bool json_is_valid(struct slice text, struct json_error *ret_error);

/* true and the number for an integer literal in range ("12", not "12.0" or "1e3"). */
bool json_u64(struct json_value v, uint64_t *ret);
bool json_bool(struct json_value v, bool *ret);
/* Decodes a validated string (with its quotes) into dst of at least v.text.len bytes; returns the
 * decoded length. Lone surrogates become U+FFFD. */
size_t json_decode(struct json_value v, char *dst);
/* The inside of the string's quotes when it holds no escape; false when it must be decoded. */
bool json_plain(struct json_value v, struct slice *ret);
/* Where a string ends in text that nobody has validated: text.at[at] is its opening quote. Returns
 * the index behind its closing quote, or 0 when it does not end or holds a control character;
 * escapes are passed over, not checked. */
size_t json_string_end(struct slice text, size_t at);
/* The same, but the string is checked as json_scan does: 0 also for a wrong escape or bytes that
 * are no UTF-8. */
size_t json_string_check(struct slice text, size_t at);
/* True when the string decodes to exactly s. */
bool json_string_eq(struct json_value v, struct slice s);
