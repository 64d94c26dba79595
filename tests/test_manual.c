/* test_manual.c: the manual pages, the help and the README say what the program's tables say, no more and no less, and mandoc has nothing to say about the pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "config.h"
#include "support/files.h"
#include "support/pages.h"
#include "support/process.h"

static const char *const pages[] = { "jetbase.1", "jetbase-console.1", "jetbase.5", "jetbase-oncall.7" };
enum { PAGES = sizeof pages / sizeof *pages };

static bool is_there(const char *program)
{
    char line[200];
    snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", program);
    return system(line) == 0;
}

/* ---- mandoc ---- */

/* Whether another page can be found depends on what is installed; those of ours are looked for below. */
static void mandoc_is_silent(void **state)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    (void)state;
    if (!is_there("mandoc")) {
        print_message("not run here: mandoc -Tlint (there is no mandoc)\n");
        return;
    }
    for (size_t i = 0; i < PAGES; i++) {
        char path[4096];
        struct process p;
        char *rest, *line;
        snprintf(path, sizeof path, "%s/man/%s", srcdir, pages[i]);
        char *full = realpath(path, NULL);
        assert_non_null(full);
        process_run(&p, "/", (const char *const[]){ "/bin/sh", "-c", "exec mandoc -Tlint \"$0\"", full, NULL }, NULL);
        rest = p.out;
        while ((line = strsep(&rest, "\n")) != NULL)
            if (*line && !strstr(line, "referenced manual not found"))
                fail_msg("%s", line);
        free(full);
        process_free(&p);
    }
}

/* Every page of ours that a page refers to is one of these. */
static void references_lead_somewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAGES; i++) {
        char name[300];
        snprintf(name, sizeof name, "man/%s", pages[i]);
        char *page = pages_read(name);
        for (const char *at = page; (at = strstr(at, "Xr jetbase")) != NULL; at++) {
            char page_name[80], section[8];
            bool found = false;
            assert_int_equal(sscanf(at, "Xr %79s %7[0-9]", page_name, section), 2);
            snprintf(name, sizeof name, "%s.%s", page_name, section);
            for (size_t k = 0; k < PAGES; k++)
                found = found || strcmp(pages[k], name) == 0;
            if (!found)
                fail_msg("man/%s refers to %s, which is none", pages[i], name);
        }
        free(page);
    }
}

/* ---- options ---- */

static bool has_option(const struct option_def *defs, const char *name)
{
    for (; defs->id != OPTION_END; defs++)
        if ((name[0] == '-' && defs->name && strcmp(defs->name, name + 1) == 0) || (name[0] != '-' && defs->letter == name[0] && name[1] == '\0'))
            return true;
    return false;
}

static bool anybody_has(const char *name)
{
    bool found = has_option(command_globals, name);
    for (const struct command *c = command_table; c->name && !found; c++)
        found = has_option(c->options, name);
    return found;
}

/* The names behind each `Fl` of a line: "-count", "c". Returns where to go on, NULL at the end. */
static const char *next_flag(const char *line, const char *end, char *name, size_t size)
{
    const char *at = line;
    while ((at = strstr(at, "Fl ")) != NULL && at < end) {
        size_t len;
        at += 3;
        len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        if (len > 0 && len < size) {
            snprintf(name, size, "%.*s", (int)len, at);
            return at + len;
        }
    }
    return NULL;
}

/* No page names an option that nobody has; and what stands as an item of a command is its own. */
static void the_manual_invents_no_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAGES; i++) {
        char name[300], flag[80];
        snprintf(name, sizeof name, "man/%s", pages[i]);
        char *page = pages_read(name);
        for (const char *at = page; (at = next_flag(at, page + strlen(page), flag, sizeof flag)) != NULL;)
            if (!anybody_has(flag))
                fail_msg("man/%s names -%s, which no command has", pages[i], flag);
        free(page);
    }
    char *page = pages_read("man/jetbase.1"), *commands = pages_section(page, "COMMANDS"), *rest = commands, *line;
    const struct command *command = NULL;
    unsigned seen = 0;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char word[80], flag[80];
        const char *end = line + strlen(line);
        if (sscanf(line, ".It Cm %79s", word) == 1 && !(command = command_find(word)))
            fail_msg("man/jetbase.1 explains the command %s, which is none", word);
        if (strncmp(line, ".It Fl ", 7) != 0)
            continue;
        for (const char *at = line; command && (at = next_flag(at, end, flag, sizeof flag)) != NULL; seen++)
            if (!has_option(command->options, flag))
                fail_msg("man/jetbase.1 explains %s -%s, which it does not have", command->name, flag);
    }
    assert_true(seen > 20);
    free(commands);
    free(page);
}

