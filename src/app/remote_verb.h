/* remote_verb.h: a command of the shell that is one request to the admin API. */

#pragma once

#include "app/command.h"
#include "app/remote_table.h"
#include "model/setting.h"

/* A word for the query or the body that no table of settings has. */
struct remote_word {
    const char *flag, *value, *help; /* as of struct flag; flag NULL: end of the list */
    const char *member;              /* what the API calls it */
    /* REMOTE_TIME: a date, or a duration before now; REMOTE_USER: a name that becomes an id, its
     * user is made when there is none */
    enum { REMOTE_TEXT, REMOTE_TIME, REMOTE_USER } type;
};

struct remote_verb {
    struct command command; /* run: remote_run */
    const char *method;
    const char *path;                       /* "/admin/v1/users/{}": the operand stands for {} */
    const struct setting *settings;         /* flags that become the body; NULL: none */
    const struct remote_word *query, *body; /* may be NULL */
    const struct remote_column *columns; /* of a list; NULL: an object, or nothing, is answered */
    uint64_t page;      /* the most rows that a page of this list may have; 0: any */
    bool whole;         /* a list of which each object is shown with all members; it is not empty */
    const char *done;   /* said when nothing is answered: "deleted" */
    const char *reveal; /* a member that goes to standard output alone, the rest being said on
                           standard error; NULL: none */
    bool export;        /* --format csv|jsonl: handed on as it comes */
    /* runs instead when no gateway was named: on the store itself */
    const struct command *offline;
};

/* struct command's run, of a command within a struct remote_verb. */
int remote_run(const struct command *self, struct words words);

extern const struct remote_verb remote_user_list, remote_user_show, remote_user_create,
    remote_user_update, remote_user_delete, remote_key_list, remote_key_show, remote_key_create,
    remote_key_update, remote_key_rotate, remote_key_revoke, remote_provider_list,
    remote_provider_show, remote_provider_create, remote_provider_update, remote_provider_delete,
    remote_model_list, remote_model_show, remote_model_create, remote_model_update,
    remote_model_delete, remote_usage, remote_logs, remote_prompts_list, remote_prompts_show;
