/* test_commands_fault.c: what goes wrong around a command: signals, standard output that is gone, passwords, servers that are down, and the command line itself. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/run.h"

static const char *const upgrade[] = { "upgrade", NULL };

static void two_files(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n");
    sandbox_file(sb, "V2__second.sql", "CREATE TABLE second (id INTEGER);\nINSERT INTO second VALUES (1);\n");
}

/* A signal while the second file runs: rolled back, released, said, 128 and its number. */
static void stopped_by(enum sandbox_kind kind, int number)
{
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    two_files(&sb);
    sandbox_start(&sb, &p, true, "statement:2=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    kill(p.pid, number);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    if (p.exit != 128 + number)
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    assert_string_equal(p.out, "Starting migrations...\nMigration applied successfully: V1__first.sql\n");
    assert_non_null(strstr(p.err, "error: stopped by a signal"));
    assert_non_null(strstr(p.err, "V2__second.sql was rolled back: nothing of it remains."));
    process_free(&p);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_says(&sb, "current", 0, "Latest migration version: 1\n", "");
    run_has(&sb, "runs", 0, "cancelled", "");
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V2__second.sql", "");
    sandbox_close(&sb);
}

static void signals(enum sandbox_kind kind)
{
    stopped_by(kind, SIGINT);
    stopped_by(kind, SIGTERM);
    stopped_by(kind, SIGHUP);
}

/* A signal before the lock was asked for: nothing is done. */
static void signal_before_lock(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    two_files(&sb);
    sandbox_start(&sb, &p, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    kill(p.pid, SIGTERM);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGTERM);
    assert_null(strstr(p.out, "applied successfully"));
    process_free(&p);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

/* Runs a line of sh; $J is the program. */
static void shell(const struct sandbox *sb, struct process *p, const char *script)
{
    const char *const argv[] = { "/bin/sh", "-c", script, NULL };
    char program[4200];
    const char *const env[] = { sb->variable, program, NULL };
    snprintf(program, sizeof program, "J=%s", process_jetbase());
    process_run(p, sb->dir, argv, env);
}

static void output_gone(enum sandbox_kind kind)
{
    static const char *const lines[] = { "exec $J status >/dev/full", "exec $J status --json >/dev/full", "exec $J history >&-", "exec $J --help >/dev/full", "exec $J upgrade >/dev/full" };
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    two_files(&sb);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        shell(&sb, &p, lines[i]);
        if (p.exit != 1 || !strstr(p.err, "error: standard output can't be written"))
            fail_msg("%s: exit %d\n%s%s", lines[i], p.exit, p.out, p.err);
        process_free(&p);
    }
    run_says(&sb, "current", 0, "Latest migration version: 2\n", "");
    /* a reader that went away: a pipe whose other end is closed before anything is written */
    shell(&sb, &p, "mkfifo f; ($J status >f; echo exit $? >&2) & exec 3<f; exec 3<&-; wait");
    assert_true(strstr(p.err, "exit 1") || strstr(p.err, "exit 0"));
    assert_null(strstr(p.err, "exit 141"));
    process_free(&p);
    /* all three descriptors closed: no database is opened under their numbers */
    shell(&sb, &p, "$J rollback <&- >&- 2>&-; echo exit $?");
    assert_string_equal(p.out, "exit 1\n");
    process_free(&p);
    run_says(&sb, "current", 0, "Latest migration version: 1\n", "");
    sandbox_close(&sb);
}

/* `ps` shows no URL. */
static void no_url_in_arguments(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char path[64], line[4096];
    size_t n;
    FILE *file;
    sandbox_open(&sb, kind);
    two_files(&sb);
    const char *const args[] = { "upgrade", "--url", sb.url, NULL };
    sandbox_start(&sb, &p, true, "locked=stop", args);
    assert_true(process_wait_stopped(&p));
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)p.pid);
    file = fopen(path, "re");
    if (file) {
        n = fread(line, 1, sizeof line - 1, file);
        fclose(file);
        for (size_t i = 0; i < n; i++)
            line[i] = line[i] ? line[i] : ' ';
        line[n] = '\0';
        assert_non_null(strstr(line, "upgrade --url ***"));
        assert_null(strstr(line, sb.url + 8));
    }
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    sandbox_close(&sb);
}

