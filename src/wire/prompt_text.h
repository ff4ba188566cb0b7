/* prompt_text.h: the texts of a prompt as they may stand in the store. */

#pragma once

#include "base/arena.h"
#include "codec/redact.h"
#include "model/prompt.h"

/* Replaces request and answer by what the prompt's mode allows to be kept, in the arena where they
 * change. Redacted: personal things, keys and pictures are taken out, of a stream the pieces are
 * joined first. In either mode bytes that no database takes (no UTF-8, NUL) become "?". Negative
 * (-ENOMEM): nothing of it may be kept. */
int prompt_text_make(const struct redactor *r, struct prompt *p, struct arena *a);
