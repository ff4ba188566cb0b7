/* suggest.h: "did you mean …?" for words that people type. */

#pragma once

#include "base/slice.h"

/* The candidate nearest to the word, when it is near enough to be a slip of the fingers; else NULL.
 * candidates: ended by NULL. */
const char *suggest(struct slice word, const char *const *candidates);
