/* openai_stream_options.h: the member stream_options of requests whose streams tell usage only when
 * they are asked to: chat and completions. Private to wire. */

#pragma once

#include "wire/body_reader.h"

/* An object, null or absent; fills what the call knows of it. */
bool openai_stream_options_read(struct reader *r, struct json_value v, struct call *ret);
