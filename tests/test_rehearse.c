/* test_rehearse.c: a rehearsal on both databases: what it says, that nothing of it stays, and how it ends. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pg_server.h"
#include "support/run.h"

/* All that pg_dump shows, sequences aside; or the bytes of the file and the names beside it. To be freed. */
static char *state_of(const struct sandbox *sb)
{
    struct process p;
    char command[1500], tool[300] = "";
    if (sb->kind == SANDBOX_POSTGRES) {
        pg_server_program("pg_dump", tool, sizeof tool);
        snprintf(command, sizeof command, "'%s' -d '%s' | grep -v -e '^SELECT pg_catalog.setval' -e '^.restrict' -e '^.unrestrict'", tool, sb->conninfo);
    } else {
        snprintf(command, sizeof command, "sha256sum '%s'; ls -A \"$(dirname '%s')\" \"$SQLITE_TMPDIR\"", sb->path, sb->path);
    }
    const char *const argv[] = { "/bin/sh", "-c", command, NULL };
    process_run(&p, "/", argv, NULL);
    assert_int_equal(p.exit, 0);
    char *text = strdup(p.out);
    process_free(&p);
    return text;
}

static void check_same(const struct sandbox *sb, char *before)
{
    char *after = state_of(sb);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void make(const struct sandbox *sb)
{
    sandbox_sql(sb, "CREATE TABLE orders (id integer PRIMARY KEY, state text DEFAULT 'new')");
    sandbox_sql(sb, "INSERT INTO orders VALUES (1, 'a')");
    sandbox_sql(sb, "INSERT INTO orders VALUES (2, 'b')");
    sandbox_file(sb, "V1__a.sql", "-- upgrade\nALTER TABLE orders ADD COLUMN note text;\nUPDATE orders SET note = 'x';\nCREATE INDEX orders_note ON orders (note);\n-- rollback\nDROP INDEX orders_note;\nALTER TABLE orders DROP COLUMN note;\n");
    sandbox_file(sb, "V2__b.sql", "-- upgrade\nCREATE TABLE lines (id integer);\nINSERT INTO lines SELECT id FROM orders WHERE note = 'x';\n-- rollback\nDROP TABLE lines;\n");
}

static void it_says_what_each_statement_did_and_leaves_nothing(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    make(&sb);
    char *before = state_of(&sb);
    run_has(&sb, "rehearse", 0, "UPDATE orders SET note = 'x'\n", "note: rehearses V1__a.sql, V2__b.sql");
    json_t *all = run_json(&sb, "rehearse --json", 0);
    const json_t *update = json_array_get(json_object_get(json_object_get(json_array_get(json_object_get(all, "migrations"), 0), "upgrade"), "statements"), 1);
    assert_int_equal(json_integer_value(json_object_get(update, "rows")), 2);
    assert_int_equal(json_integer_value(json_object_get(update, "line")), 3);
    /* The second file saw what the first one did. */
    const json_t *insert = json_array_get(json_object_get(json_object_get(json_array_get(json_object_get(all, "migrations"), 1), "upgrade"), "statements"), 1);
    assert_int_equal(json_integer_value(json_object_get(insert, "rows")), 2);
    /* A table that goes has no count of rows. */
    const json_t *drop = json_array_get(json_object_get(json_object_get(json_array_get(json_object_get(all, "migrations"), 1), "rollback"), "statements"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(drop, "sql")), "DROP TABLE"));
    assert_true(json_is_null(json_object_get(drop, "rows")));
    json_decref(all);
    check_same(&sb, before);
    run_has(&sb, "rehearse --count 1", 0, "V1__a.sql: ran", NULL);
    run_has(&sb, "rehearse --to-version 1", 0, "V1__a.sql: ran", NULL);
    sandbox_close(&sb);
}

static void a_statement_that_fails_is_placed(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    make(&sb);
    sandbox_file(&sb, "V3__c.sql", "-- upgrade\nCREATE TABLE c (id integer);\nINSERT INTO nowhere VALUES (1);\n");
    sandbox_file(&sb, "V4__d.sql", "-- upgrade\nCREATE TABLE d (id integer);\n");
    char *before = state_of(&sb);
    run_has(&sb, "rehearse", 1, "V4__d.sql: not reached", "V3__c.sql:3:1");
    run_has(&sb, "rehearse", 1, "V3__c.sql: failed", "INSERT INTO nowhere VALUES (1);");
    check_same(&sb, before);
    sandbox_close(&sb);
}

static void transaction_control_is_refused(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    make(&sb);
    sandbox_file(&sb, "V3__c.sql", "-- upgrade\nCREATE TABLE c (id integer);\nCOMMIT;\nCREATE TABLE d (id integer);\n");
    char *before = state_of(&sb);
    run_has(&sb, "rehearse", 1, "", "V3__c.sql:3:1");
    check_same(&sb, before);
    sandbox_close(&sb);
}

