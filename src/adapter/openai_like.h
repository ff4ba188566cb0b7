/* openai_like.h: the vendors that speak OpenAI's dialect. */

#pragma once

#include "adapter/adapter.h"

enum { OPENAI_LIKE_LEN = 16 };
extern const struct adapter openai_like[OPENAI_LIKE_LEN];
