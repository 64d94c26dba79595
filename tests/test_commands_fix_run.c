/* test_commands_fix_run.c: a repair is worked out under the lock, whole and fenced, or not made at all: unlocked, stopped, killed, cut off and meddled with. */
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

#include "support/mend.h"
#ifdef JETBASE_POSTGRES
#include "support/pg_server.h"
#include "support/proxy.h"
#endif

/* Runs `jetbase ARGS` to the failpoint, does `meanwhile`, lets it go on. */
static void held_at(const struct sandbox *sb, struct process *p, const char *failpoint, void (*meanwhile)(const struct sandbox *sb, pid_t pid))
{
    static const char *const fix[] = { "fix", NULL };
    sandbox_start(sb, p, true, failpoint, fix);
    assert_true(process_wait_stopped(p));
    meanwhile(sb, p->pid);
    kill(p->pid, SIGCONT);
    process_wait(p);
}

static void unlock_it(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    run_has(sb, "unlock", 0, "Unlock successful.\n", "its repair of history");
}

static void unlocked(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    mend_open(&sb, kind);
    char *before = mend_history(&sb);
    mend_change_first(&sb);
    mend_remove(&sb, "V2__items.sql");
    held_at(&sb, &p, "planned=stop", unlock_it);
    if (p.exit != 4 || !strstr(p.err, "error: the lock was lost: somebody unlocked it while the repair of history ran") || !strstr(p.err, "Nothing was repaired"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    assert_string_equal(p.out, "");
    process_free(&p);
    mend_unchanged(&sb, before);
    assert_int_equal(mend_runs(&sb, "fix", "lost"), 1);
    run_has(&sb, "fix", 0, MEND_COMPLETED, "");
    sandbox_close(&sb);
}

static void change_tenth(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    sandbox_file(sb, "V10__orders.sql", "CREATE TABLE orders (id BIGINT);\n");
    sandbox_file(sb, "V1__users.sql", "CREATE TABLE users (id INTEGER);\n");
}

static void bring_all_back(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    sandbox_file(sb, "V10__orders.sql", "CREATE TABLE orders (id BIGINT);\n");
}

/* What is repaired is what is found under the lock. */
static void looked_again(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    mend_open(&sb, kind);
    mend_change_first(&sb);
    held_at(&sb, &p, "locked=stop", change_tenth);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out, MEND_NO_FILES_MISSING "Repaired checksum for version: 10\nSuccessfully repaired checksums\n" MEND_COMPLETED);
    process_free(&p);
    sandbox_file(&sb, "V10__orders.sql", "CREATE TABLE orders (id INTEGER);\n");
    char *before = mend_history(&sb);
    held_at(&sb, &p, "locked=stop", bring_all_back);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out, MEND_NO_FILES_MISSING MEND_VALID MEND_COMPLETED);
    process_free(&p);
    mend_unchanged(&sb, before);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

static void end_it(const struct sandbox *sb, pid_t pid)
{
    (void)sb;
    kill(pid, SIGTERM);
}

static void stopped(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    mend_open(&sb, kind);
    char *before = mend_history(&sb);
    mend_change_first(&sb);
    held_at(&sb, &p, "fence=stop", end_it);
    if (p.exit != 128 + SIGTERM || !strstr(p.err, "error: stopped by a signal") || !strstr(p.err, "Nothing was repaired"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    mend_unchanged(&sb, before);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    assert_int_equal(mend_runs(&sb, "fix", "cancelled"), 1);
    sandbox_close(&sb);
}

/* A server ends the session of a killed client a moment later. */
static void await_dead(const struct sandbox *sb)
{
    struct process p;
    int code = 1;
    for (int i = 0; i < 1000 && code != 0; i++) {
        code = run_line(sb, &p, "unlock --if-dead");
        process_free(&p);
    }
    assert_int_equal(code, 0);
}

/* A holder that died in a repair: all of it or nothing, and its lock is a dead one's. */
static void killed(enum sandbox_kind kind)
{
    static const char *const places[] = { "locked=kill", "planned=kill", "head=kill", "fence=kill" };
    static const char *const fix[] = { "fix", NULL };
    struct sandbox sb;
    struct process p;
    mend_open(&sb, kind);
    char *before = mend_history(&sb);
    mend_change_first(&sb);
    mend_remove(&sb, "V2__items.sql");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        sandbox_start(&sb, &p, true, places[i], fix);
        process_wait(&p);
        process_free(&p);
        char *now = mend_history(&sb);
        assert_string_equal(now, before);
        free(now);
        run_has(&sb, "fix", 3, "", MEND_HELD);
        await_dead(&sb);
    }
    free(before);
    sandbox_start(&sb, &p, true, "released=kill", fix);
    process_wait(&p);
    process_free(&p);
    run_says(&sb, "fix", 0, MEND_NO_FILES_MISSING MEND_VALID MEND_COMPLETED, "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

static void take_row(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    sandbox_sql(sb, "DELETE FROM jetbase_migrations WHERE version = '1'");
}

static void take_run(const struct sandbox *sb, pid_t pid)
{
    (void)pid;
    sandbox_sql(sb, "DELETE FROM jetbase_runs WHERE command = 'fix'");
}

/* Somebody else changes the tables between the look under the lock and the records: no part of the repair stands. */
static void meddled(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    mend_open(&sb, kind);
    mend_change_first(&sb);
    mend_remove(&sb, "V2__items.sql");
    char *before = mend_history(&sb);
    held_at(&sb, &p, "planned=stop", take_run);
    if (p.exit != 1 || !strstr(p.err, "jetbase_runs") || !strstr(p.err, "Nothing was repaired"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    mend_unchanged(&sb, before);
    held_at(&sb, &p, "planned=stop", take_row);
    if (p.exit != 5 || !strstr(p.err, "jetbase_migrations") || !strstr(p.err, "Nothing was repaired"))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version = '2'"), 1);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    assert_int_equal(mend_runs(&sb, "fix", "failed"), 1);
    sandbox_close(&sb);
}

#ifdef JETBASE_POSTGRES
/* The link is cut at the COMMIT of the repair: before it reached the server, or after. What is said is what became of it. */
static void cut_at_commit(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct proxy *proxy;
    if (kind != SANDBOX_POSTGRES)
        return;
    mend_open(&sb, kind);
    mend_change_first(&sb);
    char *before = mend_history(&sb);
    proxy = proxy_start(pg_server_port());
    snprintf(sb.variable, sizeof sb.variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(proxy), strrchr(sb.url, '/'));
    proxy_cut(proxy, PROXY_CLIENT, "SET checksum", "COMMIT", 1);
    run_has(&sb, "fix", 6, MEND_NO_FILES_MISSING, "error: the connection was lost in the repair of history");
    assert_int_equal(proxy_cuts(proxy), 1);
    mend_unchanged(&sb, before);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    proxy_cut(proxy, PROXY_SERVER, "SET checksum", "COMMIT", 1);
    run_has(&sb, "fix", 0, MEND_NO_FILES_MISSING "Repaired checksum for version: 1\nSuccessfully repaired checksums\n" MEND_COMPLETED, "the repair of history was committed before the connection was lost");
    assert_int_equal(proxy_cuts(proxy), 2);
    run_says(&sb, "fix", 0, MEND_NO_FILES_MISSING MEND_VALID MEND_COMPLETED, "");
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    assert_int_equal(mend_runs(&sb, "fix", "ok"), 1);
    proxy_stop(proxy);
    sandbox_close(&sb);
}
#endif

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(unlocked), RUN_TEST(looked_again), RUN_TEST(stopped), RUN_TEST(killed), RUN_TEST(meddled),
#ifdef JETBASE_POSTGRES
        RUN_TEST(cut_at_commit),
#endif
    };
    return run_group("commands_fix_run", tests, sizeof tests / sizeof *tests);
}
