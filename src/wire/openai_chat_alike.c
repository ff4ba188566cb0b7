/* openai_chat_alike.c: what changes from chunk to chunk. */

#include "wire/alike.h"
#include "wire/openai_chat.h"

static enum alike_hole hole(struct slice name)
{
    if (slice_eq(name, SLICE("\"content\"")) || slice_eq(name, SLICE("\"reasoning_content\"")) ||
        slice_eq(name, SLICE("\"reasoning\"")) || slice_eq(name, SLICE("\"text\"")))
        return ALIKE_TEXT;
    return slice_eq(name, SLICE("\"obfuscation\"")) ? ALIKE_NOISE : ALIKE_FIXED;
}

size_t openai_chat_alike(struct slice frame, struct slice rest, uint64_t *ret_frames)
{
    return alike_frames(frame, rest, hole, ret_frames);
}
