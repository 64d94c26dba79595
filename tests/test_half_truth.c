/* test_half_truth.c: half-applied files in the corners: a file changed in what is done, two files of one name, another program's row in the history, clocks that go back, forced locks, cancels between statement and mark. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/outside.h"

static const char *const upgrade[] = { "upgrade", NULL };

/* Runs `upgrade` into its death. */
static void killed(const struct sandbox *sb, const char *failpoint)
{
    struct process p;
    sandbox_start(sb, &p, true, failpoint, upgrade);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGKILL);
    process_free(&p);
    outside_until_dead(sb);
}

/* The statement that is done last was taken out of the file: the next one now has its number, and was never run. */
static void changed_in_what_is_done(enum sandbox_kind kind)
{
    static const char head[] = "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nINSERT INTO log VALUES (2);\n", tail[] = "INSERT INTO log VALUES (4);\nINSERT INTO log VALUES (5);\n";
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "%sINSERT INTO log VALUES (3);\n%s", head, tail);
    killed(&sb, "done:3=kill");
    run_has(&sb, "resolve 1", 0, "3  done ", "");
    sandbox_file(&sb, "V1__a.sql", "%s%s", head, tail);
    run_has(&sb, "resolve 1", 0, "3  ?  ", "which of the statements below ran is not known");
    run_has(&sb, "resolve 1 --take-over-dead --from 4", 5, NULL, "its numbers no longer mean the statements that ran");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 2);
    /* What was not run yet may be changed. */
    sandbox_file(&sb, "V1__a.sql", "%sINSERT INTO log VALUES (3);\nINSERT INTO log VALUES (6);\n", head);
    run_has(&sb, "resolve 1 --take-over-dead --from 4", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT sum(n) FROM log"), 11);
    sandbox_close(&sb);
}

/* The same within the file's own transaction: what it committed is done. */
static void changed_in_a_committed_block(enum sandbox_kind kind)
{
    static const char head[] = "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nBEGIN;\n", tail[] = "COMMIT;\nINSERT INTO log VALUES (6);\n";
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "%sINSERT INTO log VALUES (3);\nINSERT INTO log VALUES (4);\n%s", head, tail);
    killed(&sb, "statement:5=kill");
    run_has(&sb, "resolve 1", 0, "5  done ", "");
    sandbox_file(&sb, "V1__a.sql", "%sINSERT INTO log VALUES (3);\nSELECT 4;\n%s", head, tail);
    run_has(&sb, "resolve 1 --take-over-dead --from 6", 5, NULL, "its numbers no longer mean the statements that ran");
    sandbox_file(&sb, "V1__a.sql", "%sINSERT INTO log VALUES (3);\nINSERT INTO log VALUES (4);\n%s", head, tail);
    run_has(&sb, "resolve 1 --take-over-dead --from 6", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT sum(n) FROM log"), 13);
    sandbox_close(&sb);
}

/* Two files of one name in two folders: that the first is done says nothing of the second. */
static void two_files_of_one_name(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    setenv("COLUMNS", "240", 1); /* no line of a table is broken */
    char folder[300];
    sandbox_open(&sb, kind);
    snprintf(folder, sizeof folder, "%s/migrations/a", sb.dir);
    assert_int_equal(mkdir(folder, 0755), 0);
    snprintf(folder, sizeof folder, "%s/migrations/b", sb.dir);
    assert_int_equal(mkdir(folder, 0755), 0);
    sandbox_file(&sb, "V1__log.sql", "CREATE TABLE log (n int);\n");
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    sandbox_file(&sb, "a/RA__x.sql", "-- jetbase: no-transaction\nINSERT INTO log VALUES (1);\n");
    sandbox_file(&sb, "b/RA__x.sql", "-- jetbase: no-transaction\nINSERT INTO log VALUES (2);\nINSERT INTO log VALUES (3);\n");
    sandbox_start(&sb, &p, true, "done:2=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    run_has(&sb, "unlock", 0, NULL, NULL);
    run_has(&sb, "upgrade", 3, NULL, "outside a transaction that still runs");
    kill(p.pid, SIGKILL);
    process_wait(&p);
    process_free(&p);
    outside_until_dead(&sb);
    outside_until(&sb, kind == SANDBOX_POSTGRES ? "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'" : "SELECT 0", 0);
    run_has(&sb, "status", 0, NULL, "RA__x.sql is half applied: statement 1 is done, statement 2 was not run");
    run_has(&sb, "runs", 0, "RA__x.sql half applied", "");
    run_has(&sb, "upgrade", 5, NULL, "RA__x.sql is half applied");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 2);
    run_has(&sb, "resolve RA__x.sql --mark-applied", 0, "Resolved", "");
    run_has(&sb, "upgrade", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 5);
    sandbox_close(&sb);
}

