/* anthropic_message_parse.h: Anthropic's content into the turns of a chat. Private to wire. */

#pragma once

#include "wire/chat_parser.h"

parse_fn parse_anthropic_message; /* no field: into the chat */
parse_fn parse_anthropic_system;  /* no field: into the chat */
