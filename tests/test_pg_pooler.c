/* test_pg_pooler.c: runs through a real PgBouncer in each of its modes: they are right, or refused with a sentence; what they leave is whole; and the verdict on them, through the pooler and past it, is never a wrong one. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/bouncer.h"
#include "support/run.h"

enum { FILES = 3, POOL = 4, RACERS = 4 };

static struct bouncer bouncer;

/* A project whose runs go through the pooler; `past` is the same without it. */
struct pooled {
    struct sandbox sb, past;
};

static void pooled_open(struct pooled *p)
{
    char rest[200];
    sandbox_open(&p->past, SANDBOX_POSTGRES);
    p->sb = p->past;
    snprintf(rest, sizeof rest, "%s", strrchr(p->past.url, '/'));
    snprintf(p->sb.url, sizeof p->sb.url, "postgresql://postgres@127.0.0.1:%d%s", bouncer.port, rest);
    snprintf(p->sb.variable, sizeof p->sb.variable, "JETBASE_SQLALCHEMY_URL=%s", p->sb.url);
    sandbox_steps(&p->past, FILES, 20);
}

static void is_free(const struct pooled *p)
{
    assert_int_equal(sandbox_number(&p->past, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    assert_int_equal(sandbox_number(&p->past, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0); /* nothing stays on a pooled session */
}

/* Up, down, up: right each time. */
static void runs_are_right(void)
{
    struct pooled p;
    pooled_open(&p);
    run_has(&p.sb, "upgrade --count 2", 0, "V2__step_2.sql", NULL);
    assert_int_equal(sandbox_check_steps(&p.past, FILES), 2);
    run_has(&p.sb, "rollback", 0, "V2__step_2.sql", NULL);
    assert_int_equal(sandbox_check_steps(&p.past, FILES), 1);
    run_has(&p.sb, "upgrade", 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&p.past, FILES), FILES);
    run_has(&p.sb, "status", 0, "step 3", NULL);
    run_has(&p.sb, "lock-status", 0, "UNLOCKED", NULL);
    is_free(&p);
    sandbox_close(&p.past);
}

/* A file that fails leaves nothing, and the connection that it was on serves the next. */
static void a_failure_leaves_nothing(void)
{
    struct pooled p;
    pooled_open(&p);
    sandbox_file(&p.past, "V2__step_2.sql", "CREATE TABLE t2 (id int);\nSET search_path = nowhere;\nSELECT 1 / 0;\n");
    run_has(&p.sb, "upgrade", 1, NULL, "V2__step_2.sql was rolled back: nothing of it remains");
    assert_int_equal(sandbox_check_steps(&p.past, FILES), 1);
    is_free(&p);
    sandbox_close(&p.past);
}

/* What can't be fenced needs a witness, and behind a pooler there is none. */
static void outside_is_refused(void)
{
    struct pooled p;
    pooled_open(&p);
    sandbox_file(&p.past, "V4__index.sql", "CREATE INDEX CONCURRENTLY late ON t1 (x);\n");
    run_has(&p.sb, "upgrade", 1, NULL, "Connect to the server itself, not through a pooler");
    assert_int_equal(sandbox_check_steps(&p.past, FILES), 0);
    is_free(&p);
    run_has(&p.past, "upgrade", 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&p.past, FILES), FILES);
    sandbox_close(&p.past);
}

static void verdict_is_unknown(const struct sandbox *sb)
{
    json_t *json = run_json(sb, "lock-status --json", 0);
    assert_string_equal(run_text(json, "verdict"), "unknown");
    assert_true(strlen(run_text(json, "evidence")) > 10);
    json_decref(json);
}

/* A holder in the middle of a migration, and after kill -9: nobody can tell, and nobody says so. */
static void the_verdict_is_unknown(void)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct pooled p;
    struct process holder;
    pooled_open(&p);
    sandbox_start(&p.sb, &holder, true, "fence:2=stop", upgrade);
    assert_true(process_wait_stopped(&holder));
    verdict_is_unknown(&p.sb);
    verdict_is_unknown(&p.past);
    run_has(&p.past, "unlock --if-dead", 3, NULL, "can't be proven");
    kill(holder.pid, SIGKILL);
    process_wait(&holder);
    process_free(&holder);
    verdict_is_unknown(&p.sb);
    verdict_is_unknown(&p.past);
    run_has(&p.past, "upgrade --take-over-dead", 3, NULL, NULL);
    run_has(&p.sb, "unlock", 0, NULL, NULL);
    run_has(&p.sb, "upgrade", 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&p.past, FILES), FILES);
    is_free(&p);
    sandbox_close(&p.past);
}

