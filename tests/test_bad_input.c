/* test_bad_input.c: what is wrong around a migration: rights, files, folders, disks and databases. A clear error, nothing changed, nothing lost. */
#include <fcntl.h>
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

#include "support/run.h"

enum { NOBODY = 65534 };

static void two_files(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__first.sql", "-- upgrade\nCREATE TABLE first (id INTEGER);\n-- rollback\nDROP TABLE first;\n");
    sandbox_file(sb, "V2__second.sql", "-- upgrade\nCREATE TABLE second (id INTEGER);\n-- rollback\nDROP TABLE second;\n");
}

/* Runs a line of sh in the sandbox; $J is the program, $URL the database. */
static int shell(const struct sandbox *sb, struct process *p, const char *script)
{
    const char *const argv[] = { "/bin/sh", "-c", script, NULL };
    char program[4200], url[700];
    const char *const env[] = { sb->variable, program, url, NULL };
    snprintf(program, sizeof program, "J=%s", process_jetbase());
    snprintf(url, sizeof url, "URL=%s", sb->url);
    process_run(p, sb->dir, argv, env);
    return p->exit;
}

static void shell_has(const struct sandbox *sb, const char *script, int code, const char *err)
{
    struct process p;
    if (shell(sb, &p, script) != code || !strstr(p.err, err))
        fail_msg("%s: exit %d, wanted %d and \"%s\"\n%s%s", script, p.exit, code, err, p.out, p.err);
    process_free(&p);
}

static bool is_there(const struct sandbox *sb, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", sb->dir, name);
    return access(path, F_OK) == 0;
}

/* What a DBA is told to run, put to the server whole, is what was missing. */
static void dba_runs(const struct sandbox *sb, const char *said)
{
    const char *from = strstr(said, "A DBA can run: "), *end;
    char *sql;
    assert_non_null(from);
    from += strlen("A DBA can run: ");
    end = strchr(from, '\n');
    assert_non_null(end);
    sql = strndup(from, (size_t)(end - from));
    assert_non_null(sql);
    sandbox_sql(sb, sql);
    free(sql);
}

/* A role that may make its own tables but none of Jetbase's. */
static void role_without_rights(const struct sandbox *sb)
{
    sandbox_sql(sb, "DO $$BEGIN CREATE ROLE lowly; EXCEPTION WHEN duplicate_object THEN NULL; END$$");
    sandbox_sql(sb, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    sandbox_sql(sb, "CREATE SCHEMA own AUTHORIZATION lowly");
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE own.first (id INTEGER);\n");
}

#define AS_LOWLY "PGOPTIONS='-c role=lowly' exec $J "

static void no_right_to_tables(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    role_without_rights(&sb);
    shell_has(&sb, AS_LOWLY "status", 0, "");
    assert_int_equal(shell(&sb, &p, AS_LOWLY "upgrade"), 1);
    assert_non_null(strstr(p.err, "error: jetbase's tables could not be made: permission denied"));
    assert_non_null(strstr(p.err, "Nothing was changed."));
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'own')"), 0);
    dba_runs(&sb, p.err);
    process_free(&p);
    assert_int_equal(shell(&sb, &p, AS_LOWLY "upgrade"), 0);
    assert_non_null(strstr(p.out, "Migration applied successfully: V1__first.sql"));
    assert_null(strstr(p.err, "warning"));
    process_free(&p);
    sandbox_close(&sb);
}

static void tables_without_rights(enum sandbox_kind kind)
{
    static const char *const lines[] = { AS_LOWLY "status", AS_LOWLY "upgrade", AS_LOWLY "lock-status", AS_LOWLY "unlock", AS_LOWLY "history" };
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    run_says(&sb, "upgrade", 0, NULL, NULL);
    two_files(&sb);
    run_has(&sb, "upgrade", 0, "V2__second.sql", "");
    role_without_rights(&sb);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        shell_has(&sb, lines[i], 1, "HINT: Nothing was changed. A DBA can run: GRANT SELECT, INSERT, UPDATE, DELETE ON");
    shell(&sb, &p, AS_LOWLY "status");
    dba_runs(&sb, p.err);
    process_free(&p);
    shell_has(&sb, AS_LOWLY "unlock", 0, "");
    sandbox_close(&sb);
}