static void a_file_outside_a_transaction_is_passed_over(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_sql(&sb, "CREATE TABLE orders (id integer)");
    sandbox_file(&sb, "V1__a.sql", "-- jetbase: no-transaction\n-- upgrade\nCREATE TABLE a (id integer);\n-- rollback\nDROP TABLE a;\n");
    sandbox_file(&sb, "V2__b.sql", "-- upgrade\nCREATE TABLE b (id integer);\n-- rollback\nDROP TABLE b;\n");
    run_has(&sb, "rehearse", 0, "It runs outside a transaction, so it can't be rehearsed.", NULL);
    run_has(&sb, "rehearse", 0, "It was rehearsed without V1__a.sql.", NULL);
    sandbox_close(&sb);
}

static void a_held_lock_is_respected(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nCREATE TABLE a (id integer);\n");
    run_has(&sb, "upgrade", 0, NULL, NULL);
    sandbox_sql(&sb, kind == SANDBOX_POSTGRES ? "UPDATE jetbase_lock SET is_locked = TRUE, process_id = 'somebody'" : "UPDATE jetbase_lock SET is_locked = 1, process_id = 'somebody'");
    sandbox_file(&sb, "V2__b.sql", "-- upgrade\nCREATE TABLE b (id integer);\n");
    char *before = state_of(&sb);
    run_has(&sb, "rehearse", 3, "", "Nothing was rehearsed.");
    check_same(&sb, before);
    sandbox_close(&sb);
}

/* A database in WAL mode at rest: neither -wal nor -shm comes, goes or changes. */
static void a_wal_is_left_alone(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_SQLITE)
        return;
    sandbox_open(&sb, kind);
    make(&sb);
    sandbox_sql(&sb, "PRAGMA journal_mode = WAL");
    char *before = state_of(&sb);
    run_has(&sb, "rehearse", 0, "After the rollback the schema is as it was before.", NULL);
    check_same(&sb, before);
    sandbox_close(&sb);
}

/* A file's own timeouts count where they are shorter; foreign keys act, or not, as in a run. */
static void directives_count(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    sandbox_sql(&sb, "CREATE TABLE parent (id integer PRIMARY KEY)");
    if (kind == SANDBOX_POSTGRES) {
        sandbox_file(&sb, "V1__a.sql", "-- jetbase: statement-timeout=50ms\n-- upgrade\nSELECT pg_sleep(60);\n");
        run_has(&sb, "rehearse", 1, NULL, "statement timeout");
        sandbox_file(&sb, "V1__a.sql", "-- upgrade\nCREATE TABLE child (id int REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO child VALUES (1);\n");
        run_has(&sb, "rehearse", 1, NULL, "at COMMIT, where deferred constraints are checked");
    } else {
        sandbox_file(&sb, "V1__a.sql", "-- jetbase: foreign-keys=off\n-- upgrade\nCREATE TABLE child (id integer REFERENCES parent (id));\nINSERT INTO child VALUES (1);\n");
        run_has(&sb, "rehearse", 1, NULL, "foreign keys are broken");
    }
    sandbox_close(&sb);
}

/* A run commits the first file before the second; one transaction for both can't use the value, which is no fault of the files. */
static void a_new_value_of_an_enum_is_no_fault(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_sql(&sb, "CREATE TYPE mood AS ENUM ('good')");
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nALTER TYPE mood ADD VALUE 'bad';\n");
    sandbox_file(&sb, "V2__b.sql", "-- upgrade\nCREATE TABLE moods (m mood DEFAULT 'bad');\n");
    run_has(&sb, "rehearse", 0, "It uses a value that an earlier file of this rehearsal adds to an enum", NULL);
    run_has(&sb, "upgrade", 0, NULL, NULL);
    sandbox_close(&sb);
}

/* Sequences aside, also what a file sets for its session is gone behind it: the next one is not run under it. */
static void a_file_is_run_in_a_clean_session(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "-- upgrade\nCREATE SCHEMA away;\nCREATE ROLE nobody_here;\nGRANT ALL ON SCHEMA away TO nobody_here;\nSET search_path = away;\nSET ROLE nobody_here;\nCREATE TABLE a (id int);\n"
                                   "-- rollback\nDROP SCHEMA away CASCADE;\nDROP ROLE nobody_here;\n");
    sandbox_file(&sb, "V2__b.sql", "-- upgrade\nCREATE TABLE public.b AS SELECT * FROM away.a;\nCREATE TABLE c (id int);\n-- rollback\nDROP TABLE public.b, public.c;\n");
    char *before = state_of(&sb);
    run_has(&sb, "rehearse", 0, "public.c: made", NULL);
    check_same(&sb, before);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_roles WHERE rolname = 'nobody_here'"), 0);
    sandbox_close(&sb);
}

/* SQLite: where there is no room for a copy, nothing is said to have run. */
static void without_room_for_a_copy(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_SQLITE)
        skip();
    sandbox_open(&sb, kind);
    make(&sb);
    char *before = state_of(&sb), *kept = strdup(getenv("SQLITE_TMPDIR"));
    setenv("SQLITE_TMPDIR", "/proc", 1);
    run_line(&sb, &p, "rehearse");
    setenv("SQLITE_TMPDIR", kept, 1);
    assert_int_equal(p.exit, 1);
    assert_non_null(strstr(p.err, "a copy of the database can't be made in /proc: "));
    assert_non_null(strstr(p.err, "Nothing ran; the database was only read."));
    assert_null(strstr(p.err, "It ran on a copy"));
    assert_null(strstr(p.out, "Rehearsed on a copy"));
    process_free(&p);
    check_same(&sb, before);
    free(kept);
    sandbox_close(&sb);
}

