/* test_completion.c: what `jetbase complete` answers, against the table of commands, on project folders of every kind; and that bash, zsh and fish themselves complete with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "command.h"
#include "complete.h"
#include "support/files.h"
#include "support/process.h"
#include "support/term.h"
#include "text.h"

enum { WORDS = 12, ANSWER = 20000 };

/* A project with versions, a file with a blank, a repeatable, names that must not be told, and targets. */
static void make_project(char dir[FILES_PATH])
{
    files_folder(dir);
    files_write(dir, "shop/migrations/V1__users.sql", "-- upgrade\nSELECT 1;\n");
    files_write(dir, "shop/migrations/V1.5__a_b.sql", "-- upgrade\nSELECT 1;\n");
    files_write(dir, "shop/migrations/V10__c.sql", "-- upgrade\nSELECT 1;\n");
    files_write(dir, "shop/migrations/sub/V2__with blank.sql", "-- upgrade\nSELECT 1;\n");
    files_write(dir, "shop/migrations/sub/V3__evil\033]0;x\n.sql", "-- upgrade\nSELECT 1;\n");
    files_write(dir, "shop/migrations/RA__seed.sql", "SELECT 1;\n");
    files_write(dir, "shop/migrations/README.md", "no migration\n");
    files_write(dir, "shop/sp ace/migrations/V1__other.sql", "-- upgrade\nSELECT 1;\n");
    files_write(dir, "shop/env.py", "sqlalchemy_url = 'postgresql://u:secret@203.0.113.1/never'\n");
    files_write(dir, "shop/jetbase.toml", "sqlalchemy_url = \"sqlite:///a.db\"\n[target.staging]\nurl = \"sqlite:///s.db\"\npostgres_schema = \"s\"\n[target.prod]\nurl = \"postgresql://u:secret@h/d\"\n");
}

/* Runs `jetbase complete` in a folder with words parted by '|' ("upgrade|--to|"); gives what it prints. It must end well and say nothing else. */
static const char *ask(const char *dir, const char *line)
{
    static char answer[ANSWER], words[WORDS][200];
    const char *argv[WORDS + 3] = { process_jetbase(), "complete" };
    struct process p;
    int n = 2;
    for (int i = 0; line; i++) {
        const char *end = strchr(line, '|');
        assert_true(i < WORDS);
        snprintf(words[i], sizeof words[i], "%.*s", (int)(end ? (size_t)(end - line) : strlen(line)), line);
        argv[n++] = words[i];
        line = end ? end + 1 : NULL;
    }
    process_run(&p, dir, argv, NULL);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.err, "");
    assert_true(text_copy(answer, sizeof answer, p.out));
    process_free(&p);
    return answer;
}

/* The words alone, parted by blanks. */
static const char *words_of(const char *answer)
{
    static char words[ANSWER];
    size_t len = 0;
    for (const char *at = answer; *at; at = strchr(at, '\n') + 1) {
        size_t n = strcspn(at, "\t\n");
        len += (size_t)snprintf(words + len, sizeof words - len, "%s%.*s", len ? " " : "", (int)n, at);
    }
    words[len] = '\0';
    return words;
}

static void answers(const char *dir, const char *line, const char *words)
{
    const char *got = words_of(ask(dir, line));
    if (strcmp(got, words) != 0)
        fail_msg("jetbase complete %s: '%s', not '%s'", line, got, words);
}

static bool offers(const char *answer, const char *word, const char *help)
{
    char line[2000];
    snprintf(line, sizeof line, "%s\t%s\n", word, help);
    const char *at = strstr(answer, line);
    return at && (at == answer || at[-1] == '\n');
}

/* ---- the table ---- */