/* The run goes on without jetbase_runs; the warning holds the whole statement. */
static void no_right_to_runs(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V0__start.sql", "SELECT 1;\n");
    run_has(&sb, "upgrade", 0, "V0__start.sql", "");
    role_without_rights(&sb);
    sandbox_sql(&sb, "DROP TABLE jetbase_runs");
    sandbox_sql(&sb, "GRANT SELECT, INSERT, UPDATE, DELETE ON jetbase_lock, jetbase_migrations TO lowly");
    assert_int_equal(shell(&sb, &p, AS_LOWLY "upgrade"), 0);
    assert_non_null(strstr(p.out, "Migration applied successfully: V1__first.sql"));
    assert_non_null(strstr(p.err, "warning: jetbase_runs can't be made (no right to), so this run has no witness."));
    dba_runs(&sb, p.err);
    process_free(&p);
    sandbox_file(&sb, "V2__second.sql", "CREATE TABLE own.second (id INTEGER);\n");
    assert_int_equal(shell(&sb, &p, AS_LOWLY "upgrade"), 0);
    assert_null(strstr(p.err, "warning"));
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'ok' AND witness = 'pg'"), 1);
    sandbox_close(&sb);
}

/* A command that fails, or has nothing to do, makes no database file. */
static void no_stray_database(enum sandbox_kind kind)
{
    static const char *const quiet[] = { "status", "rollback", "unlock", "unlock --if-dead", "lock-status", "upgrade --dry-run", "rollback --dry-run", "history", "current", "runs" };
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    two_files(&sb);
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        run_has(&sb, quiet[i], 0, NULL, NULL);
        if (is_there(&sb, "app.db"))
            fail_msg("%s made a database file", quiet[i]);
    }
    run_has(&sb, "unlock --process-id 0", 3, "", "the lock changed hands, nothing was done");
    sandbox_file(&sb, "V3__bad.sql", "VACUUM;\nSELECT 1;\n");
    run_has(&sb, "upgrade", 1, "", "V3__bad.sql:1:1: error: ");
    shell_has(&sb, "rm migrations/V3__bad.sql; mkdir migrations/V3__bad.sql; exec $J upgrade", 1, "V3__bad.sql is a directory, not a file.");
    shell_has(&sb, "rmdir migrations/V3__bad.sql; mkfifo migrations/V3__bad.sql; exec $J upgrade", 1, "V3__bad.sql is a FIFO, not a file.");
    shell_has(&sb, "rm migrations/V3__bad.sql; ln -s nowhere migrations/V3__bad.sql; exec $J upgrade", 1, "V3__bad.sql is a link to nowhere, which does not exist.");
    shell_has(&sb, "rm migrations/V3__bad.sql; cp migrations/V2__second.sql migrations/V2.0__again.sql; exec $J upgrade", 1, "Duplicate migration version detected: 2.");
    assert_false(is_there(&sb, "app.db"));
    shell_has(&sb, "rm migrations/V2.0__again.sql; exec $J upgrade", 0, "");
    assert_true(is_there(&sb, "app.db"));
    sandbox_close(&sb);
}

/* A regular file whose bytes can't be had (the memory of a process, at its address 0), as on a disk that goes. */
static void bytes_not_to_be_had(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    two_files(&sb);
    shell_has(&sb, "ln -s /proc/self/mem migrations/V3__bad.sql; exec $J upgrade", 1, "V3__bad.sql can't be read: Input/output error.");
    run_has(&sb, "status", 0, NULL, "V3__bad.sql can't be read: Input/output error.");
    run_has(&sb, "current", 0, NULL, NULL);
    shell_has(&sb, "rm migrations/V3__bad.sql; ln -s /proc/self/mem jetbase.toml; exec $J upgrade", 2, "jetbase.toml can't be read: Input/output error.");
    shell_has(&sb, "rm jetbase.toml; exec $J upgrade", 0, "");
    sandbox_close(&sb);
}

/* A path whose folder is not there is a wrong URL for looks too. */
static void no_folder_for_database(enum sandbox_kind kind)
{
    static const char *const lines[] = { "status", "upgrade", "lock-status", "unlock", "history" };
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    two_files(&sb);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[80];
        snprintf(line, sizeof line, "%s --url sqlite:///nosuch/folder/app.db", lines[i]);
        run_has(&sb, line, 6, "", "can't be opened: No such file or directory\nHINT: Nothing was changed. Check the path");
    }
    assert_false(is_there(&sb, "nosuch"));
    sandbox_close(&sb);
}