/* A mark that the history would contradict is not made. */
static void history_of_another_program(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    killed(&sb, "done:2=kill");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('2', 'five', 'V2__five.sql', 'VERSIONED', 'x')");
    run_has(&sb, "resolve 2 --take-over-dead --mark-rolled-back", 5, "", "the history has this version");
    run_has(&sb, "resolve 2 --take-over-dead --from 3", 5, "", "the history has this version");
    run_has(&sb, "status", 0, NULL, "V2__five.sql is half applied");
    run_has(&sb, "resolve 2 --take-over-dead --mark-applied", 0, "Resolved", "");
    assert_int_equal(outside_applied(&sb, "2"), 1);
    sandbox_close(&sb);

    sandbox_open(&sb, kind);
    outside_five(&sb);
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    struct process p;
    sandbox_start(&sb, &p, true, "done:2=kill", (const char *const[]){ "rollback", NULL });
    process_wait(&p);
    process_free(&p);
    outside_until_dead(&sb);
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE version = '2'");
    run_has(&sb, "resolve 2 --take-over-dead --mark-applied", 5, "", "the history no longer has this version");
    run_has(&sb, "resolve 2 --take-over-dead --mark-rolled-back", 0, "Resolved", "");
    assert_int_equal(outside_applied(&sb, "2"), 0);
    sandbox_close(&sb);
}

/* A resolve that dies as well: what it did counts, whatever the clock said when it began (a server of another time after a failover, a clock set back). */
static void clock_set_back(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    int done, started;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    killed(&sb, "done:1=kill");
    sandbox_sql(&sb, kind == SANDBOX_POSTGRES ? "UPDATE jetbase_runs SET acquired_at = now() + interval '1 day'" : "UPDATE jetbase_runs SET acquired_at = '2999-01-01T00:00:00.000Z'");
    sandbox_start(&sb, &p, true, "done:3=kill", (const char *const[]){ "resolve", "2", "--take-over-dead", "--from", "2", NULL });
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGKILL);
    process_free(&p);
    outside_until_dead(&sb);
    outside_inspect(&sb, &done, &started);
    assert_int_equal(done, 4);
    assert_int_equal(started, 4);
    run_has(&sb, "resolve 2 --take-over-dead --from 5", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 4);
    assert_int_equal(sandbox_number(&sb, "SELECT count(DISTINCT n) FROM log"), 4);
    run_has(&sb, "upgrade", 0, "up to date", "");
    sandbox_close(&sb);
}

/* Between the statement and its mark: it ran, and nobody says that it was cancelled. */
static void cancelled_before_the_mark(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    int done, started;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    sandbox_start(&sb, &p, true, "statement:2=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    kill(p.pid, SIGINT);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGINT);
    assert_null(strstr(p.err, "was cancelled"));
    assert_non_null(strstr(p.err, "V2__five.sql is half applied"));
    process_free(&p);
    outside_inspect(&sb, &done, &started);
    assert_int_equal(started, 2);
    outside_way_out(&sb, 0, done);
    sandbox_close(&sb);
}

/* What failed inside the file's own transaction is named by its own number, and nothing of that transaction is left. */
static void failed_inside_a_block(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nBEGIN;\nINSERT INTO log VALUES (3);\nINSERT INTO missing VALUES (4);\nCOMMIT;\n");
    run_has(&sb, "upgrade", 1, NULL, "Statement 4 of 5 failed; the file's own transaction, which begins with statement 2, was rolled back.");
    run_has(&sb, "upgrade", 5, NULL, "statement 1 is done, statement 2 may have run, statements 3 to 5 were not run");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 0);
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\nCREATE TABLE log (n int);\nBEGIN;\nINSERT INTO log VALUES (3);\nCOMMIT;\n");
    run_has(&sb, "resolve 1 --from 2", 0, NULL, "");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM log"), 1);
    sandbox_close(&sb);
}

/* Unlocked by force while its statement runs: it is not half applied, and not said to be finished either. */
static void forced_and_still_running(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    setenv("COLUMNS", "240", 1); /* no line of a table is broken */
    sandbox_open(&sb, kind);
    outside_five(&sb);
    assert_int_equal(sandbox_run(&sb, NULL, (const char *const[]){ "upgrade", "--count", "1", NULL }), 0);
    sandbox_start(&sb, &p, true, "started:3=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    run_has(&sb, "unlock", 0, "Unlock successful.", NULL);
    run_has(&sb, "resolve 2", 5, "", "still runs it");
    run_has(&sb, "resolve 2 --from 3", 5, "", "still runs it");
    run_has(&sb, "runs", 0, "half applied, unless it still runs", "");
    kill(p.pid, SIGKILL);
    process_wait(&p);
    process_free(&p);
    if (kind == SANDBOX_POSTGRES)
        outside_until(&sb, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", 0);
    run_has(&sb, "resolve 2", 0, "may have run", "");
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(changed_in_what_is_done), RUN_TEST(changed_in_a_committed_block), RUN_TEST(two_files_of_one_name), RUN_TEST(history_of_another_program), RUN_TEST(clock_set_back),
        RUN_TEST(cancelled_before_the_mark), RUN_TEST(failed_inside_a_block), RUN_TEST(forced_and_still_running),
    };
    return run_group("half_truth", tests, sizeof tests / sizeof *tests);
}
