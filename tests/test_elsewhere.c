/* test_elsewhere.c: the lock looked at from elsewhere: by another role, from another pid namespace, under another host name. The verdict is right, and never wrong. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/elsewhere.h"
#include "support/outside.h"
#include "support/stage.h"

enum { FILES = 3 };

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
    sandbox_steps(sb, FILES, 3);
}

/* The first file is applied; starts a run there that takes the lock, and stays between two transactions. */
static void hold(const struct sandbox *sb, const struct place *at, struct process *p)
{
    run_has(sb, "upgrade --count 1", 0, "Migration applied successfully: V1__step_1.sql", "");
    elsewhere_start(sb, at, p, "planned=stop", "upgrade");
    outside_until(sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked", 1);
}

static void finish_at(const struct sandbox *sb, const struct place *at)
{
    assert_int_equal(sandbox_check_steps(sb, FILES), 1);
    elsewhere_has(sb, at, "upgrade --take-over-dead", 0, "Migrations completed successfully.", NULL);
    assert_int_equal(sandbox_check_steps(sb, FILES), FILES);
    elsewhere_has(sb, at, "lock-status", 0, "Status: UNLOCKED", NULL);
}

/* A holder at `there`, looked at from `from`, killed, and followed by a run there. */
static void holder_and_looker(enum sandbox_kind kind, const struct place *there, const struct place *from, const char *shows)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    hold(&sb, there, &p);
    elsewhere_is_not_dead(&sb, from, "Verdict: ALIVE");
    if (shows)
        elsewhere_has(&sb, from, "lock-status", 0, shows, NULL);
    kill(p.pid, there->how && strcmp(there->how, "pids") == 0 ? SIGTERM : SIGKILL);
    process_wait(&p);
    assert_int_equal(p.exit, 128 + SIGKILL);
    process_free(&p);
    elsewhere_until_dead(&sb, from, "lock-status --json");
    finish_at(&sb, from);
    sandbox_close(&sb);
}

static const struct place here = { NULL, NULL }, pids = { "pids", NULL }, name = { "name", NULL };

static void other_pids(enum sandbox_kind kind)
{
    elsewhere_needs("another pid namespace", "pids");
    holder_and_looker(kind, &pids, &here, "pid 2");
    holder_and_looker(kind, &here, &pids, NULL);
    holder_and_looker(kind, &pids, &pids, "pid 2"); /* two processes of the same number */
}

static void other_name(enum sandbox_kind kind)
{
    elsewhere_needs("another host name", "name");
    holder_and_looker(kind, &name, &here, ELSEWHERE_HOST);
    holder_and_looker(kind, &here, &name, NULL);
}

STAGE_ON_BOTH(other_pids)
STAGE_ON_BOTH(other_name)

/* ---- PostgreSQL: roles ---- */

#ifdef JETBASE_POSTGRES
static const char *as_role(const struct sandbox *sb, const char *role, const char *line)
{
    static char whole[800];
    snprintf(whole, sizeof whole, "%s --url postgresql://%s%s", line, role, strchr(strstr(sb->url, "://"), '@'));
    return whole;
}

/* A role that may look only, one that may change the tables, and one that may do nothing; the holder is a superuser, whose session they can't see into. */
static void other_roles(void **state)
{
    struct sandbox sb;
    struct process p;
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE ROLE only_looks LOGIN; CREATE ROLE may_change LOGIN; CREATE ROLE may_nothing LOGIN");
    hold(&sb, &here, &p);
    sandbox_sql(&sb, "GRANT SELECT ON jetbase_lock, jetbase_runs, jetbase_migrations TO only_looks");
    sandbox_sql(&sb, "GRANT SELECT, INSERT, UPDATE, DELETE ON jetbase_lock, jetbase_runs, jetbase_migrations TO may_change");
    run_has(&sb, as_role(&sb, "only_looks", "lock-status"), 0, "Verdict: ALIVE: session ", "");
    run_has(&sb, as_role(&sb, "may_change", "lock-status"), 0, "Verdict: ALIVE: session ", "");
    run_has(&sb, as_role(&sb, "may_nothing", "lock-status"), 1, "", "permission denied");
    run_has(&sb, as_role(&sb, "may_change", "unlock --if-dead"), 3, "", "nothing was done");
    run_has(&sb, as_role(&sb, "may_change", "upgrade --take-over-dead"), 3, "", "Migration lock is already held by another process.");
    kill(p.pid, SIGKILL);
    process_wait(&p);
    process_free(&p);
    elsewhere_until_dead(&sb, &here, as_role(&sb, "only_looks", "lock-status --json"));
    run_has(&sb, as_role(&sb, "may_change", "lock-status"), 0, "Verdict: DEAD: its session is gone", "");
    run_has(&sb, as_role(&sb, "may_nothing", "lock-status"), 1, "", "permission denied");
    run_has(&sb, as_role(&sb, "only_looks", "unlock --if-dead"), 1, "", "permission denied");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 1);
    run_has(&sb, as_role(&sb, "may_change", "unlock --if-dead"), 0, "Unlock successful.", "DEAD: its session is gone");
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    finish_at(&sb, &here);
    sandbox_close(&sb);
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(other_pids), STAGE_BOTH(other_name),
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(other_roles),
#endif
    };
    if (argc > 1)
        return elsewhere_child(argc, argv);
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("elsewhere", tests, NULL, NULL);
}
