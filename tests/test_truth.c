/* test_truth.c: what a run or an unlock says of lock and database in awkward moments is true: files changed under it, rows changed beside it, answers that get lost. */
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

#include "support/pg_server.h"
#include "support/proxy.h"
#endif
#ifdef JETBASE_SQLITE
#include <sqlite3.h>

#endif

static const char *const if_dead[] = { "unlock", "--if-dead", NULL }, *const lock_status[] = { "lock-status", NULL };
static const char *const upgrade[] = { "upgrade", NULL }, *const unlock[] = { "unlock", NULL };
static const char *const take_over[] = { "upgrade", "--take-over-dead", NULL };

/* Says what was expected of a program that has ended, and frees it. NULL: anything. */
static void expect_said(struct process *p, int code, const char *says, const char *never)
{
    if (p->exit != code || (says && !strstr(p->err, says)) || (never && strstr(p->err, never)))
        print_error("exit %d\n%s%s", p->exit, p->out, p->err);
    assert_int_equal(p->exit, code);
    if (says)
        assert_non_null(strstr(p->err, says));
    if (never)
        assert_null(strstr(p->err, never));
    process_free(p);
}

static void expect_run(const struct sandbox *sb, const char *const args[], int code, const char *says, const char *never)
{
    struct process p;
    sandbox_run(sb, &p, args);
    expect_said(&p, code, says, never);
}

/* Starts a run that stops at the failpoint. */
static void stopped_at(const struct sandbox *sb, struct process *p, const char *failpoint)
{
    sandbox_start(sb, p, true, failpoint, upgrade);
    assert_true(process_wait_stopped(p));
}

static void goes_on(struct process *p, int code, const char *says, const char *never)
{
    kill(p->pid, SIGCONT);
    process_wait(p);
    expect_said(p, code, says, never);
}

static int64_t unlocked(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL");
}

static void open_steps(struct sandbox *sb, enum sandbox_kind kind, int n)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
    sandbox_steps(sb, n, 3);
}

/* The second file is changed while the COMMIT of the first has not been answered: the first is committed all the same, and said to be. */
static void file_changed(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_steps(&sb, kind, 2);
    stopped_at(&sb, &p, "fence:1=stop");
    sandbox_file(&sb, "V2__step_2.sql", "SELECT 1;\n");
    goes_on(&p, 5, "V1__step_1.sql was applied before it and stands", NULL);
    assert_int_equal(sandbox_check_steps(&sb, 1), 1);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}

/* Somebody else records the version between our plan and our record: that is no fault of the file. */
static void version_recorded(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_steps(&sb, kind, 1);
    stopped_at(&sb, &p, "planned=stop");
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('1', 'step 1', 'V1__step_1.sql', 'VERSIONED', 'x')");
    goes_on(&p, 5, "jetbase_migrations", "V1__step_1.sql changes jetbase's own tables");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations");
    assert_int_equal(sandbox_check_steps(&sb, 1), 0);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}

/* Somebody else takes our run row away. */
static void run_row_gone(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_steps(&sb, kind, 1);
    stopped_at(&sb, &p, "planned=stop");
    sandbox_sql(&sb, "DELETE FROM jetbase_runs");
    goes_on(&p, 1, "jetbase_runs", "V1__step_1.sql changes jetbase's own tables");
    assert_int_equal(sandbox_check_steps(&sb, 1), 0);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}

/* Somebody else, long before, has put something on jetbase_migrations that refuses the record: that is not laid at the file's door. */
static void tables_changed_before(enum sandbox_kind kind)
{
    static const char accuses[] = "V2__more.sql changes jetbase's own tables";
    struct sandbox sb;
    open_steps(&sb, kind, 1);
    expect_run(&sb, upgrade, 0, NULL, NULL);
    sandbox_sql(&sb, kind == SANDBOX_SQLITE ? "CREATE TRIGGER frozen BEFORE INSERT ON jetbase_migrations BEGIN SELECT RAISE(ABORT, 'frozen'); END"
                                             : "ALTER TABLE jetbase_migrations ADD COLUMN frozen int CHECK (frozen > 0) NOT NULL DEFAULT 1; ALTER TABLE jetbase_migrations ALTER COLUMN frozen DROP DEFAULT");
    sandbox_file(&sb, "V2__more.sql", "CREATE TABLE more (id INTEGER);\n");
    expect_run(&sb, upgrade, 1, "somebody before it", accuses);
    expect_run(&sb, upgrade, 1, "frozen", accuses);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}

