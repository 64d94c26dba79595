/* test_no_runs.c: a run that may not make jetbase_runs loses the answer to a COMMIT: history alone tells what became of it, and where it can't, that is said. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pg_server.h"
#include "support/proxy.h"
#include "support/run.h"

/* A role with a schema of its own and rights to jetbase_lock and jetbase_migrations, which the superuser has made; jetbase_runs is not there. */
static struct proxy *open_project(struct sandbox *sb)
{
    struct proxy *proxy;
    if (!sandbox_has(SANDBOX_POSTGRES))
        skip();
    sandbox_open(sb, SANDBOX_POSTGRES);
    sandbox_file(sb, "V0__start.sql", "SELECT 1;\n");
    run_has(sb, "upgrade", 0, "V0__start.sql", "");
    sandbox_sql(sb, "DO $$BEGIN CREATE ROLE runless LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$");
    sandbox_sql(sb, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    sandbox_sql(sb, "CREATE SCHEMA own AUTHORIZATION runless");
    sandbox_sql(sb, "DROP TABLE jetbase_runs");
    sandbox_sql(sb, "GRANT SELECT, INSERT, UPDATE, DELETE ON jetbase_lock, jetbase_migrations TO runless");
    proxy = proxy_start(pg_server_port());
    snprintf(sb->variable, sizeof sb->variable, "JETBASE_SQLALCHEMY_URL=postgresql://runless@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(proxy), strrchr(sb->url, '/'));
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE own.first (id INTEGER);\n-- rollback\nDROP TABLE own.first;\n");
    return proxy;
}

static void close_project(struct sandbox *sb, struct proxy *proxy)
{
    proxy_stop(proxy);
    sandbox_close(sb);
}

static bool there(const struct sandbox *sb, const char *table)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_tables WHERE schemaname = 'own' AND tablename = '%s'", table);
    return sandbox_number(sb, sql) == 1;
}

static bool is_free(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL") == 1;
}

static void expect(struct process *p, struct proxy *proxy, const char *command, int code, const char *says)
{
    if (p->exit != code || !strstr(p->err, says)) {
        fprintf(stderr, "%s%s", p->out, p->err);
        fail_msg("jetbase %s: exit %d, wanted %d and \"%s\"", command, p->exit, code, says);
    }
    process_free(p);
    assert_int_equal(proxy_cuts(proxy), 1);
}

/* Runs it; the link is cut at the server's answer to the first COMMIT after the client has said `after`. */
static void answer_lost(const struct sandbox *sb, struct proxy *proxy, const char *after, const char *command, int code, const char *says)
{
    struct process p;
    proxy_cut(proxy, PROXY_SERVER, after, "COMMIT", 1);
    run_line(sb, &p, command);
    expect(&p, proxy, command, code, says);
}

/* Runs it up to that fence; the link is cut at the COMMIT after it, as the client sends it or at the answer. */
static void cut_after(const struct sandbox *sb, struct proxy *proxy, const char *fence, enum proxy_side side, const char *command, struct process *p)
{
    const char *const args[] = { command, NULL };
    sandbox_start(sb, p, true, fence, args);
    assert_true(process_wait_stopped(p));
    proxy_cut(proxy, side, NULL, "COMMIT", 1);
    kill(p->pid, SIGCONT);
    process_wait(p);
}

static void commit_lost(const struct sandbox *sb, struct proxy *proxy, const char *command, int code, const char *says)
{
    struct process p;
    cut_after(sb, proxy, "fence=stop", PROXY_CLIENT, command, &p);
    expect(&p, proxy, command, code, says);
}

static void upgrade_committed(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = open_project(&sb);
    (void)state;
    answer_lost(&sb, proxy, "own.first", "upgrade", 0, "V1__first.sql was committed before the connection was lost");
    assert_true(there(&sb, "first") && is_free(&sb));
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version = '1'"), 1);
    close_project(&sb, proxy);
}

static void upgrade_not_committed(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = open_project(&sb);
    (void)state;
    commit_lost(&sb, proxy, "upgrade", 6, "V1__first.sql was not committed: nothing of it remains");
    assert_true(!there(&sb, "first") && is_free(&sb));
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V1__first.sql", NULL);
    close_project(&sb, proxy);
}

static void rollback_committed(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = open_project(&sb);
    (void)state;
    run_has(&sb, "upgrade", 0, NULL, NULL);
    answer_lost(&sb, proxy, "DROP TABLE own.first", "rollback", 0, "the rollback of V1__first.sql was committed before the connection was lost");
    assert_true(!there(&sb, "first") && is_free(&sb));
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version = '1'"), 0);
    close_project(&sb, proxy);
}

static void rollback_not_committed(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = open_project(&sb);
    (void)state;
    run_has(&sb, "upgrade", 0, NULL, NULL);
    commit_lost(&sb, proxy, "rollback", 6, "the rollback of V1__first.sql was not committed: nothing of it remains");
    assert_true(there(&sb, "first") && is_free(&sb));
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations WHERE version = '1'"), 1);
    close_project(&sb, proxy);
}

/* A repeatable file leaves the same row each time: nothing tells. What was applied before it is known. */
static void repeatable_unknown(void **state)
{
    static const char unknown[] = "the connection was lost at the COMMIT of RA__again.sql; whether it was committed is not known";
    struct sandbox sb;
    struct process p;
    struct proxy *proxy = open_project(&sb);
    (void)state;
    sandbox_file(&sb, "RA__again.sql", "CREATE OR REPLACE VIEW own.again AS SELECT 1 AS one;\n");
    cut_after(&sb, proxy, "fence:2=stop", PROXY_SERVER, "upgrade", &p);
    if (!strstr(p.err, "V1__first.sql was applied before it and stands.") || !strstr(p.err, "DETAIL: history has one row of RA__again.sql, whether it was applied once or again") || !strstr(p.err, "The lock may still name process ID ") || strstr(p.err, "The lock is released"))
        fputs(p.err, stderr), fail();
    expect(&p, proxy, "upgrade", 1, unknown);
    run_has(&sb, "lock-status", 0, "Status: LOCKED", "");
    run_has(&sb, "unlock", 0, "Unlock successful.", NULL);
    run_has(&sb, "upgrade", 0, "RA__again.sql", NULL);
    close_project(&sb, proxy);
}

/* V1 is another file than the one that was applied. */
static struct proxy *open_changed(struct sandbox *sb)
{
    struct proxy *proxy = open_project(sb);
    run_has(sb, "upgrade", 0, NULL, NULL);
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE own.first (id BIGINT);\n");
    return proxy;
}

static void repair_committed(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = open_changed(&sb);
    (void)state;
    answer_lost(&sb, proxy, "SET checksum", "fix", 0, "the repair of history was committed before the connection was lost");
    assert_true(is_free(&sb));
    run_has(&sb, "validate-checksums", 0, "All migration checksums are valid", "");
    close_project(&sb, proxy);
}

static void repair_not_committed(void **state)
{
    struct sandbox sb;
    struct proxy *proxy = open_changed(&sb);
    (void)state;
    commit_lost(&sb, proxy, "fix", 6, "the repair of history was not committed: nothing of it remains");
    assert_true(is_free(&sb));
    run_has(&sb, "validate-checksums", 0, "Changes detected", "");
    run_has(&sb, "fix", 0, "Repaired checksum for version: 1", NULL);
    close_project(&sb, proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrade_committed), cmocka_unit_test(upgrade_not_committed), cmocka_unit_test(rollback_committed), cmocka_unit_test(rollback_not_committed), cmocka_unit_test(repeatable_unknown), cmocka_unit_test(repair_committed), cmocka_unit_test(repair_not_committed),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("no_runs", tests, NULL, NULL);
}
