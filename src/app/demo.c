/* demo.c: see demo.h. */

#include "app/demo.h"

#include "adapter/registry.h"
#include "io/loop.h"
#include "io/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct demo {
    struct loop *loop;
    struct mailbox *mailbox;
    struct mock *mock;
    struct mail stop;
    pthread_t thread;
    bool running;
};

static void *run(void *arg)
{
    struct demo *d = arg;

    loop_run(d->loop);
    return NULL;
}

static void on_stop(struct mail *m)
{
    loop_stop(container_of(m, struct demo, stop)->loop);
}

int demo_start(const struct mock_options *options, struct demo **ret)
{
    struct demo *d = calloc(1, sizeof(*d));
    int rc = -ENOMEM;

    if (!d)
        return rc;
    d->stop.open = on_stop;
    d->loop = loop_new();
    d->mailbox = d->loop ? mailbox_new(d->loop) : NULL;
    if (d->mailbox)
        rc = mock_open(d->loop, options, &d->mock);
    if (rc == OK)
        rc = -pthread_create(&d->thread, NULL, run, d);
    d->running = rc == OK;
    if (rc < 0)
        demo_stop(d);
    else
        *ret = d;
    return rc;
}

uint16_t demo_port(const struct demo *d)
{
    return mock_port(d->mock);
}

/* The type for any service of the dialect: the one whose address must be given. */
static struct slice open_type(void)
{
    for (const struct adapter *const *a = adapter_all(); *a; a++)
        for (const struct setting_rule *s = (*a)->settings; s->name; s++)
            if ((*a)->dialect == DIALECT_CHAT && s->required && strcmp(s->name, "base_url") == 0)
                return slice_str((*a)->name);
    return SLICE("");
}

void demo_register(struct demo *d, struct config *c)
{
    struct provider_row *provider = arena_new(&c->arena, struct provider_row);
    struct model_row *model = arena_new(&c->arena, struct model_row);
    struct slice url = arena_printf(&c->arena, "http://127.0.0.1:%u/v1", (unsigned)demo_port(d));

    if (!provider || !model || !url.at)
        return;
    *provider = (struct provider_row){
        .name = SLICE("mock"), .type = open_type(), .base_url = url, .from_file = true};
    *model =
        (struct model_row){.name = SLICE("mock"), .provider = SLICE("mock"), .from_file = true};
    c->providers = provider;
    c->providers_len = 1;
    if (c->models_len == 0) {
        c->models = model;
        c->models_len = 1;
    }
}

void demo_tell(uint16_t port, struct slice key)
{
    printf("\nno provider is configured, so a mock answers as the model `mock`. Try:\n\n"
           "  curl http://127.0.0.1:%u/v1/chat/completions -H 'authorization: Bearer %.*s' \\\n"
           "    -H 'content-type: application/json' \\\n"
           "    -d "
           "'{\"model\":\"mock\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n\n",
           port, SLICE_FMT(key.len ? key : SLICE("YOUR_KEY")));
    if (key.len == 0)
        printf("YOUR_KEY was shown at the first start; `courier key create --user me` makes "
               "another.\n\n");
}

void demo_stop(struct demo *d)
{
    if (!d)
        return;
    if (d->running) {
        mailbox_post(d->mailbox, &d->stop);
        pthread_join(d->thread, NULL);
    }
    if (d->mock)
        mock_close(d->mock);
    mailbox_free(d->mailbox);
    loop_free(d->loop);
    free(d);
}
