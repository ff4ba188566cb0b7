/* main.c: which command? */

#include "app/command.h"
#include "app/suggest.h"

#include <stdio.h>

enum { NAMES_MOST = 48 };

static void print_usage(FILE *out)
{
    fputs("courier, one front door to many model providers\n\n"
          "usage: courier COMMAND [FLAGS]     courier COMMAND --help\n\n",
          out);
    for (const struct command *const *c = commands; *c; c++)
        fprintf(out, "  %-16s %s\n", (*c)->name, (*c)->summary);
}

/* How many of the words are the command's name; 0: another command. */
static int match(const struct command *c, int argc, char **argv)
{
    struct slice rest = slice_str(c->name);
    int n = 0;

    while (rest.len) {
        if (n == argc || !slice_eq(slice_cut(&rest, ' '), slice_str(argv[n])))
            return 0;
        n++;
    }
    return n;
}

static int complain_unknown(const char *word)
{
    const char *names[NAMES_MOST];
    size_t n = 0;

    for (; commands[n]; n++)
        names[n] = commands[n]->name;
    names[n] = NULL;
    const char *meant = suggest(slice_str(word), names);
    command_complain("no command \"%s\"%s%s%s", word, meant ? ", did you mean " : "",
                     meant ? meant : "", meant ? "?" : "");
    print_usage(stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_usage(stdout);
        return EXIT_GOOD;
    }
    if (strcmp(word, "--version") == 0)
        word = argv[1] = (char *)"version";
    for (const struct command *const *c = commands; *c; c++) {
        int n = match(*c, argc - 1, argv + 1);
        if (n)
            return (*c)->run(*c, (struct words){argc - 1 - n, argv + 1 + n});
    }
    if (*word)
        return complain_unknown(word);
    print_usage(stderr);
    return EXIT_USAGE;
}
