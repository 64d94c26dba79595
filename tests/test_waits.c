/* test_waits.c: what a run does while somebody else keeps its tables, or the file, locked: it waits for a bounded time, says who it is, and a signal ends the waiting. */
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

#include "support/sandbox.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif
#ifdef JETBASE_SQLITE
#include <sqlite3.h>
#endif

static const char *const upgrade[] = { "upgrade", NULL };

static void open_steps(struct sandbox *sb, enum sandbox_kind kind, int n)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
    sandbox_steps(sb, n, 3);
}

static void stopped_at(const struct sandbox *sb, struct process *p, const char *failpoint)
{
    sandbox_start(sb, p, true, failpoint, upgrade);
    assert_true(process_wait_stopped(p));
}

/* Waits for the program's end: exit code, what it says, and that it left the lock free. */
static void ends(const struct sandbox *sb, struct process *p, int code, const char *says)
{
    process_wait(p);
    if (p->exit != code || !strstr(p->err, says))
        print_error("exit %d\n%s%s", p->exit, p->out, p->err);
    assert_int_equal(p->exit, code);
    assert_non_null(strstr(p->err, says));
    process_free(p);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
}

static void upgrades(const struct sandbox *sb, int n)
{
    assert_int_equal(sandbox_run(sb, NULL, upgrade), 0);
    assert_int_equal(sandbox_check_steps(sb, n), n);
}

#ifdef JETBASE_POSTGRES
/* Somebody who keeps a table whole in an open transaction. */
static PGconn *keep_in(const struct sandbox *sb, const char *table, const char *mode)
{
    char sql[200];
    PGconn *conn = PQconnectdb(sb->conninfo);
    snprintf(sql, sizeof sql, "SET application_name = 'nightly'; BEGIN; LOCK TABLE %s IN %s MODE", table, mode);
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        print_error("%s", PQerrorMessage(conn));
    assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
    PQclear(res);
    return conn;
}

static PGconn *keep(const struct sandbox *sb, const char *table)
{
    return keep_in(sb, table, "ACCESS EXCLUSIVE");
}

/* Who keeps it, in the run's words. */
static const char *kept_by(PGconn *conn, const char *table, char to[200])
{
    snprintf(to, 200, "session %d (postgres, nightly, idle in transaction) keeps %s locked", PQbackendPID(conn), table);
    return to;
}

static void until_it_waits(const struct sandbox *sb)
{
    while (sandbox_number(sb, "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted") == 0)
        continue;
}

/* The history is locked whole when the run, holding the lock, plans again. */
static void kept_under_the_lock(void **state)
{
    struct sandbox sb;
    struct process p;
    char who[200];
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 2);
    stopped_at(&sb, &p, "locked=stop");
    PGconn *conn = keep(&sb, "jetbase_migrations");
    kill(p.pid, SIGCONT);
    ends(&sb, &p, 3, kept_by(conn, "jetbase_migrations", who));
    PQfinish(conn);
    assert_int_equal(sandbox_check_steps(&sb, 2), 0);
    upgrades(&sb, 2);
    sandbox_close(&sb);
}

/* jetbase_runs can be read and not written when the run, holding the lock, notes there that another file than the planned one comes first; it is let go when the lock is given back. */
static void kept_when_it_notes_the_file(void **state)
{
    static const char *const one[] = { "upgrade", "--count", "1", NULL }, *const back[] = { "rollback", NULL };
    struct sandbox sb;
    struct process p;
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 2);
    assert_int_equal(sandbox_run(&sb, NULL, one), 0);
    sandbox_sql(&sb, "CREATE TABLE kept AS SELECT version, description, filename, migration_type, checksum FROM jetbase_migrations");
    assert_int_equal(sandbox_run(&sb, NULL, back), 0);
    stopped_at(&sb, &p, "locked=stop");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) SELECT * FROM kept");
    PGconn *conn = keep_in(&sb, "jetbase_runs", "EXCLUSIVE");
    kill(p.pid, SIGCONT);
    while (sandbox_number(&sb, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%released_at%'") == 0)
        continue;
    PQfinish(conn);
    ends(&sb, &p, 3, "the run could not be noted in jetbase_runs");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations");
    assert_int_equal(sandbox_check_steps(&sb, 2), 0);
    sandbox_close(&sb);
}

/* Each of our tables is locked whole before the run begins. */
static void kept_before(void **state)
{
    static const char *const tables[] = { "jetbase_migrations", "jetbase_lock", "jetbase_runs" };
    struct sandbox sb;
    struct process p;
    char who[200];
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 2);
    upgrades(&sb, 2);
    sandbox_file(&sb, "V3__last.sql", "SELECT 1;\n");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        PGconn *conn = keep(&sb, tables[i]);
        sandbox_start(&sb, &p, false, NULL, upgrade);
        process_wait(&p);
        if (p.exit != 3 || !strstr(p.err, kept_by(conn, tables[i], who)) || !strstr(p.err, "No migration was run."))
            fail_msg("%s: exit %d\n%s%s", tables[i], p.exit, p.out, p.err);
        process_free(&p);
        PQfinish(conn);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked"), 1);
    }
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    sandbox_close(&sb);
}

