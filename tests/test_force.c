/* test_force.c: a forced unlock under a running run, and a second run beside it: nothing is applied twice, the first ends at its fence or had committed. ROUNDS and SEED may be set. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support/sandbox.h"

enum { FILES = 4, ROWS = 5000, RANDOM_SPAN_US = 60000, POSTGRES_SPAN_US = 200000 };

static const char *const upgrade[] = { "upgrade", NULL }, *const unlock[] = { "unlock", NULL };

static void show(const struct process *p)
{
    print_error("exit %d\n%s%s", p->exit, p->out, p->err);
}

/* Awaits the first run's end and checks what it said of itself. Never a SIGCONT here: one that comes while the leak check of a run that ends stops it undoes that stop, and both wait for ever. */
static void end_first(struct process *p, bool *lost)
{
    process_wait(p);
    if (p->exit != 0 && p->exit != 4 && p->exit != 3)
        show(p);
    assert_true(p->exit == 0 || p->exit == 4 || p->exit == 3); /* 3: the second run was there before it had the lock */
    *lost = p->exit == 4;
    if (*lost)
        assert_non_null(strstr(p->err, "the lock was lost"));
    process_free(p);
}

static void all_applied_once(const struct sandbox *sb)
{
    struct process p;
    if (sandbox_run(sb, &p, upgrade) != 0)
        show(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(sb, FILES), FILES);
}

/* The first run stops at the failpoint; unlock; a second run; the first goes on. */
static void forced_at(enum sandbox_kind kind, const char *failpoint, int expect_unlock, bool expect_lost)
{
    struct sandbox sb;
    struct process first, p;
    bool lost;
    int64_t start, ms;
    struct timespec t;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, FILES, 3);
    sandbox_start(&sb, &first, true, failpoint, upgrade);
    assert_true(process_wait_stopped(&first));
    clock_gettime(CLOCK_MONOTONIC, &t);
    start = t.tv_sec;
    if (sandbox_run(&sb, &p, unlock) != expect_unlock)
        show(&p);
    clock_gettime(CLOCK_MONOTONIC, &t);
    ms = t.tv_sec - start;
    print_message("unlock under a run stopped at %s: exit %d after about %d s\n", failpoint, p.exit, (int)ms);
    assert_int_equal(p.exit, expect_unlock);
    if (expect_unlock == 3)
        assert_non_null(strstr(p.err, "the holder is at its commit"));
    process_free(&p);
    if (expect_unlock == 0) {
        if (sandbox_run(&sb, &p, upgrade) != 0)
            show(&p);
        assert_int_equal(p.exit, 0);
        process_free(&p);
        assert_int_equal(sandbox_check_steps(&sb, FILES), FILES);
    }
    kill(first.pid, SIGCONT);
    end_first(&first, &lost);
    assert_int_equal(lost, expect_lost);
    all_applied_once(&sb);
    sandbox_close(&sb);
}

static void locked_sqlite(void **state)
{
    (void)state;
    forced_at(SANDBOX_SQLITE, "locked=stop", 0, false); /* the plan under the lock finds that all is done */
}

static void statement_sqlite(void **state)
{
    (void)state;
    forced_at(SANDBOX_SQLITE, "statement:2=stop", 3, false);
}

static void fence_sqlite(void **state)
{
    (void)state;
    forced_at(SANDBOX_SQLITE, "fence:2=stop", 3, false);
}

static void commit_sqlite(void **state)
{
    (void)state;
    forced_at(SANDBOX_SQLITE, "commit:2=stop", 0, true);
}

static void locked_postgres(void **state)
{
    (void)state;
    forced_at(SANDBOX_POSTGRES, "locked=stop", 0, false);
}

static void released_sqlite(void **state)
{
    (void)state;
    forced_at(SANDBOX_SQLITE, "released=stop", 0, false);
}

static void released_postgres(void **state)
{
    (void)state;
    forced_at(SANDBOX_POSTGRES, "released=stop", 0, false);
}

/* Unlocked between plan and fence: a file that could run twice must not be counted twice. */
static void fence_stops(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process first, p;
    bool lost;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, 1, 3);
    if (sandbox_run(&sb, &p, upgrade) != 0)
        show(&p);
    process_free(&p);
    sandbox_file(&sb, "RA__again.sql", "INSERT INTO applied_log VALUES (99);\n");
    sandbox_start(&sb, &first, true, "planned=stop", upgrade);
    assert_true(process_wait_stopped(&first));
    assert_int_equal(sandbox_run(&sb, NULL, unlock), 0);
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    kill(first.pid, SIGCONT);
    end_first(&first, &lost);
    assert_true(lost);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM applied_log WHERE v = 99"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'lost' AND unlocked_by IS NOT NULL"), 1);
    sandbox_close(&sb);
}

static void fence_stops_sqlite(void **state)
{
    (void)state;
    fence_stops(SANDBOX_SQLITE);
}

static void fence_stops_postgres(void **state)
{
    (void)state;
    fence_stops(SANDBOX_POSTGRES);
}

/* Between fence and COMMIT the holder has the lock row: unlock answers in time, and the holder's migration stands. */
static void fence_postgres(void **state)
{
    (void)state;
    forced_at(SANDBOX_POSTGRES, "fence:2=stop", 3, false);
}

/* At any instant: unlock and a second run beside the first. */
static void forced_at_random(enum sandbox_kind kind)
{
    int lost_runs = 0, refused = 0;
    if (!sandbox_has(kind))
        skip();
    srand((unsigned)sandbox_setting("SEED", 1));
    for (long n = sandbox_setting("ROUNDS", 4); n > 0; n--) {
        struct sandbox sb;
        struct process first, second, p;
        struct timespec t = { 0, (long)(rand() % (kind == SANDBOX_SQLITE ? RANDOM_SPAN_US : POSTGRES_SPAN_US)) * 1000 };
        bool lost;
        sandbox_open(&sb, kind);
        sandbox_steps(&sb, FILES, ROWS);
        sandbox_start(&sb, &first, false, NULL, upgrade);
        nanosleep(&t, NULL);
        if (sandbox_run(&sb, &p, unlock) == 3)
            refused++;
        else if (p.exit != 0)
            show(&p);
        assert_true(p.exit == 0 || p.exit == 3);
        process_free(&p);
        sandbox_start(&sb, &second, false, NULL, upgrade);
        end_first(&first, &lost);
        lost_runs += lost;
        process_wait(&second);
        if (second.exit != 0 && second.exit != 3)
            show(&second);
        assert_true(second.exit == 0 || second.exit == 3);
        process_free(&second);
        all_applied_once(&sb);
        sandbox_close(&sb);
    }
    print_message("forced unlocks: %d first runs lost their lock, %d unlocks found the holder at its commit\n", lost_runs, refused);
}

static void random_sqlite(void **state)
{
    (void)state;
    forced_at_random(SANDBOX_SQLITE);
}

static void random_postgres(void **state)
{
    (void)state;
    forced_at_random(SANDBOX_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fence_stops_sqlite), cmocka_unit_test(fence_stops_postgres), cmocka_unit_test(locked_sqlite),    cmocka_unit_test(statement_sqlite), cmocka_unit_test(fence_sqlite),   cmocka_unit_test(commit_sqlite),
        cmocka_unit_test(released_sqlite),  cmocka_unit_test(locked_postgres),  cmocka_unit_test(fence_postgres), cmocka_unit_test(released_postgres),
        cmocka_unit_test(random_sqlite),    cmocka_unit_test(random_postgres),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("force", tests, NULL, NULL);
}
