/* commands.c: all commands, in the order in which the help shows them. */

#include "app/command.h"
#include "app/remote_verb.h"

/* clang-format off */
const struct command *const commands[] = {
    &command_serve, &command_health, &command_check, &command_migrate,
    &command_secrets_rotate,
    &remote_user_list.command, &remote_user_show.command, &remote_user_create.command,
    &remote_user_update.command, &remote_user_delete.command,
    &remote_key_list.command, &remote_key_show.command, &remote_key_create.command,
    &remote_key_update.command, &remote_key_rotate.command, &remote_key_revoke.command,
    &remote_provider_list.command, &remote_provider_show.command, &remote_provider_create.command,
    &remote_provider_update.command, &remote_provider_delete.command,
    &remote_model_list.command, &remote_model_show.command, &remote_model_create.command,
    &remote_model_update.command, &remote_model_delete.command,
    &remote_usage.command, &remote_logs.command,
    &remote_prompts_list.command, &remote_prompts_show.command,
    &command_mock, &command_settings, &command_metrics_page, &command_completion,
    &command_version, NULL,
};
/* clang-format on */
