/* openai_stream_options.c: see openai_stream_options.h. */

#include "wire/openai_stream_options.h"

static const struct json_member option_members[] = {{SLICE_INIT("include_usage")}};

static const struct slice include_usage_path = SLICE_INIT("stream_options.include_usage");

static bool object_is_empty(struct slice object)
{
    for (size_t i = 1; i + 1 < object.len; i++)
        if (!strchr(" \t\r\n", object.at[i]))
            return false;
    return true;
}

bool openai_stream_options_read(struct reader *r, struct json_value v, struct call *ret)
{
    struct json_value include_usage;

    if (v.type == JSON_NONE)
        return true;
    ret->stream_options = reader_span(r, v.text);
    ret->stream_options_is_empty = v.type == JSON_NULL;
    if (v.type == JSON_NULL)
        return true;
    if (v.type != JSON_OBJECT)
        return reader_refuse_type(r, SLICE("stream_options"), "an object", v.type);

    ret->stream_options_is_empty = object_is_empty(v.text);
    if (!json_members(v.text, option_members, 1, &include_usage))
        return reader_refuse_duplicate(r, include_usage_path);
    if (include_usage.type != JSON_NONE)
        ret->include_usage_span = reader_span(r, include_usage.text);
    return reader_flag(r, include_usage, include_usage_path, &ret->include_usage);
}
