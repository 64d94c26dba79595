/* test_migrate.c: what a run leaves behind when all goes well, when a statement fails, when it is stopped, and when its connection is lost. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/sandbox.h"
#ifdef JETBASE_POSTGRES
#include "support/pg_server.h"
#include "support/proxy.h"
#endif

static const char *const upgrade[] = { "upgrade", NULL };

static void show(const struct process *p)
{
    print_error("exit %d\n%s%s", p->exit, p->out, p->err);
}

static void expect_run(const struct sandbox *sb, const char *const args[], int code, const char *says)
{
    struct process p;
    sandbox_run(sb, &p, args);
    if (p.exit != code || (says && !strstr(p.err, says)))
        show(&p);
    assert_int_equal(p.exit, code);
    if (says)
        assert_non_null(strstr(p.err, says));
    process_free(&p);
}

static int64_t unlocked(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL");
}

static void expect_outcome(const struct sandbox *sb, const char *outcome)
{
    char *text = sandbox_text(sb, "SELECT outcome FROM jetbase_runs ORDER BY acquired_at DESC LIMIT 1");
    assert_string_equal(text, outcome);
    free(text);
}

/* The third of seven statements fails: nothing of that file remains, and its place is named. */
static void third_of_seven(enum sandbox_kind kind)
{
    struct sandbox sb;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 2, 3);
    sandbox_file(&sb, "V3__bad.sql", "-- upgrade\nCREATE TABLE t3 (id INTEGER, total INTEGER);\nCREATE INDEX i3 ON t3 (id);\nUPDATE t3\n   SET id = totl;\n"
                                     "INSERT INTO t3 VALUES (1, 1);\nINSERT INTO t3 VALUES (2, 2);\nINSERT INTO t3 VALUES (3, 3);\nINSERT INTO applied_log VALUES (3);\n");
    expect_run(&sb, upgrade, 1, "V3__bad.sql:5:13: error: ");
    assert_int_equal(sandbox_check_steps(&sb, 3), 2);
    assert_int_equal(unlocked(&sb), 1);
    expect_outcome(&sb, "failed");
    sandbox_close(&sb);
}

/* There and back, with repeatables. */
static void there_and_back(enum sandbox_kind kind)
{
    static const char *const one[] = { "upgrade", "--count", "1", NULL }, *const to[] = { "upgrade", "--to-version", "3", NULL };
    static const char *const back[] = { "rollback", NULL }, *const all_back[] = { "rollback", "--count", "9", NULL };
    struct sandbox sb;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 4, 3);
    sandbox_sql(&sb, "CREATE TABLE always (n INTEGER)");
    sandbox_file(&sb, "RA__always.sql", "INSERT INTO always VALUES (1);\n");
    sandbox_file(&sb, "ROC__seen.sql", "DROP VIEW IF EXISTS seen;\nCREATE VIEW seen AS SELECT 1 AS one;\n");
    expect_run(&sb, one, 0, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 4), 1);
    expect_run(&sb, to, 0, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 4), 3);
    expect_run(&sb, upgrade, 0, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 4), 4);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM always"), 3);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), 6);
    expect_run(&sb, back, 0, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 4), 3);
    sandbox_file(&sb, "ROC__seen.sql", "DROP VIEW IF EXISTS seen;\nCREATE VIEW seen AS SELECT 2 AS one;\n");
    expect_run(&sb, upgrade, 0, NULL);
    assert_int_equal(sandbox_number(&sb, "SELECT one FROM seen"), 2);
    expect_run(&sb, all_back, 0, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 4), 0);
    assert_int_equal(unlocked(&sb), 1);
    sandbox_close(&sb);
}

/* A signal in the middle of a statement: cancelled, rolled back, released, 128 + n. */
static void signalled(enum sandbox_kind kind, int number)
{
    struct sandbox sb;
    struct process p;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 1, 3);
    sandbox_file(&sb, "V2__endless.sql", kind == SANDBOX_SQLITE ? "CREATE TABLE t2 (id INTEGER);\nCREATE INDEX i2 ON t2 (id);\nWITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c;\n"
                                                                 : "CREATE TABLE t2 (id INTEGER);\nCREATE INDEX i2 ON t2 (id);\nSELECT pg_sleep(600);\n");
    /* The second file's head has been answered: V1 is committed, V2 runs. */
    sandbox_start(&sb, &p, true, "head:2=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    kill(p.pid, SIGCONT);
    kill(p.pid, number);
    process_wait(&p);
    if (p.exit != 128 + number)
        show(&p);
    assert_int_equal(p.exit, 128 + number);
    assert_non_null(strstr(p.err, "stopped by a signal"));
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&sb, 2), 1);
    assert_int_equal(unlocked(&sb), 1);
    expect_outcome(&sb, "cancelled");
    sandbox_close(&sb);
}

