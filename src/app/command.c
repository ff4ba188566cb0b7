/* command.c: flags and help, the same for every command. */

#include "app/command.h"

#include "app/suggest.h"

#include <stdarg.h>
#include <stdio.h>

enum { FLAGS_MOST = 40, FLAG_COLUMN = 26, PAGE_MOST = 1 << 20 };

void command_complain(const char *fmt, ...)
{
    va_list args;

    fputs("courier: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

static void print_help(const struct command *c, const struct flag *flags)
{
    printf("usage: courier %s%s%s%s\n\n%s\n", c->name, flags->name ? " [FLAGS]" : "",
           c->operand ? " " : "", c->operand ? c->operand : "", c->summary);
    if (c->about)
        printf("\n%s", c->about);
    if (flags->name)
        puts("\nflags:");
    for (; flags->name; flags++) {
        int n = printf("  --%s%s%s", flags->name, flags->value ? " " : "",
                       flags->value ? flags->value : "");
        printf("%*s%s\n", n < FLAG_COLUMN ? FLAG_COLUMN - n : 1, "", flags->help);
    }
    printf("\nexamples:\n%s", c->examples);
}

static const struct flag *find_flag(const struct flag *flags, struct slice name)
{
    for (; flags->name; flags++)
        if (slice_eq(name, slice_str(flags->name)))
            return flags;
    return NULL;
}

static bool wrong(const struct command *c, int *ret_exit)
{
    fprintf(stderr, "try: courier %s --help\n", c->name);
    *ret_exit = EXIT_USAGE;
    return false;
}

static bool unknown_flag(const struct command *c, const struct flag *flags, struct slice name,
                         int *ret_exit)
{
    const char *names[FLAGS_MOST];
    size_t n = 0;

    for (; flags->name && n < FLAGS_MOST - 2; flags++)
        names[n++] = flags->name;
    names[n++] = "help";
    names[n] = NULL;
    const char *meant = suggest(name, names);
    command_complain("%s has no flag --%.*s%s%s%s", c->name, SLICE_FMT(name),
                     meant ? ", did you mean --" : "", meant ? meant : "", meant ? "?" : "");
    return wrong(c, ret_exit);
}

/* One flag at argv[*at]; *at is left on the last word that belongs to it. */
static bool read_flag(const struct command *c, const struct flag *flags, char **argv, int *at,
                      int *ret_exit)
{
    struct slice value = slice_str(argv[*at] + 2), name = slice_cut(&value, '=');
    bool joined = argv[*at][2 + name.len] == '=';
    const struct flag *flag = find_flag(flags, name);

    if (!flag)
        return unknown_flag(c, flags, name, ret_exit);
    if (!flag->value) {
        if (joined) {
            command_complain("--%s takes no value", flag->name);
            return wrong(c, ret_exit);
        }
        *flag->ret_on = true;
        return true;
    }
    *flag->ret_text = joined ? value.at : argv[++*at];
    if (*flag->ret_text)
        return true;
    command_complain("--%s needs a value: %s", flag->name, flag->value);
    return wrong(c, ret_exit);
}

bool command_read_flags(const struct command *c, const struct flag *flags, struct words words,
                        const char **ret_operand, int *ret_exit)
{
    const char *operand = NULL;

    for (int i = 0; i < words.n; i++) {
        if (strcmp(words.at[i], "--help") == 0 || strcmp(words.at[i], "-h") == 0) {
            print_help(c, flags);
            *ret_exit = EXIT_GOOD;
            return false;
        }
        if (strncmp(words.at[i], "--", 2) == 0) {
            if (!read_flag(c, flags, words.at, &i, ret_exit))
                return false;
        } else if (words.at[i][0] == '-' || !c->operand || operand) {
            command_complain("%s does not understand \"%s\"", c->name, words.at[i]);
            return wrong(c, ret_exit);
        } else {
            operand = words.at[i];
        }
    }
    if (c->operand && !operand) {
        command_complain("%s needs %s", c->name, c->operand);
        return wrong(c, ret_exit);
    }
    if (ret_operand)
        *ret_operand = operand;
    return true;
}

int command_print_page(const struct command *c, struct words words, void (*write)(struct buf *page))
{
    const struct flag none[] = {{0}};
    struct buf page;
    int code;

    if (!command_read_flags(c, none, words, NULL, &code))
        return code;
    buf_init(&page, PAGE_MOST);
    write(&page);
    fwrite(page.at, 1, page.len, stdout);
    code = page.rc < 0 ? EXIT_FAILED : EXIT_GOOD;
    buf_free(&page);
    return code;
}