/* `jetbase help COMMAND` names each option with its whole text, and `jetbase help` each command. */
static void help_tells_all(void **state)
{
    static const char *const env[] = { "COLUMNS=400", NULL };
    struct process p;
    (void)state;
    process_run(&p, "/", (const char *const[]){ process_jetbase(), "help", NULL }, env);
    for (const struct command *c = command_table; c->name; c++) {
        char head[100];
        snprintf(head, sizeof head, "\n  %s ", c->name);
        if (!strstr(p.out, head))
            fail_msg("`jetbase help` does not name %s", c->name);
    }
    process_free(&p);
    for (const struct command *c = command_table; c->name; c++) {
        process_run(&p, "/", (const char *const[]){ process_jetbase(), "help", c->name, NULL }, env);
        assert_int_equal(p.exit, 0);
        for (const struct option_def *def = c->options; def->id != OPTION_END; def++) {
            char head[100];
            snprintf(head, sizeof head, "--%s", def->name);
            if (!pages_word(p.out, head))
                fail_msg("`jetbase help %s` does not name %s", c->name, head);
        }
        process_free(&p);
    }
}

/* ---- exit codes ---- */

enum { EXITS = 64 };

/* Those that errors have, by their table. */
static void exits_of_errors(bool exits[EXITS])
{
    memset(exits, 0, EXITS * sizeof *exits);
    for (int code = ERR_NONE; code < ERR_CODES; code++)
        exits[error_exit_code((enum error_code)code)] = true;
}

/* Those that a text lists: a number behind each `before`. */
static void exits_of_text(const char *text, const char *before, bool exits[EXITS])
{
    memset(exits, 0, EXITS * sizeof *exits);
    for (const char *at = text; (at = strstr(at, before)) != NULL; at++) {
        char *end;
        long n = strtol(at + strlen(before), &end, 10);
        if (end > at + strlen(before) && n >= 0 && n < EXITS)
            exits[n] = true;
    }
}

static void holds_exits(const bool there[EXITS], const bool wanted[EXITS], const char *where)
{
    for (int i = 0; i < EXITS; i++)
        if (wanted[i] && !there[i])
            fail_msg("%s does not explain exit code %d", where, i);
}

static void exit_codes_agree(void **state)
{
    bool errors[EXITS], help[EXITS], man[EXITS], readme[EXITS];
    struct process p;
    char *page = pages_read("man/jetbase.1"), *section = pages_section(page, "EXIT STATUS"), *text = pages_read("README.md");
    (void)state;
    process_run(&p, "/", (const char *const[]){ process_jetbase(), "help", NULL }, NULL);
    const char *line = strstr(p.out, "\nExit codes: ");
    assert_non_null(line);
    exits_of_errors(errors);
    exits_of_text(line, ", ", help);
    help[0] = strstr(line, "Exit codes: 0 ") != NULL;
    exits_of_text(section, ".It ", man);
    exits_of_text(text, "\n| ", readme);
    holds_exits(help, errors, "`jetbase help`");
    holds_exits(man, errors, "man/jetbase.1");
    holds_exits(man, help, "man/jetbase.1");
    holds_exits(readme, man, "README.md");
    holds_exits(man, readme, "man/jetbase.1");
    assert_non_null(strstr(section, ".It 128+n"));
    assert_non_null(strstr(text, "\n| 128+n "));
    assert_non_null(strstr(line, "128+n"));
    holds_exits(help, man, "`jetbase help`");
    process_free(&p);
    free(text);
    free(section);
    free(page);
}

/* ---- settings, directives ---- */

