/* test_options.c: the command line: every option, where it may stand, what is refused and with which way out; and that the manual names what help names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "options.h"

enum { MOST = 16 };

/* Reads a command line of words parted by blanks; `*` in a word stands for a blank. The copies live until the next call. */
static bool parse(const char *line, struct options *out, const struct command **command, struct error *err)
{
    static char words[MOST][200];
    static char *argv[MOST + 1];
    int argc = 0;
    memset(err, 0, sizeof *err);
    snprintf(words[argc], sizeof words[argc], "jetbase");
    argv[argc] = words[argc];
    argc++;
    while (*line) {
        size_t n = strcspn(line, " ");
        assert_true(argc < MOST && n < sizeof words[argc]);
        memcpy(words[argc], line, n);
        words[argc][n] = '\0';
        for (char *c = words[argc]; *c; c++)
            if (*c == '*')
                *c = ' ';
        argv[argc] = words[argc];
        argc++;
        line += n + (line[n] == ' ');
    }
    argv[argc] = NULL;
    return options_parse(argc, argv, out, command, err);
}

static void refused(const char *line, const char *message, const char *hint)
{
    struct options o;
    const struct command *command;
    struct error err;
    bool ok = parse(line, &o, &command, &err);
    if (ok || !strstr(err.message, message) || !strstr(err.hint, hint))
        print_error("%s: %s / %s\n", line, err.message, err.hint);
    assert_false(ok);
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.message, message));
    assert_non_null(strstr(err.hint, hint));
    options_free(&o);
}

static void test_durations(void **state)
{
    static const struct { const char *text; int ms; } good[] = {
        { "500ms", 500 }, { "5s", 5000 }, { "2min", 120000 }, { "1h", 3600000 }, { "7", 7000 }, { "0.5", 500 }, { "1.5s", 1500 }, { "0.25min", 15000 }, { "2147483", 2147483000 },
    };
    static const char *const bad[] = { "", "s", "-1", "+1", " 1", "1 s", "1m", "1.s5", "x", "0", "0ms", "0.0001s", "5S", "1e3", "99999999999999999999", "2147484", "1sec", "inf" };
    int ms;
    struct error err = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(options_duration(good[i].text, &ms, &err));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (options_duration(bad[i], &ms, &err))
            fail_msg("'%s' was taken for %d ms", bad[i], ms);
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.hint, "500ms"));
    }
}

static void test_upgrade(void **state)
{
    struct options o;
    const struct command *command;
    struct error err;
    (void)state;
    assert_true(parse("upgrade --count 3 --dry-run --skip-checksum-validation --take-over-dead --lock-timeout 500ms --statement-timeout 2min", &o, &command, &err));
    assert_string_equal(command->name, "upgrade");
    assert_int_equal(o.count, 3);
    assert_true(o.dry_run && o.skip_checksums && o.take_over_dead && !o.skip_files && !o.skip_validation);
    assert_int_equal(o.lock_timeout_ms, 500);
    assert_int_equal(o.statement_timeout_ms, 120000);
    assert_true(parse("rollback -dt 1_5", &o, &command, &err));
    assert_true(o.dry_run);
    assert_string_equal(o.to_version, "1_5");
    assert_true(parse("upgrade -c2", &o, &command, &err));
    assert_int_equal(o.count, 2);
}

static void test_globals_anywhere(void **state)
{
    struct options o;
    const struct command *command;
    struct error err;
    (void)state;
    assert_true(parse("--json -C /tmp status --quiet", &o, &command, &err));
    assert_string_equal(command->name, "status");
    assert_true(o.json && o.quiet && !o.verbose);
    assert_string_equal(o.dir, "/tmp");
    assert_true(parse("status --verbose -C/var", &o, &command, &err));
    assert_string_equal(o.dir, "/var");
    assert_true(parse("", &o, &command, &err));
    assert_null(command);
    assert_true(parse("--version", &o, &command, &err));
    assert_true(o.version);
    assert_true(parse("status --help", &o, &command, &err));
    assert_true(o.help);
    assert_string_equal(command->name, "status");
    assert_true(parse("new --help", &o, &command, &err)); /* without its description */
    assert_true(parse("validate-files -f", &o, &command, &err));
    assert_true(o.fix);
    assert_true(parse("validate-checksums --fix", &o, &command, &err));
    assert_true(o.fix);
    assert_true(parse("validate-checksums", &o, &command, &err));
    assert_false(o.fix);
    assert_true(parse("help upgrade", &o, &command, &err));
    assert_string_equal(o.operands[0], "upgrade");
}

