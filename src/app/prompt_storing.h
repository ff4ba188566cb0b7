/* prompt_storing.h: stored prompts, wired: the keeper writes what wire/prompt_text makes of them.
 */

#pragma once

#include "app/settings.h"

struct prompt_keeper;
struct redactor;

/* r outlives the keeper. */
int prompt_storing_start(const struct settings *s, const struct redactor *r,
                         struct prompt_keeper **ret);
