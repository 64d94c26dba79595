/* test_kill.c: kill -9 at each failpoint and at random instants: history equals schema, the verdict is never dead while the backend lives and dead right after, and the next run finishes the rest. ROUNDS and SEED may be set. */
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
#include <jansson.h>

#include "support/sandbox.h"

enum { FILES = 4, ROWS = 5000, RANDOM_SPAN_US = 60000, POSTGRES_SPAN_US = 200000 };

static const char *const upgrade[] = { "upgrade", NULL };
static const char *const failpoints[] = { "before-lock", "locked", "head", "statement", "fence", "commit", "released" };
static int histogram[2][FILES + 1]; /* lock held or not, files applied at the moment of death */

/* The verdict as `lock-status --json` has it: "" where unlocked. */
static void verdict_of(const struct sandbox *sb, char *to, size_t size)
{
    static const char *const args[] = { "lock-status", "--json", NULL };
    struct process p;
    json_t *json;
    int code = sandbox_run(sb, &p, args);
    if (code != 0)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(code, 0);
    json = json_loads(p.out, 0, NULL);
    assert_non_null(json);
    snprintf(to, size, "%s", json_is_true(json_object_get(json, "locked")) ? json_string_value(json_object_get(json, "verdict")) : "");
    json_decref(json);
    process_free(&p);
}

/* The server's own word: does the backend of the holder still live? On SQLite the holder was waited for. */
static bool backend_lives(const struct sandbox *sb)
{
    if (sb->kind == SANDBOX_SQLITE)
        return false;
    return sandbox_number(sb, "SELECT count(*) FROM pg_stat_activity a JOIN jetbase_runs r ON r.session_pid = a.pid JOIN jetbase_lock l ON l.process_id = r.process_id::text "
                              "WHERE a.application_name LIKE 'jetbase%'") > 0;
}

static bool locked(const struct sandbox *sb)
{
    return sandbox_number(sb, sb->kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = 'jetbase_lock'" : "SELECT count(*) FROM pg_class WHERE relname = 'jetbase_lock'") > 0 &&
           sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked") > 0;
}

/* Looks until the verdict is final; it must never be dead while the backend lives. */
static void judge_death(const struct sandbox *sb)
{
    char verdict[32];
    for (int looks = 0; looks < 10000; looks++) {
        bool lives;
        verdict_of(sb, verdict, sizeof verdict);
        lives = verdict[0] && backend_lives(sb); /* asked afterwards: who lives now lived then */
        if (lives)
            assert_string_not_equal(verdict, "dead");
        if (!verdict[0] || strcmp(verdict, "dead") == 0)
            return;
        if (!lives) {
            verdict_of(sb, verdict, sizeof verdict);
            if (verdict[0])
                assert_string_equal(verdict, "dead");
            return;
        }
    }
    fail_msg("the backend of a killed client did not end");
}

static void finish_rest(const struct sandbox *sb, bool take_over)
{
    static const char *const over[] = { "upgrade", "--take-over-dead", NULL }, *const unlock[] = { "unlock", "--if-dead", NULL };
    struct process p;
    if (!take_over)
        assert_int_equal(sandbox_run(sb, NULL, unlock), 0);
    if (sandbox_run(sb, &p, take_over ? over : upgrade) != 0)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(sb, FILES), FILES);
    /* Where the dead one had done all, a run with nothing to do leaves the lock as it is. */
    if (take_over && locked(sb))
        assert_int_equal(sandbox_run(sb, NULL, unlock), 0);
    assert_false(locked(sb));
}

static void die_once(enum sandbox_kind kind, const char *failpoint, bool take_over)
{
    struct sandbox sb;
    struct process p;
    char set[64];
    bool was_locked;
    int applied;
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, FILES, ROWS);
    if (failpoint)
        snprintf(set, sizeof set, "%s:%d=kill", failpoint, strcmp(failpoint, "before-lock") == 0 || strcmp(failpoint, "locked") == 0 || strcmp(failpoint, "released") == 0 ? 1 : 1 + rand() % FILES);
    sandbox_start(&sb, &p, failpoint != NULL, failpoint ? set : NULL, upgrade);
    if (!failpoint) {
        struct timespec t = { 0, (long)(rand() % (kind == SANDBOX_SQLITE ? RANDOM_SPAN_US : POSTGRES_SPAN_US)) * 1000 };
        nanosleep(&t, NULL);
        kill(p.pid, SIGKILL);
    }
    process_wait(&p);
    if (failpoint)
        assert_int_equal(p.exit, 128 + SIGKILL);
    process_free(&p);
    judge_death(&sb);
    was_locked = locked(&sb);
    applied = sandbox_check_steps(&sb, FILES);
    histogram[was_locked][applied]++;
    finish_rest(&sb, take_over);
    sandbox_close(&sb);
}

static void at_failpoints(enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    srand((unsigned)sandbox_setting("SEED", 1));
    for (size_t i = 0; i < sizeof failpoints / sizeof *failpoints; i++)
        for (long n = sandbox_setting("ROUNDS", 1); n > 0; n--)
            die_once(kind, failpoints[i], n % 2);
}

static void at_random(enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    srand((unsigned)sandbox_setting("SEED", 1));
    memset(histogram, 0, sizeof histogram);
    for (long n = sandbox_setting("ROUNDS", 4); n > 0; n--)
        die_once(kind, NULL, n % 2);
    for (int l = 0; l < 2; l++)
        for (int i = 0; i <= FILES; i++)
            print_message("killed %s the lock with %d of %d applied: %d\n", l ? "holding" : "without", i, FILES, histogram[l][i]);
}

static void failpoints_sqlite(void **state)
{
    (void)state;
    at_failpoints(SANDBOX_SQLITE);
}

static void failpoints_postgres(void **state)
{
    (void)state;
    at_failpoints(SANDBOX_POSTGRES);
}

static void random_sqlite(void **state)
{
    (void)state;
    at_random(SANDBOX_SQLITE);
}

static void random_postgres(void **state)
{
    (void)state;
    at_random(SANDBOX_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failpoints_sqlite),
        cmocka_unit_test(failpoints_postgres),
        cmocka_unit_test(random_sqlite),
        cmocka_unit_test(random_postgres),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
