/* encoding.h: what the adapters share when they make a request: the head, and splicing a body that
 * otherwise passes byte for byte. Private to adapter. */

#pragma once

#include "adapter/adapter.h"
#include "model/answer.h"

/* Replace bytes [from, to) of the body by text. */
struct edit {
    size_t from, to;
    struct slice text;
};

enum { EDITS_MAX = 15 };
_Static_assert(2 * EDITS_MAX + 1 <= ADAPTER_SPANS, "a body is its edits and what is between them");

struct edits {
    struct edit at[EDITS_MAX]; /* in the order of the body */
    size_t len;
};

void edits_add(struct edits *e, struct edit edit);
/* The model's name, when the provider calls it differently. -ENOMEM. */
int edits_model(struct edits *e, const struct target *t, const struct call *c, struct arena *a);
/* The body with its edits, as spans behind those that *ret has. */
void edits_splice(const struct edits *e, struct slice body, struct http_message *ret);

/* Where a provider is asked, and where it wants its key. */
struct encoding_place {
    struct slice path;  /* behind the target's base path */
    struct slice query; /* when the target's URL has none; without its '?' */
    struct slice key_name, key_prefix;
};
/* False: the target's key cannot be written into a head. */
bool encoding_key_is_safe(const struct target *t, struct fault *ret_fault);
/* Sets *ret: POST, the path, and the fields that every provider gets. -ENOMEM. */
int encoding_head(const struct target *t, const struct call *c, struct arena *a,
                  const struct encoding_place *place, struct http_message *ret);

/* The body, when it was written anew. */
static inline void encoding_body(struct slice body, struct http_message *ret)
{
    ret->body[0] = body;
    ret->body_len = 1;
}
/* The text as the inside of a JSON string; .at is NULL when out of memory. */
struct slice encoding_escape(struct arena *a, struct slice text);
/* Of an answer that is about to be written in another dialect: ret->usage is what it tells, and
 * what it leaves out is filled in: usage by an estimate from the body, the model by the target's.
 */
void encoding_complete(const struct decoding *d, struct slice body, struct answer *answer,
                       struct reply *ret);