static void all_signals(enum sandbox_kind kind)
{
    signalled(kind, SIGINT);
    signalled(kind, SIGTERM);
    signalled(kind, SIGHUP);
}

#define ON_BOTH(test)                                                                   \
    static void test##_sqlite(void **state) { (void)state; test(SANDBOX_SQLITE); }     \
    static void test##_postgres(void **state) { (void)state; test(SANDBOX_POSTGRES); }
#define BOTH(test) cmocka_unit_test(test##_sqlite), cmocka_unit_test(test##_postgres)

ON_BOTH(third_of_seven)
ON_BOTH(there_and_back)
ON_BOTH(all_signals)

#ifdef JETBASE_POSTGRES
/* The sandbox's database, reached through a proxy. */
static struct proxy *through_proxy(struct sandbox *sb)
{
    struct proxy *proxy;
    sandbox_open(sb, SANDBOX_POSTGRES);
    proxy = proxy_start(pg_server_port());
    snprintf(sb->variable, sizeof sb->variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(proxy), strrchr(sb->url, '/'));
    return proxy;
}

static void round_trips(void **state)
{
    enum { FILES = 100, LATENCY_MS = 20 };
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb);
    unsigned waits;
    (void)state;
    for (int i = 1; i <= FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "V%d__six.sql", i);
        sandbox_file(&sb, name, "CREATE TABLE s%d (id int);\nINSERT INTO s%d VALUES (1);\nINSERT INTO s%d VALUES (2);\nUPDATE s%d SET id = 3;\nCREATE INDEX s%d_i ON s%d (id);\nDELETE FROM s%d;\n", i, i, i, i, i, i, i);
    }
    proxy_set_latency(proxy, LATENCY_MS);
    expect_run(&sb, upgrade, 0, NULL);
    waits = proxy_waits(proxy);
    print_message("%d migrations of 6 statements: %u waits\n", FILES, waits);
    assert_in_range(waits, FILES, FILES + 1 + 8);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), FILES);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

/* The link is cut at the words: what does the run say, and is it true? */
static void cut(enum proxy_side side, const char *after, const char *words, unsigned nth, int code, const char *says, int applied)
{
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb);
    struct process p;
    sandbox_steps(&sb, 3, 3);
    proxy_cut(proxy, side, after, words, nth);
    sandbox_run(&sb, &p, upgrade);
    if (p.exit != code || (says && !strstr(p.err, says) && !strstr(p.out, says)))
        show(&p);
    assert_int_equal(proxy_cuts(proxy), 1);
    assert_int_equal(p.exit, code);
    if (says && !strstr(p.err, says) && !strstr(p.out, says))
        fail_msg("it does not say: %s", says);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&sb, 3), applied);
    assert_int_equal(unlocked(&sb), 1);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

static void lost_before_commit(void **state)
{
    (void)state;
    cut(PROXY_CLIENT, NULL, "INSERT INTO applied_log VALUES (1)", 1, 6, "the connection was lost in V1__step_1.sql", 0);
}

/* COMMIT of V2, which travels with V3, never reached the server. */
static void lost_commit(void **state)
{
    (void)state;
    cut(PROXY_CLIENT, NULL, "CREATE TABLE t3", 1, 6, "V2__step_2.sql was not committed", 1);
}

/* COMMIT of the last file was made, its answer never came. */
static void lost_answer(void **state)
{
    (void)state;
    cut(PROXY_SERVER, "CREATE TABLE t3", "COMMIT", 2, 0, "V3__step_3.sql was committed", 3);
}

/* The link is cut while the server is still at work: the old session is ended, and gone, before the lock is given back. */
static void lost_with_work_going_on(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb);
    struct process p;
    (void)state;
    sandbox_steps(&sb, 1, 3);
    sandbox_file(&sb, "V2__long.sql", "CREATE TABLE t2 (id int);\nSELECT pg_sleep(120);\n");
    proxy_cut(proxy, PROXY_SERVER, "pg_sleep", "COMMIT", 1);
    sandbox_run(&sb, &p, upgrade);
    if (p.exit != 6)
        show(&p);
    assert_int_equal(p.exit, 6);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)%' AND pid <> pg_backend_pid()"), 0);
    assert_non_null(strstr(p.err, "V1__step_1.sql was committed"));
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&sb, 1), 1);
    assert_int_equal(unlocked(&sb), 1);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

static void lost_release(void **state)
{
    (void)state;
    cut(PROXY_CLIENT, "CREATE TABLE t3", "is_locked = FALSE", 1, 0, NULL, 3);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(third_of_seven), BOTH(there_and_back), BOTH(all_signals),
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(round_trips), cmocka_unit_test(lost_before_commit), cmocka_unit_test(lost_commit), cmocka_unit_test(lost_answer), cmocka_unit_test(lost_release), cmocka_unit_test(lost_with_work_going_on),
#endif
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
