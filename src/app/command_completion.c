/* command_completion.c: courier completion: what the shell needs to complete the commands.
 *
 * The scripts ask the binary itself: `courier help` for the commands, `--help` for the flags of
 * one. So they are right for every version. */

#include "app/command.h"

#include <stdio.h>

/* The words that may follow those in $1, from the list of commands. */
#define NEXT_WORDS                                                                                 \
    "awk -v p=\"$1\" '/^  [a-z]/ { sub(/^  /, \"\"); sub(/  .*/, \"\");\n"                         \
    "        if (p != \"\") { if (index($0, p \" \") != 1) next; $0 = substr($0, length(p) + 2) "  \
    "}\n"                                                                                          \
    "        print $1 }' | sort -u"
#define FLAGS "sed -n 's/^  \\(--[a-z-]*\\).*/\\1/p'"

static const char bash_script[] =
    "# bash completion of courier: source <(courier completion bash)\n"
    "_courier_next() {\n"
    "    \"$2\" help 2>/dev/null | " NEXT_WORDS "\n"
    "}\n"
    "_courier() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} word said=()\n"
    "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
    "        [[ $word == -* ]] && break\n"
    "        said+=(\"$word\")\n"
    "    done\n"
    "    local courier=${COMP_WORDS[0]}\n"
    "    if [[ $cur == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"--help $(\"$courier\" \"${said[@]}\" --help 2>/dev/null |\n"
    "            " FLAGS ")\" -- \"$cur\"))\n"
    "    elif [[ ${COMP_WORDS[COMP_CWORD-1]} == --* ]]; then\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "    else\n"
    "        COMPREPLY=($(compgen -W \"$(_courier_next \"${said[*]}\" \"$courier\")\" -- "
    "\"$cur\"))\n"
    "    fi\n"
    "}\n"
    "complete -F _courier courier\n";

static const char zsh_script[] =
    "#compdef courier\n"
    "# zsh completion of courier: source <(courier completion zsh)\n"
    "_courier_next() {\n"
    "    \"$2\" help 2>/dev/null | " NEXT_WORDS "\n"
    "}\n"
    "_courier() {\n"
    "    local courier=$words[1] cur=$words[CURRENT] word\n"
    "    local -a said\n"
    "    for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
    "        [[ $word == -* ]] && break\n"
    "        said+=(\"$word\")\n"
    "    done\n"
    "    if [[ $cur == -* ]]; then\n"
    "        compadd -- --help ${(f)\"$($courier \"${said[@]}\" --help 2>/dev/null |\n"
    "            " FLAGS ")\"}\n"
    "    elif [[ $words[CURRENT-1] == --* ]]; then\n"
    "        _files\n"
    "    else\n"
    "        compadd -- ${(f)\"$(_courier_next \"${said[*]}\" $courier)\"}\n"
    "    fi\n"
    "}\n"
    "(( $+functions[compdef] )) && compdef _courier courier\n";

static int run_completion(const struct command *self, struct words words)
{
    const struct flag flags[] = {{0}};
    const char *shell;
    int code;

    if (!command_read_flags(self, flags, words, &shell, &code))
        return code;
    if (strcmp(shell, "bash") == 0) {
        fputs(bash_script, stdout);
    } else if (strcmp(shell, "zsh") == 0) {
        fputs(zsh_script, stdout);
    } else {
        command_complain("completion is there for bash and zsh, not for \"%s\"", shell);
        return EXIT_USAGE;
    }
    return EXIT_GOOD;
}

const struct command command_completion = {
    .name = "completion",
    .summary = "Prints what bash or zsh needs to complete these commands.",
    .operand = "bash|zsh",
    .examples = "  source <(courier completion bash)\n"
                "  courier completion bash > /etc/bash_completion.d/courier\n"
                "  courier completion zsh > \"${fpath[1]}/_courier\"\n",
    .run = run_completion,
};