static void no_database(enum sandbox_kind kind)
{
    static const char *const lines[] = { "status", "upgrade", "rollback", "history", "current", "lock-status", "unlock", "runs" };
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    two_files(&sb);
    shell_has(&sb, "echo 'a letter to somebody, which is no database' >app.db; cp app.db kept", 0, "");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        run_has(&sb, lines[i], 1, "", "/app.db is not an SQLite database (or it is encrypted)\nHINT: Nothing was changed.");
    shell_has(&sb, "cmp app.db kept && test \"$(ls | wc -l)\" = 3", 0, "");
    sandbox_close(&sb);
}

/* A file size limit stands for a full disk: an error like others, no signal, and the lock is given back. */
static void disk_full(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    two_files(&sb);
    sandbox_file(&sb, "V3__big.sql", "CREATE TABLE big (x BLOB);\nINSERT INTO big VALUES (zeroblob(2000000));\n");
    shell_has(&sb, "ulimit -f 256; exec $J upgrade", 1, "V3__big.sql was rolled back: nothing of it remains. 2 migrations were applied before it and stand, the last V2__second.sql.");
    run_says(&sb, "current", 0, "Latest migration version: 2\n", "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    shell_has(&sb, "(ulimit -f 0; exec $J upgrade 2>&1) | cat >&2", 0, "No migration was run.");
    run_has(&sb, "upgrade", 0, "V3__big.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM big"), 1);
    sandbox_close(&sb);
}

/* Where the server itself has no room the file is not to blame. */
static void server_full(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__full.sql", "CREATE TABLE kept (id INTEGER);\nDO $$BEGIN RAISE SQLSTATE '53100' USING MESSAGE = 'could not extend file: No space left on device'; END$$;\n");
    assert_int_equal(run_line(&sb, &p, "upgrade"), 1);
    assert_non_null(strstr(p.err, "V1__full.sql was rolled back: nothing of it remains."));
    assert_non_null(strstr(p.err, "Make room on the server, then run the command again."));
    assert_null(strstr(p.err, "Correct the file"));
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"), 0);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

/* As a user who may not read one file, nor write the database. */
static void not_ours(enum sandbox_kind kind)
{
    struct sandbox sb;
    char as[100], line[300];
    if (kind != SANDBOX_SQLITE || geteuid() != 0 || access("/usr/bin/setpriv", X_OK) != 0)
        return;
    sandbox_open(&sb, kind);
    two_files(&sb);
    snprintf(as, sizeof as, "exec setpriv --reuid=%d --regid=%d --clear-groups ./jetbase", NOBODY, NOBODY);
    /* a copy of the program, since the build's folder may be closed to others */
    shell_has(&sb, "cp \"$J\" jetbase && chmod 755 jetbase && chmod 777 . && chmod 600 migrations/V2__second.sql", 0, "");
    snprintf(line, sizeof line, "%s upgrade", as);
    shell_has(&sb, line, 1, "error: V2__second.sql can't be read: Permission denied.\nNo migration was run.\nPut it right");
    snprintf(line, sizeof line, "%s status", as);
    shell_has(&sb, line, 0, "warning: V2__second.sql can't be read: Permission denied.");
    assert_false(is_there(&sb, "app.db"));
    shell_has(&sb, "chmod 644 migrations/*; $J upgrade --count 1 && chmod 644 app.db && sha256sum app.db >sum", 0, "");
    snprintf(line, sizeof line, "%s upgrade", as);
    shell_has(&sb, line, 1, "/app.db can't be opened for writing: Permission denied\nHINT: Nothing was changed.");
    shell_has(&sb, "chmod 666 app.db; chmod 755 .", 0, "");
    shell_has(&sb, line, 1, "/app.db, or its folder, is read-only\nHINT: Nothing was changed.");
    shell_has(&sb, "sha256sum --quiet -c sum && test ! -e app.db-journal", 0, "");
    sandbox_close(&sb);
}

static void lock_without_row(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    two_files(&sb);
    run_has(&sb, "upgrade --count 1", 0, "V1__first.sql", "");
    sandbox_sql(&sb, "DELETE FROM jetbase_lock");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_has(&sb, "unlock", 0, "Unlock successful.", "the lock was not held");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock"), 0);
    run_has(&sb, "upgrade", 0, "V2__second.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE id = 1"), 1);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(no_right_to_tables), RUN_TEST(tables_without_rights), RUN_TEST(no_right_to_runs), RUN_TEST(no_stray_database), RUN_TEST(bytes_not_to_be_had), RUN_TEST(no_folder_for_database), RUN_TEST(no_database),
        RUN_TEST(disk_full), RUN_TEST(server_full), RUN_TEST(not_ours), RUN_TEST(lock_without_row),
    };
    return run_group("bad_input", tests, sizeof tests / sizeof *tests);
}