static void test_posix(void **state)
{
    struct options o;
    const struct command *command;
    struct error err;
    (void)state;
    setenv("POSIXLY_CORRECT", "1", 1);
    assert_true(parse("new add*users -v 1 --json", &o, &command, &err));
    unsetenv("POSIXLY_CORRECT");
    assert_string_equal(o.operands[0], "add users");
    assert_string_equal(o.new_version, "1");
    assert_true(o.json);
}

static void test_new(void **state)
{
    struct options o;
    const struct command *command;
    struct error err;
    (void)state;
    assert_true(parse("new x --version=7", &o, &command, &err));
    assert_string_equal(o.new_version, "7");
    assert_false(o.version);
    assert_true(parse("new -- -x", &o, &command, &err));
    assert_string_equal(o.operands[0], "-x");
    assert_true(parse("-- new -x", &o, &command, &err)); /* all that follows is no option */
    assert_string_equal(o.operands[0], "-x");
    refused("new", "Missing argument 'DESCRIPTION'.", "jetbase new --help");
    refused("new a b", "Got unexpected extra argument (b)", "jetbase new --help");
    refused("new -x -v 1", "No such option: -x", "jetbase new --help");
}

static void test_unlock_and_console(void **state)
{
    struct options o;
    const struct command *command;
    struct error err;
    (void)state;
    assert_true(parse("unlock --process-id 7f3c --terminate --reason stuck*since*two", &o, &command, &err));
    assert_true(o.terminate && !o.if_dead);
    assert_string_equal(o.process_id, "7f3c");
    assert_string_equal(o.reason, "stuck since two");
    assert_true(parse("console --read-only --refresh 250ms", &o, &command, &err));
    assert_true(o.read_only);
    assert_int_equal(o.refresh_ms, 250);
    assert_true(parse("runs --limit 5", &o, &command, &err));
    assert_int_equal(o.limit, 5);
    refused("unlock --if-dead --terminate", "can't stand together", "--if-dead");
    refused("unlock --process-id=", "1 to 36 characters", "lock-status");
    refused("unlock --process-id 0123456789012345678901234567890123456", "1 to 36 characters", "lock-status");
}

static void test_mistakes(void **state)
{
    (void)state;
    refused("nosuch", "No such command 'nosuch'.", "jetbase help");
    refused("upgarde", "No such command 'upgarde'.", "`jetbase upgrade`");
    refused("lock_status", "No such command 'lock_status'.", "`jetbase lock-status`");
    refused("validate-file", "No such command 'validate-file'.", "`jetbase validate-files`");
    refused("fix -f", "No such option: -f", "jetbase fix --help");
    refused("upgrade --nosuch", "No such option: --nosuch", "jetbase upgrade --help");
    refused("upgrade --dryrun", "No such option: --dryrun", "--dry-run");
    refused("upgrade --tak-over-dead", "No such option: --tak-over-dead", "--take-over-dead");
    refused("upgrade --skip", "No such option: --skip", "--skip-validation");
    refused("--dry-run upgrade", "No such option: --dry-run", "jetbase upgrade --dry-run");
    refused("upgrade --count", "Option '--count' / '-c' requires an argument", "--help");
    refused("upgrade -c", "Option '--count' / '-c' requires an argument", "--help");
    refused("upgrade --count x", "Invalid value for '--count' / '-c': 'x' is not a valid integer.", "");
    refused("upgrade --count 0", "'count' must be a positive integer.", "1 or more");
    refused("rollback --count -1", "'count' must be a positive integer.", "1 or more");
    refused("upgrade --count 99999999999", "'count' must be a positive integer.", "");
    refused("upgrade --dry-run=yes", "Option '--dry-run' does not take a value", "");
    refused("upgrade --lock-timeout 5x", "Invalid value for '--lock-timeout': '5x' is not a duration", "500ms");
    refused("upgrade --count 1 --to-version 2", "Cannot specify both 'count' and 'to_version' for upgrade. Select only one, or do not specify either to run all pending migrations.", "");
    refused("rollback --count 1 --to-version 2", "Cannot specify both 'count' and 'to_version' for rollback. Select only one, or do not specify either to rollback the last migration.", "");
    refused("status extra", "Got unexpected extra argument (extra)", "jetbase status --help");
    refused("rollback --skip-validation", "No such option: --skip-validation", "");
}