/* The record fails for another reason: no room in the file, a transaction that was made READ ONLY. */
static void not_recorded(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_steps(&sb, kind, 0);
    for (int i = 1; i <= 12; i++) {
        char name[220];
        snprintf(name, sizeof name, "V%d__%0190d.sql", i, i);
        /* The file may not grow: one of them, with its long name, no longer fits. */
        sandbox_file(&sb, name, kind == SANDBOX_SQLITE ? "PRAGMA max_page_count = 1;\n" : "SET transaction_read_only = on;\n");
    }
    sandbox_run(&sb, &p, upgrade);
    if (p.exit != 1 || !strstr(p.err, kind == SANDBOX_SQLITE ? "the disk is full, or the database has reached its size limit" : "READ ONLY") || strstr(p.err, "own tables"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}

/* Stopped after somebody unlocked it and another run took the lock: it must not say that the lock is released. */
static void stopped_without_lock(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process first, second;
    open_steps(&sb, kind, 2);
    stopped_at(&sb, &first, "planned=stop");
    expect_run(&sb, unlock, 0, NULL, NULL);
    stopped_at(&sb, &second, "locked=stop");
    kill(first.pid, SIGTERM);
    goes_on(&first, 128 + SIGTERM, "stopped by a signal", "The lock is released");
    assert_int_equal(unlocked(&sb), 0);
    goes_on(&second, 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 2), 2);
    sandbox_close(&sb);
}

/* Nothing is pending, but a dead run has the lock: it stays, and that is said. */
static void dead_and_nothing_pending(enum sandbox_kind kind)
{
    char path[300];
    struct sandbox sb;
    struct process p;
    open_steps(&sb, kind, 1);
    expect_run(&sb, upgrade, 0, NULL, NULL);
    snprintf(path, sizeof path, "%s/migrations/V2__more.sql", sb.dir);
    sandbox_file(&sb, "V2__more.sql", "CREATE TABLE more (id INTEGER);\n");
    sandbox_start(&sb, &p, true, "locked=kill", upgrade);
    process_wait(&p);
    process_free(&p);
    assert_int_equal(unlink(path), 0);
    sandbox_run(&sb, &p, take_over);
    assert_non_null(strstr(p.out, "jetbase unlock --if-dead") ? p.out : strstr(p.err, "jetbase unlock --if-dead"));
    expect_said(&p, 0, NULL, NULL);
    assert_int_equal(unlocked(&sb), 0);
    sandbox_close(&sb);
}

/* A run dies at a file that another run had applied before this one took the lock: that the file "is not applied" is not said. */
static void dead_at_an_applied_file(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_steps(&sb, kind, 1);
    sandbox_start(&sb, &p, true, "locked=kill", upgrade);
    process_wait(&p);
    process_free(&p);
    sandbox_sql(&sb, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('1', 'step 1', 'V1__step_1.sql', 'VERSIONED', 'x')");
    do { /* the killed run's session goes a moment later */
        sandbox_run(&sb, &p, lock_status);
        if (strstr(p.out, "Verdict: DEAD"))
            break;
        process_free(&p);
    } while (true);
    if (strstr(p.out, "V1__step_1.sql is not applied") || !strstr(p.out, "V1__step_1.sql was not applied by it"))
        print_error("%s", p.out);
    assert_null(strstr(p.out, "V1__step_1.sql is not applied"));
    assert_non_null(strstr(p.out, "V1__step_1.sql was not applied by it"));
    expect_said(&p, 0, NULL, NULL);
    sandbox_close(&sb);
}

#define ON_BOTH(test)                                                                   \
    static void test##_sqlite(void **state) { (void)state; test(SANDBOX_SQLITE); }     \
    static void test##_postgres(void **state) { (void)state; test(SANDBOX_POSTGRES); }
#define BOTH(test) cmocka_unit_test(test##_sqlite), cmocka_unit_test(test##_postgres)

ON_BOTH(file_changed)
ON_BOTH(version_recorded)
ON_BOTH(run_row_gone)
ON_BOTH(tables_changed_before)
ON_BOTH(not_recorded)
ON_BOTH(stopped_without_lock)
ON_BOTH(dead_and_nothing_pending)
ON_BOTH(dead_at_an_applied_file)

#ifdef JETBASE_SQLITE
/* Another program writes to the file while the lock of a dead run is to be opened or taken over. */
static void busy_beside_the_dead(void **state)
{
    struct sandbox sb;
    struct process p;
    sqlite3 *other = NULL;
    (void)state;
    open_steps(&sb, SANDBOX_SQLITE, 1);
    sandbox_start(&sb, &p, true, "locked=kill", upgrade);
    process_wait(&p);
    process_free(&p);
    assert_int_equal(sqlite3_open(sb.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    expect_run(&sb, if_dead, 3, "not changed", "the holder is at its commit");
    expect_run(&sb, if_dead, 3, "not changed", "has the database for itself");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    expect_run(&sb, take_over, 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 1), 1);
    sandbox_close(&sb);
}

/* A statement that runs out of its time was not stopped by anybody. */
static void timed_out(void **state)
{
    static const char *const args[] = { "upgrade", "--statement-timeout", "100ms", NULL };
    struct sandbox sb;
    char *outcome;
    (void)state;
    open_steps(&sb, SANDBOX_SQLITE, 1);
    sandbox_file(&sb, "V2__endless.sql", "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c;\n");
    expect_run(&sb, args, 1, "statement timeout", "stopped by a");
    outcome = sandbox_text(&sb, "SELECT outcome FROM jetbase_runs");
    assert_string_equal(outcome, "failed");
    free(outcome);
    sandbox_close(&sb);
}
#endif

#ifdef JETBASE_POSTGRES
static struct proxy *through_proxy(struct sandbox *sb, int n)
{
    struct proxy *proxy;
    open_steps(sb, SANDBOX_POSTGRES, n);
    proxy = proxy_start(pg_server_port());
    snprintf(sb->variable, sizeof sb->variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(proxy), strrchr(sb->url, '/'));
    return proxy;
}

/* The lock was taken, the answer got lost: it is given back. */
static void lost_acquire(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb, 1);
    (void)state;
    proxy_cut(proxy, PROXY_SERVER, "is_locked = TRUE", "COMMIT", 1);
    expect_run(&sb, upgrade, 6, "while the lock was taken", NULL);
    assert_int_equal(proxy_cuts(proxy), 1);
    assert_int_equal(sandbox_check_steps(&sb, 1), 0);
    assert_int_equal(unlocked(&sb), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'failed'"), 1);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

/* The lock was opened, the answer got lost. */
static void lost_unlock(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb, 1);
    (void)state;
    expect_run(&sb, upgrade, 0, NULL, NULL);
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = '7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1'");
    proxy_cut(proxy, PROXY_SERVER, "is_locked = FALSE", "COMMIT", 1);
    expect_run(&sb, unlock, 0, "the answer to the unlock was lost; the lock is free now", NULL);
    assert_int_equal(proxy_cuts(proxy), 1);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

/* Asked to stop, and then the link is cut: the lock is given back all the same. */
static void stopped_and_cut(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb, 2);
    struct process p;
    (void)state;
    stopped_at(&sb, &p, "fence:1=stop");
    proxy_cut(proxy, PROXY_CLIENT, NULL, "ROLLBACK", 1);
    kill(p.pid, SIGTERM);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    expect_said(&p, 6, "Nothing was applied in this run", NULL);
    assert_int_equal(proxy_cuts(proxy), 1);
    assert_int_equal(sandbox_check_steps(&sb, 2), 0);
    assert_int_equal(unlocked(&sb), 1);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

/* Somebody proves the death of a run, and is kept from ending that at once: to a third one the dead run looks dead meanwhile, not alive. */
static void dead_while_it_is_proven(void **state)
{
    struct sandbox sb;
    struct process p, looker;
    PGconn *other;
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 1);
    sandbox_start(&sb, &p, true, "locked=kill", upgrade);
    process_wait(&p);
    process_free(&p);
    while (sandbox_number(&sb, "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND l.locktype = 'advisory'") > 0)
        continue;
    other = PQconnectdb(sb.conninfo);
    assert_int_equal(PQstatus(other), CONNECTION_OK);
    PQclear(PQexec(other, "BEGIN; SELECT 1 FROM jetbase_runs FOR UPDATE"));
    sandbox_start(&sb, &p, false, NULL, if_dead);
    while (sandbox_number(&sb, "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND l.locktype = 'advisory'") == 0)
        continue;
    sandbox_run(&sb, &looker, lock_status);
    if (!strstr(looker.out, "Verdict: DEAD"))
        print_error("%s", looker.out);
    assert_non_null(strstr(looker.out, "Verdict: DEAD"));
    process_free(&looker);
    PQfinish(other);
    process_wait(&p); /* it has unlocked, or had waited too long */
    process_free(&p);
    expect_run(&sb, if_dead, 0, NULL, NULL);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}

/* The lock is free, but another transaction keeps its row: nobody "held" the lock. */
static void row_kept(void **state)
{
    struct sandbox sb;
    PGconn *other;
    (void)state;
    open_steps(&sb, SANDBOX_POSTGRES, 1);
    expect_run(&sb, upgrade, 0, NULL, NULL);
    sandbox_file(&sb, "V2__more.sql", "CREATE TABLE more (id INTEGER);\n");
    other = PQconnectdb(sb.conninfo);
    assert_int_equal(PQstatus(other), CONNECTION_OK);
    PQclear(PQexec(other, "BEGIN; SELECT 1 FROM jetbase_lock FOR UPDATE"));
    expect_run(&sb, upgrade, 3, "kept its row", "It was held when");
    PQfinish(other);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(file_changed), BOTH(version_recorded), BOTH(run_row_gone), BOTH(tables_changed_before), BOTH(not_recorded), BOTH(stopped_without_lock), BOTH(dead_and_nothing_pending), BOTH(dead_at_an_applied_file),
#ifdef JETBASE_SQLITE
        cmocka_unit_test(busy_beside_the_dead), cmocka_unit_test(timed_out),
#endif
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(lost_acquire), cmocka_unit_test(lost_unlock), cmocka_unit_test(stopped_and_cut), cmocka_unit_test(row_kept), cmocka_unit_test(dead_while_it_is_proven),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("truth", tests, NULL, NULL);
}