static void settings_agree(void **state)
{
    char *page = pages_read("man/jetbase.5"), *section = pages_section(page, "CONFIGURATION"), *readme = pages_read("README.md"), *rest = section, *line;
    bool found[CONFIG_KEYS] = { false };
    (void)state;
    while ((line = strsep(&rest, "\n")) != NULL)
        for (int key = 0; key < CONFIG_KEYS; key++)
            found[key] = found[key] || (strncmp(line, ".It Sy ", 7) == 0 && pages_word(line, config_key_name((enum config_key)key)));
    for (int key = 0; key < CONFIG_KEYS; key++) {
        char tick[80];
        snprintf(tick, sizeof tick, "`%s`", config_key_name((enum config_key)key));
        if (!found[key])
            fail_msg("man/jetbase.5 does not explain the setting %s", config_key_name((enum config_key)key));
        if (!strstr(readme, tick))
            fail_msg("README.md does not name the setting %s", config_key_name((enum config_key)key));
    }
    free(readme);
    free(section);
    free(page);
}

/* What the program says there are, and what the manual explains, are the same. */
static void directives_agree(void **state)
{
    static const char before[] = "There are ", between[] = ", ", last[] = " and ", behind[] = ". A remark";
    char dir[FILES_PATH], *page = pages_read("man/jetbase.5"), *readme = pages_read("README.md"), *section = pages_section(page, "MIGRATION FILES"), *plain = calloc(1, strlen(section) + 1), *at, *end;
    struct process p;
    unsigned said = 0, explained = 0;
    (void)state;
    assert_non_null(plain);
    pages_plain(section, strlen(section), plain, strlen(section) + 1);
    for (char *c = plain; (c = strstr(c, ".It Li ")) != NULL; c++)
        explained++;
    files_folder(dir);
    files_write(dir, "migrations/V1__a.sql", "-- jetbase: nosuch\nSELECT 1;\n");
    process_run(&p, dir, (const char *const[]){ process_jetbase(), "upgrade", "--dry-run", "--url", "sqlite:///a.db", NULL }, NULL);
    at = strstr(p.err, before);
    if (!at)
        fail_msg("the directives are not listed:\n%s%s", p.out, p.err);
    at += strlen(before);
    end = strstr(at, behind);
    assert_non_null(end);
    *end = '\0';
    for (char *next; at; at = next, said++) {
        char item[100], name[100];
        size_t step = strlen(between);
        next = strstr(at, between);
        if (!next && (next = strstr(at, last)) != NULL)
            step = strlen(last);
        if (next) {
            *next = '\0';
            next += step;
        }
        snprintf(item, sizeof item, "jetbase: %.70s\n", at);
        snprintf(name, sizeof name, "`%.70s`", at);
        if (!strstr(plain, item))
            fail_msg("man/jetbase.5 does not explain the directive %s", at);
        if (!strstr(readme, name))
            fail_msg("README.md does not name the directive %s", at);
    }
    assert_int_equal(said, explained);
    process_free(&p);
    files_remove(dir);
    free(plain);
    free(section);
    free(readme);
    free(page);
}

/* ---- README ---- */

/* Options of other programs that the README names, and the mistyped one of its example. */
static bool of_others(const char *name)
{
    static const char *const others[] = { "disable-late-loading", "disable-postgres", "disable-sqlite", "foreground", "to-versoin" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i], name) == 0)
            return true;
    return false;
}

static void the_readme_invents_nothing(void **state)
{
    char *readme = pages_read("README.md");
    unsigned options = 0, commands = 0;
    (void)state;
    for (const char *at = readme; (at = strstr(at, "--")) != NULL; at += 2) {
        char flag[80] = "-";
        size_t len = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
        if (len == 0 || at == readme || !strchr(" `(\n", at[-1]) || len + 2 > sizeof flag || at[2] == '-')
            continue;
        snprintf(flag + 1, sizeof flag - 1, "%.*s", (int)len, at + 2);
        if (!of_others(flag + 1) && !anybody_has(flag))
            fail_msg("README.md names --%s, which no command has", flag + 1);
        options++;
    }
    for (const char *at = readme; (at = strstr(at, "`jetbase ")) != NULL; at++) {
        char word[80];
        if (sscanf(at, "`jetbase %79[a-z-]", word) == 1 && word[0] != '-' && !command_find(word))
            fail_msg("README.md names the command %s, which is none", word);
        commands++;
    }
    assert_true(options > 10 && commands > 10);
    free(readme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mandoc_is_silent),
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test(the_manual_invents_no_option),
        cmocka_unit_test(help_tells_all),
        cmocka_unit_test(exit_codes_agree),
        cmocka_unit_test(settings_agree),
        cmocka_unit_test(directives_agree),
        cmocka_unit_test(the_readme_invents_nothing),
    };
    return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