/* Every failure with a password in the URL: no password. */
static void no_password(enum sandbox_kind kind)
{
    static const char *const lines[] = {
        "status --url postgresql://u:geheim@127.0.0.1:1/db",
        "status --json --url postgresql://u:geheim@127.0.0.1:1/db",
        "upgrade --url postgresql://u:geheim@127.0.0.1:1/db",
        "upgrade --json --url postgresql://u:geheim@127.0.0.1:1/db?connect_timeout=x",
        "upgrade --verbose --url postgresql://127.0.0.1:1/db?password=geheim",
        "unlock --url postgresql://u:geheim@127.0.0.1:1/db?nosuch=1",
        "lock-status --url oracle://u:geheim@h/db",
        "history --url postgresql://u:geheim@h:port/db",
        "current --url nonsense:geheim@",
        "status --url postgresql://u:geheim@[::1/db",
        "runs --url postgresql://u:geheim%zz@127.0.0.1:1/db",
        "status postgresql://u:geheim@h/db",
        "status u:geheim@h/db",
        "postgresql://u:geheim@h/db",
        "console --url postgresql://u:geheim@127.0.0.1:1/db",
    };
    struct sandbox sb;
    sandbox_open(&sb, kind);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct process p;
        run_line(&sb, &p, lines[i]);
        assert_int_not_equal(p.exit, 0);
        if (strstr(p.out, "geheim") || strstr(p.err, "geheim"))
            fail_msg("%s:\n%s%s", lines[i], p.out, p.err);
        process_free(&p);
    }
    sandbox_close(&sb);
}

static void no_connection(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    two_files(&sb);
    run_has(&sb, "status --url postgresql://postgres@127.0.0.1:1/db", 6, "", "127.0.0.1");
    run_has(&sb, "upgrade --url postgresql://postgres@127.0.0.1:1/db", 6, "", "1");
    json = run_json(&sb, "lock-status --json --url postgresql://postgres@127.0.0.1:1/db", 6);
    assert_string_equal(run_text(json, "error.code"), "no-connection");
    json_decref(json);
    json = run_events(&sb, "upgrade --json --url postgresql://postgres@127.0.0.1:1/db", 6);
    assert_string_equal(run_text(json, "0.event"), "error");
    assert_string_equal(run_text(json, "1.event"), "run-ended");
    json_decref(json);
    sandbox_close(&sb);
}

static void usage(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    struct process p;
    sandbox_open(&sb, kind);
    run_has(&sb, "", 2, "", "error: Missing command: ");
    run_has(&sb, "console", 2, "", "The console needs a terminal");
    run_has(&sb, "help upgrad", 2, "", "HINT: Did you mean `jetbase help upgrade`?");
    run_has(&sb, "help kyes", 2, "", "HINT: Did you mean `jetbase help keys`?");
    run_has(&sb, "help nosuch", 2, "", "HINT: See: jetbase help");
    run_has(&sb, "nosuch", 2, "", "No such command 'nosuch'.");
    run_has(&sb, "upgrade --count 0", 2, "", "'count' must be a positive integer.");
    run_has(&sb, "upgrade --count 1 --to-version 2", 2, "", "Cannot specify both");
    run_has(&sb, "--version", 0, "jetbase ", "");
    run_has(&sb, "help rollback", 0, "Usage: jetbase rollback [OPTIONS]\n", "");
    run_has(&sb, "help rolback", 2, "", "`jetbase help rollback`");
    run_has(&sb, "--help", 0, "lock-status", "");
    run_has(&sb, "new --help", 0, "Usage: jetbase new [OPTIONS] DESCRIPTION\n", "");
    json = run_json(&sb, "status --nosuch --json", 2);
    assert_string_equal(run_text(json, "error.code"), "usage");
    json_decref(json);
    json = run_events(&sb, "upgrade --nosuch --json", 2);
    assert_string_equal(run_text(json, "0.error.code"), "usage");
    assert_string_equal(run_text(json, "1.event"), "run-ended");
    json_decref(json);
    json = run_json(&sb, "--json nosuch", 2);
    assert_int_equal(json_integer_value(json_object_get(json, "exit")), 2);
    json_decref(json);
    shell(&sb, &p, "cd /; exec $J status");
    assert_int_equal(p.exit, 2);
    assert_non_null(strstr(p.err, "Command must be run from the 'jetbase' directory.\nYou can run 'jetbase init' to create a Jetbase project.\n"));
    process_free(&p);
    shell(&sb, &p, "unset JETBASE_SQLALCHEMY_URL; exec $J status");
    assert_int_equal(p.exit, 2);
    assert_non_null(strstr(p.err, "Configuration 'sqlalchemy_url' not found. Please configure it using one of these methods:"));
    process_free(&p);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(signals), RUN_TEST(signal_before_lock), RUN_TEST(output_gone), RUN_TEST(no_url_in_arguments), RUN_TEST(no_password), RUN_TEST(no_connection), RUN_TEST(usage),
    };
    return run_group("commands_fault", tests, sizeof tests / sizeof *tests);
}
