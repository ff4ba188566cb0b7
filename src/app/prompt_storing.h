/* prompt_storing.h: stored prompts, wired: the keeper writes what wire/prompt_text makes of them.
 */

#pragma once

#include "app/settings.h"

#include <stdatomic.h>

struct prompt_keeper;
struct redactor;

/* r and admitted (see prompt_keeper.h) outlive the keeper. */
int prompt_storing_start(const struct settings *s, const struct redactor *r,
                         const atomic_bool *admitted, struct prompt_keeper **ret);
