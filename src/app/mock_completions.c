/* mock_completions.c: POST …/completions, the text endpoint of old. */

#include "app/mock_chat.h"
#include "app/mock_content.h"
#include "app/mock_stream.h"

static void begin_body(const struct mock_answer *a, struct buf *ret)
{
    buf_printf(ret,
               "{\"id\":\"cmpl-mock\",\"object\":\"text_completion\",\"created\":1700000000,"
               "\"model\":\"%.*s\",\"choices\":[",
               SLICE_FMT(mock_ask_model(a->ask)));
}

static void begin_choice(struct slice text, struct buf *ret)
{
    buf_add(ret, SLICE("{\"text\":"));
    mock_add_string(text, ret);
    buf_add(ret, SLICE(",\"index\":0,\"logprobs\":null,\"finish_reason\":"));
}

static void whole(const struct mock_answer *a, struct buf *ret)
{
    begin_body(a, ret);
    begin_choice(a->content, ret);
    mock_add_stop(a, "stop", ret);
    buf_add(ret, SLICE("}]"));
    if (!a->plan->no_usage)
        mock_chat_add_usage(a->plan, ret);
    buf_add_char(ret, '}');
}

static void piece(struct mock_stream *s, struct slice text)
{
    begin_body(s->answer, &s->event);
    begin_choice(text, &s->event);
    buf_add(&s->event, SLICE("null}]}"));
    mock_stream_send(s, NULL);
}

static void finish(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    if (!plan->no_finish) {
        begin_body(s->answer, &s->event);
        begin_choice(SLICE(""), &s->event);
        mock_add_stop(s->answer, "stop", &s->event);
        buf_add(&s->event, SLICE("}]"));
        if (plan->usage_in_last)
            mock_chat_add_usage(plan, &s->event);
        buf_add_char(&s->event, '}');
        mock_stream_send(s, NULL);
    }
    if (s->answer->ask->include_usage && !plan->no_usage && !plan->usage_in_last) {
        begin_body(s->answer, &s->event);
        buf_add_char(&s->event, ']');
        mock_chat_add_usage(plan, &s->event);
        buf_add_char(&s->event, '}');
        mock_stream_send(s, NULL);
    }
}

static const struct mock_events events = {
    .piece = piece,
    .finish = finish,
    .done = mock_chat_done,
    .fail = mock_chat_fail,
};

const struct mock_dialect mock_completions = {
    .letter = 't',
    .names = MOCK_USUAL_HEADERS,
    .error = mock_chat_error,
    .whole = whole,
    .events = &events,
};