/* A command that only looks says it too. */
static void kept_from_looking(void **state)
{
    static const char *const lock_status[] = { "lock-status", NULL }, *const status[] = { "status", NULL };
    struct sandbox sb;
    struct process looks, reads;
    char who[200];
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 1);
    upgrades(&sb, 1);
    PGconn *lock = keep(&sb, "jetbase_lock");
    PGconn *history = keep(&sb, "jetbase_migrations");
    sandbox_start(&sb, &looks, false, NULL, lock_status);
    process_wait(&looks);
    if (looks.exit != 1 || !strstr(looks.err, kept_by(lock, "jetbase_lock", who)) || looks.out[0])
        fail_msg("exit %d\n%s%s", looks.exit, looks.out, looks.err);
    process_free(&looks);
    PQfinish(lock);
    sandbox_start(&sb, &reads, false, NULL, status);
    process_wait(&reads);
    if (reads.exit != 1 || !strstr(reads.err, kept_by(history, "jetbase_migrations", who)))
        fail_msg("exit %d\n%s%s", reads.exit, reads.out, reads.err);
    process_free(&reads);
    PQfinish(history);
    sandbox_close(&sb);
}

/* A signal while the run waits for the history: under the lock, and before it. */
static void signal_ends_the_wait(void **state)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    struct sandbox sb;
    struct process p;
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 1);
    for (size_t i = 0; i < 2; i++) {
        stopped_at(&sb, &p, "locked=stop");
        PGconn *conn = keep(&sb, "jetbase_migrations");
        kill(p.pid, SIGCONT);
        until_it_waits(&sb);
        kill(p.pid, numbers[i]);
        ends(&sb, &p, 128 + numbers[i], "stopped by a signal");
        sandbox_start(&sb, &p, false, NULL, upgrade);
        until_it_waits(&sb);
        kill(p.pid, numbers[i]);
        ends(&sb, &p, 128 + numbers[i], "stopped by a signal");
        PQfinish(conn);
        assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome IS DISTINCT FROM 'cancelled'"), 0);
    }
    upgrades(&sb, 1);
    sandbox_close(&sb);
}

/* How long a file's own statements wait is the server's or the person's to say, in the first file and in those behind a reset. */
static void files_keep_their_timeouts(void **state)
{
    static const char *const own[] = { "upgrade", "--lock-timeout", "3s", NULL };
    struct sandbox sb;
    char *name;
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 0);
    name = sandbox_text(&sb, "SELECT 'ALTER DATABASE ' || current_database() || ' SET lock_timeout = ''7s'''");
    sandbox_sql(&sb, name);
    free(name);
    for (int i = 1; i <= 2; i++) {
        char file[40];
        snprintf(file, sizeof file, "V%d__timeout.sql", i);
        sandbox_file(&sb, file, "INSERT INTO applied_log SELECT 1 / (current_setting('lock_timeout') = '7s')::int;\n");
    }
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    for (int i = 3; i <= 4; i++) {
        char file[40];
        snprintf(file, sizeof file, "V%d__timeout.sql", i);
        sandbox_file(&sb, file, "INSERT INTO applied_log SELECT 1 / (current_setting('lock_timeout') = '3s')::int;\n");
    }
    assert_int_equal(sandbox_run(&sb, NULL, own), 0);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM applied_log"), 4);
    sandbox_close(&sb);
}
#endif

#ifdef JETBASE_SQLITE
/* Somebody who writes in an open transaction. */
static sqlite3 *begin(const struct sandbox *sb, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(sb->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

/* A signal while another program writes: the tables are to be made, or the lock is to be taken. */
static void signal_beside_a_writer(void **state)
{
    static const char *const places[] = { "tables=stop", "before-lock=stop" };
    struct sandbox sb;
    struct process p;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        open_steps(&sb, SANDBOX_SQLITE, 1);
        stopped_at(&sb, &p, places[i]);
        sqlite3 *db = begin(&sb, "BEGIN IMMEDIATE");
        kill(p.pid, SIGTERM);
        kill(p.pid, SIGCONT);
        process_wait(&p);
        if (p.exit != 128 + SIGTERM || !strstr(p.err, "stopped by a signal") || !strstr(p.err, "No migration was run."))
            fail_msg("%s: exit %d\n%s%s", places[i], p.exit, p.out, p.err);
        process_free(&p);
        sqlite3_close(db);
        upgrades(&sb, 1);
        sandbox_close(&sb);
    }
}

/* Without a signal the writer is named. */
static void writer_is_named(void **state)
{
    struct sandbox sb;
    struct process p;
    char who[60];
    (void)state;
    open_steps(&sb, SANDBOX_SQLITE, 1);
    sqlite3 *db = begin(&sb, "BEGIN IMMEDIATE");
    snprintf(who, sizeof who, "process %d (", (int)getpid());
    sandbox_start(&sb, &p, false, NULL, upgrade);
    process_wait(&p);
    if (p.exit != 3 || !strstr(p.err, who))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    sqlite3_close(db);
    upgrades(&sb, 1);
    sandbox_close(&sb);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(kept_under_the_lock), cmocka_unit_test(kept_before), cmocka_unit_test(kept_when_it_notes_the_file), cmocka_unit_test(kept_from_looking), cmocka_unit_test(signal_ends_the_wait), cmocka_unit_test(files_keep_their_timeouts),
#endif
#ifdef JETBASE_SQLITE
        cmocka_unit_test(signal_beside_a_writer), cmocka_unit_test(writer_is_named),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("waits", tests, NULL, NULL);
}