static void nothing_pending_is_no_fault(enum sandbox_kind kind)
{
    struct sandbox sb;
    sandbox_open(&sb, kind);
    run_has(&sb, "rehearse", 0, "Nothing to rehearse", NULL);
    if (kind == SANDBOX_SQLITE)
        assert_int_not_equal(access(sb.path, F_OK), 0); /* a database is not made for it */
    sandbox_close(&sb);
}

/* A slow statement, so that signals meet it at work. */
static void slow(const struct sandbox *sb)
{
    if (sb->kind == SANDBOX_POSTGRES)
        sandbox_file(sb, "V3__slow.sql", "-- upgrade\nDELETE FROM orders;\nSELECT pg_sleep(60);\n");
    else
        sandbox_file(sb, "V3__slow.sql", "-- upgrade\nDELETE FROM orders;\nWITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO orders (id, state) SELECT i + 10, 'x' FROM n LIMIT 100000000;\n");
}

static void a_signal_ends_it(enum sandbox_kind kind)
{
    static const char *const args[] = { "rehearse", NULL };
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    make(&sb);
    slow(&sb);
    char *before = state_of(&sb);
    sandbox_start(&sb, &p, false, NULL, args);
    process_hear(&p, true, "note: rehearses");
    kill(p.pid, SIGTERM);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGTERM);
    process_free(&p);
    check_same(&sb, before);
    sandbox_close(&sb);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ROUNDS kills at random instants, SEED. */
static void killed_at_any_instant_it_leaves_nothing(enum sandbox_kind kind)
{
    static const char *const args[] = { "rehearse", NULL };
    long rounds = sandbox_setting("ROUNDS", 12), seed = sandbox_setting("SEED", 1);
    struct sandbox sb;
    sandbox_open(&sb, kind);
    make(&sb);
    srand((unsigned)seed);
    int64_t began = now_us();
    run_has(&sb, "rehearse", 0, NULL, NULL);
    int64_t whole = now_us() - began;
    for (long i = 0; i < rounds; i++) {
        struct process p;
        int64_t us = (int64_t)((double)rand() / RAND_MAX * (double)whole);
        struct timespec nap = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
        char *before = state_of(&sb);
        sandbox_start(&sb, &p, false, NULL, args);
        nanosleep(&nap, NULL);
        kill(p.pid, SIGKILL);
        process_wait(&p);
        process_free(&p);
        check_same(&sb, before);
    }
    sandbox_close(&sb);
}

static void whoever_waits_behind_it_ends_it(enum sandbox_kind kind)
{
    static const char *const args[] = { "rehearse", "--lock-timeout", "200ms", NULL };
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        return;
    sandbox_open(&sb, kind);
    make(&sb);
    sandbox_file(&sb, "V3__slow.sql", "-- upgrade\nALTER TABLE orders ADD COLUMN more text;\nSELECT pg_sleep(600);\n");
    char *before = state_of(&sb);
    sandbox_start(&sb, &p, false, NULL, args);
    while (sandbox_number(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%'") == 0)
        continue;
    sandbox_sql(&sb, "SELECT count(*) FROM orders"); /* waits until the rehearsal has made room */
    process_wait(&p);
    assert_int_equal(p.exit, 1);
    assert_non_null(strstr(p.err, " waited behind the rehearsal for "));
    assert_non_null(strstr(p.err, "SELECT count(*) FROM orders"));
    process_free(&p);
    check_same(&sb, before);
    sandbox_close(&sb);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(it_says_what_each_statement_did_and_leaves_nothing),
        RUN_TEST(a_statement_that_fails_is_placed),
        RUN_TEST(transaction_control_is_refused),
        RUN_TEST(a_file_outside_a_transaction_is_passed_over),
        RUN_TEST(a_held_lock_is_respected),
        RUN_TEST(a_wal_is_left_alone),
        RUN_TEST(directives_count),
        RUN_TEST(a_new_value_of_an_enum_is_no_fault),
        RUN_TEST(a_file_is_run_in_a_clean_session),
        RUN_TEST(nothing_pending_is_no_fault),
        RUN_TEST(without_room_for_a_copy),
        RUN_TEST(a_signal_ends_it),
        RUN_TEST(killed_at_any_instant_it_leaves_nothing),
        RUN_TEST(whoever_waits_behind_it_ends_it),
    };
    char folder[] = "/tmp/jetbase-rehearse-XXXXXX";
    if (!mkdtemp(folder))
        return 1;
    setenv("SQLITE_TMPDIR", folder, 1); /* a folder of its own: what is left in it is seen */
    int code = run_group("rehearse", tests, sizeof tests / sizeof tests[0]);
    rmdir(folder);
    return code;
}
