/* openai_message_parse.h: one entry of OpenAI's `messages` into the turns of a chat. Private to
 * wire. */

#pragma once

#include "wire/chat_parser.h"

parse_fn parse_openai_message; /* no field: into the chat */
