/* stream_text.h: what a stream says, its pieces joined: so that it can be read, and searched, as if
 * it had been one text. */

#pragma once

#include "base/arena.h"

/* stream: server-sent events of either dialect, as a client gets them; the last may be cut.
 * *ret: {"stream":[{"at":"choices.0.delta.content","text":"…"},…]}: for each place at which the
 * frames have text, all of it in a row, in the order in which the places came up. An element's
 * place is its `index` where it has one. Kept are text, thoughts, refusals, names and arguments of
 * tools and error messages; everything else a stream tells is left out. -ENOMEM. */
int stream_text_join(struct slice stream, struct arena *a, struct slice *ret);
