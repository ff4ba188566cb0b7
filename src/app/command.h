/* command.h: one command of the shell, its flags, and its help.
 *
 * Exit codes: 0 good, 1 it failed, 2 it was called wrongly, 3 the gateway cannot be reached. */

#pragma once

#include "base/buf.h"

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

/* "--name VALUE", "--name=VALUE" or the switch "--name". */
struct flag {
    const char *name;  /* NULL: end of the list */
    const char *value; /* what the help calls its value; NULL: a switch */
    const char *help;
    const char **ret_text; /* of one with a value; the text borrows argv */
    bool *ret_on;          /* of a switch */
};

/* The words behind a command's name; words.at[words.n] is NULL. */
struct words {
    int n;
    char **at;
};

struct command {
    const char *name;     /* "serve", "key create" */
    const char *summary;  /* one line for the list */
    const char *operand;  /* "ID"; NULL: takes none */
    const char *about;    /* for --help; may be NULL */
    const char *examples; /* lines for --help */
    /* Returns the exit code. */
    int (*run)(const struct command *self, struct words words);
};

/* Reads the flags. True: go on. False: *ret_exit is set; help (0) or what is wrong (2) was printed.
 * ret_operand may be NULL when the command takes none; a missing operand is an error. */
bool command_read_flags(const struct command *c, const struct flag *flags, struct words words,
                        const char **ret_operand, int *ret_exit);
/* Reads no flags but --help, and prints the page that write makes. Returns the exit code. */
int command_print_page(const struct command *c, struct words words,
                       void (*write)(struct buf *page));
/* "courier: …" on standard error. */
void command_complain(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* All commands, ended by NULL (commands.c). */
extern const struct command *const commands[];

extern const struct command command_serve, command_check, command_migrate, command_key_create,
    command_key_list, command_key_revoke, command_mock, command_settings, command_metrics_page,
    command_version, command_health, command_completion, command_secrets_rotate;