/* The URL is gone from argv at once, whatever else is wrong, and no message shows one. */
static void test_no_password(void **state)
{
    static const char *const lines[] = {
        "status --url postgresql://u:geheim@h/db --nosuch", "--url=postgresql://u:geheim@h/db nosuch",   "postgresql://u:geheim@h/db", "status postgresql://u:geheim@h/db",
        "status --ulr=postgresql://u:geheim@h/db",          "upgrade --count postgresql://u:geheim@h/db", "upgrade --lock-timeout postgresql://u:geheim@h/db",
        "new a postgresql://u:geheim@h/db",                 "help --json=postgresql://u:geheim@h/db",
    };
    char command_name[] = "jetbase", option[] = "--url", url[] = "postgresql://u:geheim@h/db", joined[] = "--url=postgresql://u:geheim@h/db", status[] = "status";
    char *argv[] = { command_name, option, url, status, joined, NULL };
    struct options o;
    const struct command *command;
    struct error err = { 0 };
    (void)state;
    assert_true(options_parse(5, argv, &o, &command, &err));
    assert_string_equal(o.url, "postgresql://u:geheim@h/db");
    assert_null(strstr(url, "geheim"));
    assert_null(strstr(joined, "geheim"));
    assert_string_equal(status, "status");
    options_free(&o);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_false(parse(lines[i], &o, &command, &err));
        if (strstr(err.message, "geheim") || strstr(err.hint, "geheim") || strstr(err.detail, "geheim"))
            fail_msg("%s: %s %s", lines[i], err.message, err.hint);
        options_free(&o);
    }
}

/* A failure of the command line is told as JSON too, wherever --json stands. */
static void test_json_known(void **state)
{
    struct options o;
    const struct command *command;
    struct error err;
    (void)state;
    assert_false(parse("upgrade --nosuch --json", &o, &command, &err));
    assert_true(o.json);
    assert_string_equal(command->name, "upgrade");
    assert_true(parse("new -- --json", &o, &command, &err));
    assert_false(o.json);
}

/* ---- the manual ---- */

static char *manual(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char path[4096], *text = calloc(1, 200000);
    FILE *file;
    snprintf(path, sizeof path, "%s/man/%s", srcdir ? srcdir : ".", name);
    file = fopen(path, "re");
    if (!file)
        fail_msg("%s can't be read", path);
    assert_non_null(text);
    assert_true(fread(text, 1, 199999, file) > 0);
    fclose(file);
    return text;
}

/* Is this option documented between `from` and `to` of the manual? */
static bool documented(const char *from, const char *to, const struct option_def *def)
{
    char wanted[100];
    const char *found;
    if (def->name)
        snprintf(wanted, sizeof wanted, "Fl -%s", def->name);
    else
        snprintf(wanted, sizeof wanted, "Fl %c", def->letter);
    found = strstr(from, wanted);
    return found && (!to || found < to);
}

static void test_manual_agrees(void **state)
{
    char *page = manual("jetbase.1");
    (void)state;
    for (const struct option_def *def = command_globals; def->id != OPTION_END; def++)
        if (!documented(page, NULL, def))
            fail_msg("jetbase.1 says nothing of --%s", def->name ? def->name : "(a letter)");
    for (const struct command *c = command_table; c->name; c++) {
        char head[100];
        const char *from, *to;
        snprintf(head, sizeof head, ".It Cm %s", c->name);
        from = strstr(page, head);
        if (!from)
            fail_msg("jetbase.1 says nothing of %s", c->name);
        to = strstr(from + 1, "\n.It Cm ");
        for (const struct option_def *def = c->options; def->id != OPTION_END; def++)
            if (!documented(from, to, def))
                fail_msg("jetbase.1 says nothing of %s --%s", c->name, def->name);
    }
    free(page);
}

/* Names in the table are found by themselves, once. */
static void test_table(void **state)
{
    (void)state;
    for (const struct command *c = command_table; c->name; c++) {
        assert_ptr_equal(command_find(c->name), c);
        assert_non_null(c->run);
        assert_true(c->help && c->help[0] && c->operands && c->options);
        assert_true(c->operands_max <= OPTIONS_OPERANDS && c->operands_min <= c->operands_max);
        for (const struct option_def *def = c->options; def->id != OPTION_END; def++)
            assert_true(def->help && (def->name || def->letter));
    }
    assert_null(command_find("nosuch"));
    assert_null(command_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_upgrade),  cmocka_unit_test(test_globals_anywhere), cmocka_unit_test(test_posix),
        cmocka_unit_test(test_new),       cmocka_unit_test(test_mistakes), cmocka_unit_test(test_unlock_and_console), cmocka_unit_test(test_no_password),
        cmocka_unit_test(test_json_known), cmocka_unit_test(test_manual_agrees), cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
