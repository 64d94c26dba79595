/* test_race.c: many at once: each migration is applied exactly once, every loser says that the lock is held and nothing else. ROUNDS and SEED may be set. */
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

enum { MOST = 16, FILES = 5 };

static const char *const upgrade[] = { "upgrade", NULL };

/* A loser either came after the end (0, and says so) or met the lock (3). */
static void check_loser(const struct process *p)
{
    bool done = p->exit == 0 && (strstr(p->out, "Migrations are up to date.") || strstr(p->out, "Migrations completed successfully.")) && p->err[0] == '\0';
    bool held = p->exit == 3 && strstr(p->err, "Migration lock is already held by another process.");
    if (!done && !held)
        fail_msg("exit %d\n[stdout]\n%s\n[stderr]\n%s", p->exit, p->out, p->err);
}

static void race(enum sandbox_kind kind, int processes, int files)
{
    struct sandbox sb;
    struct process p[MOST];
    int winners = 0;
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, files, 3);
    for (int i = 0; i < processes; i++)
        sandbox_start(&sb, &p[i], false, NULL, upgrade);
    for (int i = 0; i < processes; i++) {
        process_wait(&p[i]);
        check_loser(&p[i]);
        winners += strstr(p[i].out, "Migration applied successfully: ") != NULL;
        process_free(&p[i]);
    }
    assert_int_equal(sandbox_check_steps(&sb, files), files);
    assert_int_equal(winners, 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), files);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
    sandbox_close(&sb);
}

static void rounds(enum sandbox_kind kind, int processes, int files, long fallback)
{
    if (!sandbox_has(kind))
        skip();
    for (long n = sandbox_setting("ROUNDS", fallback); n > 0; n--)
        race(kind, processes, files);
}

static void sixteen_sqlite(void **state)
{
    (void)state;
    rounds(SANDBOX_SQLITE, MOST, FILES, 4);
}

static void sixteen_postgres(void **state)
{
    (void)state;
    rounds(SANDBOX_POSTGRES, MOST, FILES, 3);
}

static void one_file_eight_sqlite(void **state)
{
    (void)state;
    rounds(SANDBOX_SQLITE, 8, 1, 4);
}

static void one_file_eight_postgres(void **state)
{
    (void)state;
    rounds(SANDBOX_POSTGRES, 8, 1, 3);
}

/* The moment that a plan made before the lock would be wrong: one stands before the lock while the other does all. */
static void planned_before_the_lock(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process late;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, FILES, 3);
    sandbox_start(&sb, &late, true, "before-lock=stop", upgrade);
    assert_true(process_wait_stopped(&late));
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    kill(late.pid, SIGCONT);
    process_wait(&late);
    if (late.exit != 0)
        print_error("%s%s", late.out, late.err);
    assert_int_equal(late.exit, 0);
    assert_null(strstr(late.out, "applied successfully"));
    process_free(&late);
    assert_int_equal(sandbox_check_steps(&sb, FILES), FILES);
    sandbox_close(&sb);
}

static void replan_sqlite(void **state)
{
    (void)state;
    planned_before_the_lock(SANDBOX_SQLITE);
}

static void replan_postgres(void **state)
{
    (void)state;
    planned_before_the_lock(SANDBOX_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_sqlite),      cmocka_unit_test(sixteen_postgres), cmocka_unit_test(one_file_eight_sqlite),
        cmocka_unit_test(one_file_eight_postgres), cmocka_unit_test(replan_sqlite), cmocka_unit_test(replan_postgres),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("race", tests, NULL, NULL);
}