static void every_command_and_option_is_offered(void **state)
{
    char line[200], word[200];
    const char *answer = ask("/", "");
    (void)state;
    for (const struct command *c = command_table; c->name; c++)
        if (!offers(answer, c->name, c->help))
            fail_msg("%s is not offered", c->name);
    for (const struct command *c = command_table; c->name; c++) {
        snprintf(line, sizeof line, "%s|-", c->name);
        answer = ask("/", line);
        for (const struct option_def *def = c->options; def->id != OPTION_END; def++) {
            snprintf(word, sizeof word, "--%s", def->name);
            if (!offers(answer, word, def->help))
                fail_msg("%s --%s is not offered", c->name, def->name);
        }
        assert_true(offers(answer, "--json", "Results, events and errors as JSON on standard output"));
    }
}

/* Each kind of value and operand that the table names is one that completion knows, or one of those that nobody can know. */
static void every_kind_of_value_is_known(void **state)
{
    static const char *const unknowable[] = { "URL", "N", "DURATION", "ID", "TEXT", "DAYS", "DESCRIPTION", "DIGEST" };
    struct complete c = { .out = fopen("/dev/null", "we"), .before = "", .typed = "", .dir = "/nowhere" };
    (void)state;
    assert_non_null(c.out);
    for (const struct command *command = command_table; command->name; command++) {
        const struct option_def *def = command->options;
        for (bool operand = true; operand || def->id != OPTION_END; def += operand ? 0 : 1, operand = false) {
            const char *kind = operand ? command->operands : def->value;
            bool known = !kind || !kind[0];
            size_t len = 0;
            if (!known) {
                kind += kind[0] == '[';
                len = strspn(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
                known = complete_value(&c, kind, len);
            }
            for (size_t i = 0; !known && i < sizeof unknowable / sizeof *unknowable; i++)
                known = strlen(unknowable[i]) == len && strncmp(unknowable[i], kind, len) == 0;
            if (!known)
                fail_msg("jetbase %s: nobody says how %s is completed (src/complete_value.c)", command->name, kind);
        }
    }
    fclose(c.out);
}

static void words_stand_where_they_may(void **state)
{
    char dir[FILES_PATH], shop[FILES_PATH + 8];
    (void)state;
    make_project(dir);
    snprintf(shop, sizeof shop, "%s/shop", dir);
    answers(shop, "up", "upgrade");
    answers(shop, "val", "validate-checksums validate-files");
    answers(shop, "nosuch|", "");
    answers(shop, "upgrade|--to", "--to-version");
    answers(shop, "upgrade|--to-version|", "1 1.5 2 3 10");
    answers(shop, "rollback|--to-version|1", "1 1.5 10");
    answers(shop, "upgrade|--to-version=1.", "--to-version=1.5");
    answers(shop, "rollback|-dt|10", "10");
    answers(shop, "rollback|-dt10", "-dt10");
    answers(shop, "new|-v|", "");
    answers(shop, "new|--version=", "");
    answers(shop, "new|--ver", "--version --verbose");
    answers(shop, "resolve|V", "V1__users.sql V1.5__a_b.sql V2__with blank.sql V10__c.sql");
    answers(shop, "--json|resolve|--from|2|RA", "RA__seed.sql");
    answers(shop, "resolve|V1__users.sql|V", "");
    answers(shop, "resolve|--|--", "");
    answers(shop, "help|lock", "lock-status");
    answers(shop, "upgrade|--wait|f", "forever");
    answers(shop, "-C|", ":folders");
    answers(shop, "-C|x|up", "upgrade");
    answers(shop, "upgrade|--nosuch|--dry", "--dry-run");
    assert_true(offers(ask(shop, "upgrade|"), "--dry-run", "Show what would run; change nothing"));
    answers(dir, "resolve|V", "");
    answers(dir, "-C|shop|resolve|V10", "V10__c.sql");
    answers(dir, "-Cshop|resolve|V10", "V10__c.sql");
    assert_true(offers(ask(shop, "upgrade|-t|2"), "2", "with blank"));
    files_remove(dir);
}

static void targets_are_known(void **state)
{
    char dir[FILES_PATH], *text = NULL;
    size_t len = 0;
    struct complete c = { .out = open_memstream(&text, &len), .before = "--target=", .before_len = 9, .typed = "" };
    char shop[FILES_PATH + 8], here[4096];
    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    make_project(dir);
    snprintf(shop, sizeof shop, "%s/shop", dir);
    c.dir = shop;
    assert_true(complete_value(&c, "NAME", 4));
    assert_true(complete_value(&c, "TARGET", 6));
    fclose(c.out);
    assert_string_equal(text, "--target=staging\n--target=prod\n--target=staging\n--target=prod\n");
    free(text);
    assert_int_equal(chdir(here), 0);
    files_remove(dir);
}

/* Broken projects, and files that would block who reads them: an answer of nothing, and nothing written. */
static void trouble_is_answered_with_nothing(void **state)
{
    char dir[FILES_PATH], path[FILES_PATH + 100];
    const char *const list[] = { "/bin/sh", "-c", "ls -lAR --time-style=full-iso", NULL };
    struct process before, after;
    (void)state;
    files_folder(dir);
    files_write(dir, "twice/migrations/V1__a.sql", "");
    files_write(dir, "twice/migrations/V01__b.sql", "");
    files_write(dir, "fifo/migrations/V1__a.sql", "");
    snprintf(path, sizeof path, "%s/fifo/migrations/V2__fifo.sql", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    files_write(dir, "config/migrations/V1__a.sql", "");
    snprintf(path, sizeof path, "%s/config/env.py", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/config/jetbase.toml", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    process_run(&before, dir, list, NULL);
    answers(dir, "-C|twice|resolve|", "");
    answers(dir, "-C|fifo|resolve|", "");
    answers(dir, "-C|config|resolve|", "V1__a.sql");
    answers(dir, "-C|nowhere|resolve|", "");
    process_run(&after, dir, list, NULL);
    assert_string_equal(before.out, after.out);
    assert_non_null(strstr(before.out, "V2__fifo.sql"));
    process_free(&before);
    process_free(&after);
    files_remove(dir);
}

/* ---- the shells ---- */

static bool has(const char *program, const char *what)
{
    char line[200];
    snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", program);
    if (system(line) == 0)
        return true;
    printf("not run here: completion in %s (there is no %s)\n", what, program);
    return false;
}

/* Where the completion files are, and the environment of a shell: the program in its path, a home of its own, no configuration of the machine's. */
struct shell {
    char dir[FILES_PATH], shop[FILES_PATH + 8], files[4096];
    char path[5000], home[FILES_PATH + 16], zdotdir[FILES_PATH + 16], config[FILES_PATH + 32];
    const char *env[6];
};

static void shell_open(struct shell *s, const char *shell)
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".", *slash = strrchr(process_jetbase(), '/');
    char name[300], *real;
    make_project(s->dir);
    snprintf(s->shop, sizeof s->shop, "%s/shop", s->dir);
    snprintf(name, sizeof name, "%s/src/completion/%s", srcdir, shell);
    real = realpath(name, NULL);
    assert_non_null(real);
    snprintf(s->files, sizeof s->files, "%s", real);
    free(real);
    snprintf(s->path, sizeof s->path, "PATH=%.*s:%s", (int)(slash - process_jetbase()), process_jetbase(), getenv("PATH"));
    snprintf(s->home, sizeof s->home, "HOME=%s", s->dir);
    snprintf(s->zdotdir, sizeof s->zdotdir, "ZDOTDIR=%s", s->dir);
    snprintf(s->config, sizeof s->config, "XDG_CONFIG_HOME=%s/config", s->dir);
    s->env[0] = s->path;
    s->env[1] = s->home;
    s->env[2] = s->zdotdir;
    s->env[3] = s->config;
    s->env[4] = "HISTFILE=";
    s->env[5] = NULL;
}

/* Types half a line and TAB, waits for the whole line on the screen, and takes the line away again. */
static void types(struct term *term, const char *typed, const char *becomes)
{
    term_key(term, typed);
    term_key(term, "\t");
    term_wait_for(term, becomes);
    term_key(term, "\025"); /* ^U */
    term_wait_gone(term, becomes);
}

/* What is the same in bash and zsh. */
static void type_all(struct term *term)
{
    types(term, "jetbase upg", "jetbase upgrade ");
    types(term, "jetbase --json rollb", "jetbase --json rollback ");
    types(term, "jetbase upgrade --to-v", "jetbase upgrade --to-version ");
    types(term, "jetbase upgrade --to-version 1.", "jetbase upgrade --to-version 1.5 ");
    types(term, "jetbase upgrade --to-version=1.", "jetbase upgrade --to-version=1.5 ");
    types(term, "jetbase rollback -t 2", "jetbase rollback -t 2 ");
    types(term, "jetbase resolve V10", "jetbase resolve V10__c.sql ");
    types(term, "jetbase resolve V2", "jetbase resolve V2__with\\ blank.sql ");
    types(term, "jetbase -C migrations/s", "jetbase -C migrations/sub/");
    types(term, "jetbase -C ../shop/migrations/../sp", "jetbase -C ../shop/migrations/../sp\\ ace/");
    types(term, "jetbase -C sp\\ ace resolve V", "jetbase -C sp\\ ace resolve V1__other.sql ");
    types(term, "jetbase -C \"sp ace\" resolve V", "jetbase -C \"sp ace\" resolve V1__other.sql ");
    types(term, "jetbase -C ~/shop resolve RA", "jetbase -C ~/shop resolve RA__seed.sql ");
    types(term, "jetbase -C .. help unl", "jetbase -C .. help unlock ");
    types(term, "jetbase -C ../shop resolve RA", "jetbase -C ../shop resolve RA__seed.sql ");
    types(term, "jetbase --url sqlite:///x.db hist", "jetbase --url sqlite:///x.db history ");
    /* Several answers: what they have in common, then all of them, in the order of versions. */
    term_key(term, "jetbase validate\t");
    term_wait_for(term, "jetbase validate-");
    term_key(term, "\t\t");
    term_wait_for(term, "validate-files");
    term_key(term, "\025");
}

static void test_bash(void **state)
{
    struct shell s;
    char rc[5000];
    (void)state;
    if (!has("bash", "bash"))
        return;
    shell_open(&s, "bash");
    snprintf(rc, sizeof rc, "PS1='ready> '\nbind 'set enable-bracketed-paste off'\nbind 'set bell-style none'\n. '%s/jetbase'\n", s.files);
    files_write(s.dir, "rc", rc);
    snprintf(rc, sizeof rc, "%s/rc", s.dir);
    const char *const argv[] = { "/bin/bash", "--noprofile", "--rcfile", rc, "-i", NULL };
    struct term *term = term_start(24, 100, s.shop, argv, s.env);
    term_wait_for(term, "ready> ");
    type_all(term);
    types(term, "jetbase resolve \"V2", "jetbase resolve \"V2__with blank.sql\" ");
    term_free(term);
    files_remove(s.dir);
}

/* As installed: bash-completion loads the file when the first TAB asks for it. */
static void test_bash_loads(void **state)
{
    static const char library[] = "/usr/share/bash-completion/bash_completion";
    struct shell s;
    char rc[10000], data[6000];
    struct stat st;
    (void)state;
    if (!has("bash", "bash"))
        return;
    if (stat(library, &st) != 0) {
        puts("not run here: loading by bash-completion (it is not installed)");
        return;
    }
    shell_open(&s, "bash");
    snprintf(rc, sizeof rc, "mkdir -p '%s/data/bash-completion' && ln -s '%s' '%s/data/bash-completion/completions'", s.dir, s.files, s.dir);
    assert_int_equal(system(rc), 0);
    snprintf(rc, sizeof rc, "PS1='ready> '\nbind 'set enable-bracketed-paste off'\nbind 'set bell-style none'\n. %s\n", library);
    files_write(s.dir, "rc", rc);
    snprintf(rc, sizeof rc, "%s/rc", s.dir);
    snprintf(data, sizeof data, "XDG_DATA_DIRS=%s/data", s.dir);
    s.env[4] = data;
    const char *const argv[] = { "/bin/bash", "--noprofile", "--rcfile", rc, "-i", NULL };
    struct term *term = term_start(24, 100, s.shop, argv, s.env);
    term_wait_for(term, "ready> ");
    types(term, "jetbase upgrade --to-version=1.", "jetbase upgrade --to-version=1.5 ");
    term_free(term);
    files_remove(s.dir);
}

static void test_zsh(void **state)
{
    struct shell s;
    char rc[6000];
    (void)state;
    if (!has("zsh", "zsh"))
        return;
    shell_open(&s, "zsh");
    snprintf(rc, sizeof rc, "unset HISTFILE\nunsetopt zle_bracketed_paste beep prompt_sp\nbindkey -e\nPS1='ready> '\nfpath=('%s' $fpath)\nautoload -Uz compinit && compinit -u -D\n", s.files);
    files_write(s.dir, ".zshrc", rc);
    const char *const argv[] = { "/bin/zsh", "-o", "no_global_rcs", "-i", NULL };
    struct term *term = term_start(24, 100, s.shop, argv, s.env);
    term_wait_for(term, "ready> ");
    type_all(term);
    /* The help stands beside the words. */
    term_key(term, "jetbase unlock --\t\t");
    term_wait_for(term, "Only if the holder is proven dead");
    term_free(term);
    files_remove(s.dir);
}

static void fish_says(const struct shell *s, const char *line, const char *wanted)
{
    char script[6000];
    snprintf(script, sizeof script, "set fish_complete_path '%s'; complete -C '%s'", s->files, line);
    const char *const argv[] = { "/usr/bin/fish", "-N", "-c", script, NULL };
    struct process p;
    process_run(&p, s->shop, argv, s->env);
    if (p.exit != 0 || strcmp(p.out, wanted) != 0)
        fail_msg("fish, %s: exit %d, '%s' (%s), not '%s'", line, p.exit, p.out, p.err, wanted);
    process_free(&p);
}

static void test_fish(void **state)
{
    struct shell s;
    (void)state;
    if (!has("fish", "fish"))
        return;
    shell_open(&s, "fish");
    fish_says(&s, "jetbase upg", "upgrade\tExecute pending migrations\n");
    fish_says(&s, "jetbase --json rollb", "rollback\tRoll back migrations\n");
    fish_says(&s, "jetbase upgrade --to-v", "--to-version\tApply migrations up to this version\n");
    fish_says(&s, "jetbase upgrade --to-version ", "1\tusers\n1.5\ta b\n2\twith blank\n3\tevil^[]0;x\n10\tc\n");
    fish_says(&s, "jetbase upgrade --to-version=1.", "--to-version=1.5\ta b\n");
    fish_says(&s, "jetbase rollback -t 2", "2\twith blank\n");
    fish_says(&s, "jetbase resolve V2", "V2__with blank.sql\twith blank\n");
    fish_says(&s, "jetbase -C migrations/s", "migrations/sub/\tDirectory\n");
    fish_says(&s, "jetbase -C ../shop resolve RA", "RA__seed.sql\tseed\n");
    fish_says(&s, "jetbase nosuch ", "");
    files_remove(s.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_and_option_is_offered), cmocka_unit_test(every_kind_of_value_is_known), cmocka_unit_test(words_stand_where_they_may),
        cmocka_unit_test(targets_are_known), cmocka_unit_test(trouble_is_answered_with_nothing), cmocka_unit_test(test_bash), cmocka_unit_test(test_bash_loads),
        cmocka_unit_test(test_zsh), cmocka_unit_test(test_fish),
    };
    if (!term_possible()) {
        puts("not run here: completion in a terminal (there is none)");
        return 0;
    }
    return cmocka_run_group_tests_name("completion", tests, NULL, NULL);
}
