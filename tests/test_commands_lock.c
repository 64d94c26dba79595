/* test_commands_lock.c: lock-status and unlock as people use them: a lock of another program, a dead holder, a living one, and what is said of each. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/run.h"

#define OTHER "11111111-2222-3333-4444-555555555555"

static const char *const upgrade[] = { "upgrade", NULL };

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n");
    run_has(sb, "upgrade", 0, "Migrations completed successfully.", "");
    sandbox_file(sb, "V2__second.sql", "CREATE TABLE second (id INTEGER);\nINSERT INTO second VALUES (1);\n");
}

static void lock_by_other(const struct sandbox *sb)
{
    sandbox_sql(sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = '2025-12-25 14:30:22.123456', process_id = '" OTHER "'");
}

static void check_free(const struct sandbox *sb)
{
    run_says(sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL AND locked_at IS NULL"), 1);
}

static void no_tables(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_has(&sb, "unlock", 0, "Unlock successful.\n", "note: the lock was not held");
    run_says(&sb, "unlock --quiet", 0, "", "");
    run_has(&sb, "unlock --if-dead", 0, "Unlock successful.\n", "note: the lock was not held");
    run_has(&sb, "unlock --process-id " OTHER, 3, "", "the lock changed hands, nothing was done");
    run_says(&sb, "runs", 0, "No runs yet.\n", "");
    sandbox_close(&sb);
}

static void other_program_seen(const struct sandbox *sb)
{
    struct process p;
    json_t *json;
    run_line(sb, &p, "lock-status");
    assert_int_equal(p.exit, 0);
    assert_ptr_equal(strstr(p.out, "Status: LOCKED\nLocked At: 2025-12-25 14:30:22.123456\n"), p.out);
    assert_non_null(strstr(p.out, "Process ID: " OTHER "\n"));
    assert_non_null(strstr(p.out, "Holder: another program"));
    assert_non_null(strstr(p.out, "Verdict: UNKNOWN: the lock of another program"));
    assert_non_null(strstr(p.out, "An Unlock Now: the lock is free, but whoever holds it goes on"));
    process_free(&p);
    json = run_json(sb, "lock-status --json", 0);
    assert_true(json_is_true(json_object_get(json, "locked")));
    assert_string_equal(run_text(json, "process_id"), OTHER);
    assert_string_equal(run_text(json, "verdict"), "unknown");
    assert_true(json_is_null(json_object_get(json, "holder")) && json_is_null(json_object_get(json, "age_s")) && json_is_null(json_object_get(json, "session")));
    assert_string_equal(run_text(json, "locked_at"), sb->kind == SANDBOX_SQLITE ? "2025-12-25T14:30:22.123456Z" : "2025-12-25T14:30:22.123456");
    json_decref(json);
}

static void other_program_refuses(const struct sandbox *sb)
{
    json_t *events;
    run_has(sb, "upgrade", 3, "", "error: Migration lock is already held by another process.\n");
    run_has(sb, "upgrade", 3, "", "jetbase unlock --process-id " OTHER);
    run_has(sb, "rollback", 3, "", "Migration lock is already held by another process.");
    run_has(sb, "upgrade --take-over-dead", 3, "", "Migration lock is already held by another process.");
    run_has(sb, "upgrade --dry-run", 0, "CREATE TABLE second", "");
    run_has(sb, "status", 0, "second", "");
    events = run_events(sb, "upgrade --json", 3);
    assert_int_equal(json_array_size(events), 3);
    assert_string_equal(run_text(events, "0.event"), "lock-refused");
    assert_string_equal(run_text(events, "0.lock.process_id"), OTHER);
    assert_string_equal(run_text(events, "1.event"), "error");
    assert_string_equal(run_text(events, "1.error.code"), "lock-held");
    assert_string_equal(run_text(events, "2.event"), "run-ended");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(events, 2), "exit")), 3);
    json_decref(events);
}

static void other_program(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    open_project(&sb, kind);
    lock_by_other(&sb);
    other_program_seen(&sb);
    other_program_refuses(&sb);
    run_has(&sb, "unlock --if-dead", 3, "", "nothing was done");
    run_has(&sb, "unlock --process-id 99999999-2222-3333-4444-555555555555", 3, "", "the lock changed hands, nothing was done");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id = '" OTHER "'"), 1);
    run_has(&sb, "unlock --process-id " OTHER, 0, "Unlock successful.\n", "warning: it was held by process ID " OTHER " (another program), UNKNOWN: ");
    check_free(&sb);
    lock_by_other(&sb);
    run_has(&sb, "unlock", 0, "Unlock successful.\n", "whoever holds it goes on");
    check_free(&sb);
    lock_by_other(&sb);
    json = run_json(&sb, "unlock --json", 0);
    assert_true(json_is_true(json_object_get(json, "was_locked")));
    assert_string_equal(run_text(json, "process_id"), OTHER);
    assert_string_equal(run_text(json, "verdict"), "unknown");
    json_decref(json);
    json = run_json(&sb, "unlock --json --process-id " OTHER, 3);
    assert_string_equal(run_text(json, "error.code"), "lock-changed");
    assert_int_equal(json_integer_value(json_object_get(json, "exit")), 3);
    json_decref(json);
    sandbox_close(&sb);
}

/* A run that is killed in its second file. */
static void leave_dead(const struct sandbox *sb)
{
    struct process p;
    sandbox_start(sb, &p, true, "statement=kill", upgrade);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGKILL);
    process_free(&p);
    /* The server notices in its own time; it is asked until it has. */
    for (int looks = 0; looks < 3000; looks++) {
        json_t *json = run_json(sb, "lock-status --json", 0);
        bool dead = strcmp(run_text(json, "verdict"), "dead") == 0;
        json_decref(json);
        if (dead)
            return;
    }
    fail_msg("the holder is not found dead");
}