/* A run past the pooler is witnessed; asked through it, the answer is unknown and says why. */
static void a_look_through_it_is_unknown(void)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct pooled p;
    struct process holder;
    json_t *json;
    pooled_open(&p);
    sandbox_start(&p.past, &holder, true, "fence:1=stop", upgrade);
    assert_true(process_wait_stopped(&holder));
    json = run_json(&p.sb, "lock-status --json", 0);
    assert_string_not_equal(run_text(json, "verdict"), "dead");
    json_decref(json);
    json = run_json(&p.past, "lock-status --json", 0);
    assert_string_equal(run_text(json, "verdict"), "alive");
    json_decref(json);
    kill(holder.pid, SIGCONT);
    process_wait(&holder);
    assert_int_equal(holder.exit, 0);
    process_free(&holder);
    is_free(&p);
    sandbox_close(&p.past);
}

static void racers_apply_once(void)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct pooled p;
    struct process racers[RACERS];
    int won = 0;
    pooled_open(&p);
    for (int i = 0; i < RACERS; i++)
        sandbox_start(&p.sb, &racers[i], false, NULL, upgrade);
    for (int i = 0; i < RACERS; i++) {
        process_wait(&racers[i]);
        if (racers[i].exit != 0 && racers[i].exit != 3)
            print_error("exit %d\n%s%s", racers[i].exit, racers[i].out, racers[i].err);
        assert_true(racers[i].exit == 0 || racers[i].exit == 3);
        won += racers[i].exit == 0;
        process_free(&racers[i]);
    }
    assert_true(won > 0);
    assert_int_equal(sandbox_check_steps(&p.past, FILES), FILES);
    is_free(&p);
    sandbox_close(&p.past);
}

static void all_in(const char *pool_mode)
{
    if (!bouncer_start(&bouncer, pool_mode, POOL)) {
        print_message("not run here: PgBouncer is not installed\n");
        return;
    }
    runs_are_right();
    a_failure_leaves_nothing();
    outside_is_refused();
    the_verdict_is_unknown();
    a_look_through_it_is_unknown();
    racers_apply_once();
    bouncer_stop(&bouncer);
}

static void session_mode(void **state)
{
    (void)state;
    all_in("session");
}

static void transaction_mode(void **state)
{
    (void)state;
    all_in("transaction");
}

/* A pooler that lets no transaction through: looks are answered, runs refused before they begin. */
static void statement_mode(void **state)
{
    struct pooled p;
    (void)state;
    if (!bouncer_start(&bouncer, "statement", POOL)) {
        print_message("not run here: PgBouncer is not installed\n");
        return;
    }
    pooled_open(&p);
    run_has(&p.sb, "upgrade", 2, NULL, "it lets no transaction through (PgBouncer's statement mode)");
    assert_int_equal(sandbox_check_steps(&p.past, FILES), 0);
    run_has(&p.past, "upgrade", 0, NULL, NULL);
    run_has(&p.sb, "rollback", 2, NULL, "it lets no transaction through");
    run_has(&p.sb, "unlock", 2, NULL, "it lets no transaction through");
    run_has(&p.sb, "status", 0, "step 3", NULL);
    run_has(&p.sb, "lock-status", 0, "UNLOCKED", NULL);
    assert_int_equal(sandbox_check_steps(&p.past, FILES), FILES);
    is_free(&p);
    sandbox_close(&p.past);
    bouncer_stop(&bouncer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_mode),
        cmocka_unit_test(transaction_mode),
        cmocka_unit_test(statement_mode),
    };
    return cmocka_run_group_tests_name("pg_pooler", tests, NULL, NULL);
}