static void dead_holder(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *json;
    open_project(&sb, kind);
    leave_dead(&sb);
    run_has(&sb, "lock-status", 0, "Verdict: DEAD: ", "");
    run_has(&sb, "lock-status", 0, "Migration: V2__second.sql (2 statements)", "");
    run_has(&sb, "lock-status", 0, "An Unlock Now: no running work is touched; V2__second.sql was not applied by it, nothing of that work remains", "");
    json = run_json(&sb, "lock-status --json", 0);
    assert_string_equal(run_text(json, "holder.file"), "V2__second.sql");
    assert_string_equal(run_text(json, "holder.command"), "upgrade");
    assert_true(json_is_null(json_object_get(json_object_get(json, "holder"), "statement")));
    assert_true(json_is_true(json_object_get(json_object_get(json, "holder"), "fenced")));
    assert_true(json_number_value(json_object_get(json, "age_s")) >= 0);
    json_decref(json);
    run_has(&sb, "upgrade", 3, "", "--take-over-dead");
    run_has(&sb, "unlock --if-dead --reason ci*runner*lost", 0, "Unlock successful.\n", "note: it was held by process ID ");
    check_free(&sb);
    run_has(&sb, "runs", 0, "died", "");
    run_has(&sb, "runs --verbose", 0, ": ci runner lost, at ", "");
    json = run_json(&sb, "runs --json --limit 1", 0);
    assert_string_equal(run_text(json, "runs.0.outcome"), "died");
    assert_string_equal(run_text(json, "runs.0.unlock_reason"), "ci runner lost");
    assert_non_null(strchr(run_text(json, "runs.0.unlocked_by"), '@'));
    json_decref(json);
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V2__second.sql", "");
    sandbox_close(&sb);
}

static void take_over(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    leave_dead(&sb);
    run_says(&sb, "upgrade --take-over-dead", 0, "Starting migrations...\nMigration applied successfully: V2__second.sql\nMigrations completed successfully.\n", NULL);
    check_free(&sb);
    run_has(&sb, "runs", 0, "died", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM second"), 1);
    sandbox_close(&sb);
}

static void living_holder(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char *id, line[200];
    open_project(&sb, kind);
    sandbox_start(&sb, &p, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    run_has(&sb, "lock-status", 0, "Verdict: ALIVE: ", "");
    run_has(&sb, "lock-status", 0, kind == SANDBOX_SQLITE ? "An Unlock Now: an unlock waits while V2__second.sql runs" : "Session: ", "");
    run_has(&sb, "runs", 0, "runs now", "");
    run_has(&sb, "upgrade", 3, "", "Wait until it has ended");
    run_has(&sb, "upgrade --take-over-dead", 3, "", "Migration lock is already held by another process.");
    run_has(&sb, "unlock --if-dead", 3, "", "the holder is alive, nothing was done");
    id = sandbox_text(&sb, "SELECT process_id FROM jetbase_lock WHERE is_locked");
    assert_int_equal(strlen(id), 36);
    if (kind == SANDBOX_SQLITE)
        run_has(&sb, "unlock --terminate", 2, "", "--terminate ends a session of the server, and SQLite has none");
    snprintf(line, sizeof line, "unlock --process-id %s%s", id, kind == SANDBOX_SQLITE ? "" : " --terminate");
    run_has(&sb, line, 0, "Unlock successful.\n", kind == SANDBOX_SQLITE ? "rolls back at its fence" : "its session was ended");
    free(id);
    check_free(&sb);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_true(kind == SANDBOX_SQLITE ? p.exit == 4 : p.exit != 0);
    process_free(&p);
    run_says(&sb, "current", 0, "Latest migration version: 1\n", "");
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V2__second.sql", "");
    sandbox_close(&sb);
}

/* A table of runs that an earlier build made, without the column that came last, is read as it is; the next run completes it. */
static void table_of_an_earlier_build(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return; /* on PostgreSQL such a table is not read before a run has completed it: test_pg_tables */
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 2, 1);
    run_has(&sb, "upgrade --count 1", 0, NULL, NULL);
    sandbox_sql(&sb, "ALTER TABLE jetbase_runs DROP COLUMN prefix");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    run_has(&sb, "runs", 0, "upgrade", "");
    run_has(&sb, "status", 0, "Migrations Pending", "");
    run_has(&sb, "upgrade", 0, "V2__step_2.sql", "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pragma_table_info('jetbase_runs') WHERE name = 'prefix'"), 1);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = { RUN_TEST(no_tables), RUN_TEST(other_program), RUN_TEST(dead_holder), RUN_TEST(take_over), RUN_TEST(table_of_an_earlier_build), RUN_TEST(living_holder) };
    return run_group("commands_lock", tests, sizeof tests / sizeof *tests);
}
