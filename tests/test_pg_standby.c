/* test_pg_standby.c: a streaming standby: what may be looked at there, and how far behind it says it is; what is refused; and a promotion in the middle of a run: history equals schema on the new primary, the verdict is right, and the report is true. ROUNDS and SEED may be set. */
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
#include <libpq-fe.h>

#include "support/pg_server.h"
#include "support/run.h"

enum { FILES = 4, LOOKS_MOST = 2000, FOLLOWS_WITHIN_S = 60 };

/* A project, and the same database seen on the standby alone and through both hosts. */
struct pair {
    struct sandbox primary, standby, both;
};

static void aim(struct sandbox *sb, const struct sandbox *like, const char *url)
{
    *sb = *like;
    snprintf(sb->url, sizeof sb->url, "%s", url);
    snprintf(sb->conninfo, sizeof sb->conninfo, "%s", url);
    snprintf(sb->variable, sizeof sb->variable, "JETBASE_SQLALCHEMY_URL=%s", url);
}

static void pair_open(struct pair *p)
{
    char url[600], name[100];
    sandbox_open(&p->primary, SANDBOX_POSTGRES);
    snprintf(name, sizeof name, "%s", strrchr(p->primary.url, '/') + 1);
    sandbox_steps(&p->primary, FILES, 50);
    snprintf(url, sizeof url, "postgresql://postgres@127.0.0.1:%d/%s", pg_server_standby_port(), name);
    aim(&p->standby, &p->primary, url);
    snprintf(url, sizeof url, "postgresql://postgres@127.0.0.1:%d,127.0.0.1:%d/%s?target_session_attrs=read-write", pg_server_port(), pg_server_standby_port(), name);
    aim(&p->both, &p->primary, url);
}

/* Waits until the standby has what the primary has. */
static void caught_up(const struct pair *p)
{
    char sql[200], *lsn = sandbox_text(&p->primary, "SELECT pg_current_wal_lsn()");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= '%s'", lsn);
    free(lsn);
    for (time_t end = time(NULL) + FOLLOWS_WITHIN_S; time(NULL) < end;)
        if (sandbox_number(&p->primary, sql) == 1)
            return;
    fail_msg("the standby does not follow");
}

/* The server takes writes again once somebody asked for it. */
static void synchronous(const struct pair *p, bool on)
{
    sandbox_sql(&p->primary, on ? "ALTER SYSTEM SET synchronous_standby_names = '*'" : "ALTER SYSTEM RESET synchronous_standby_names");
    sandbox_sql(&p->primary, "SELECT pg_reload_conf()");
    while (sandbox_number(&p->primary, "SELECT (current_setting('synchronous_standby_names') <> '')::int") != on)
        continue;
}

/* The server writes now and then by itself, so that a look may meet a standby which is behind for a moment: it says one or the other each time, and "all" before long. */
static void reads_as_standby(const struct pair *p, const char *line)
{
    for (int i = 0; i < LOOKS_MOST; i++) {
        struct process run;
        bool all;
        run_line(&p->standby, &run, line);
        if (run.exit != 0 || !strstr(run.err, "this server is a standby"))
            fail_msg("jetbase %s: exit %d\n%s%s", line, run.exit, run.out, run.err);
        all = strstr(run.err, "this server is a standby, with all that it has received") != NULL;
        process_free(&run);
        if (all)
            return;
        caught_up(p);
    }
    fail_msg("jetbase %s: the standby never has all", line);
}

/* Reading commands are answered and say what they are; what would write is refused before it does. */
static void looks_are_answered(void **state)
{
    static const char *const reading[] = { "status", "history", "current", "lock-status", "runs", "upgrade --dry-run", "rollback --dry-run" };
    static const char *const writing[] = { "upgrade", "rollback", "unlock", "upgrade --take-over-dead" };
    struct pair p;
    json_t *json;
    (void)state;
    pair_open(&p);
    run_has(&p.primary, "upgrade --count 2", 0, NULL, NULL);
    caught_up(&p);
    for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
        reads_as_standby(&p, reading[i]);
    run_has(&p.standby, "status", 0, "step 2", NULL);
    run_has(&p.standby, "upgrade --dry-run", 0, "blocks  standby: the server is a standby: it takes no writes\n        Connect to its primary\n", NULL);
    for (size_t i = 0; i < sizeof writing / sizeof *writing; i++)
        run_has(&p.standby, writing[i], 2, NULL, "is a standby (in recovery); migrations and unlocks run on the primary only");
    json = run_json(&p.standby, "lock-status --json", 0);
    assert_true(json_is_false(json_object_get(json, "locked")));
    json_decref(json);
    run_has(&p.both, "upgrade", 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&p.primary, FILES), FILES);
    sandbox_close(&p.primary);
}

/* A standby that stands still says how old its last transaction is. */
static void it_says_how_far_behind(void **state)
{
    struct pair p;
    (void)state;
    pair_open(&p);
    run_has(&p.primary, "upgrade --count 1", 0, NULL, NULL);
    caught_up(&p);
    sandbox_sql(&p.standby, "SELECT pg_wal_replay_pause()");
    run_has(&p.primary, "upgrade", 0, NULL, NULL);
    while (sandbox_number(&p.standby, "SELECT (pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn())::int") != 1)
        continue;
    run_has(&p.standby, "current", 0, NULL, "its last transaction is ");
    sandbox_sql(&p.standby, "SELECT pg_wal_replay_resume()");
    caught_up(&p);
    reads_as_standby(&p, "current");
    sandbox_close(&p.primary);
}

/* The holder is replicated, its witness is not: unknown there, alive on the primary. */
static void a_holder_is_unknown_there(void **state)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct pair p;
    struct process holder;
    json_t *json;
    (void)state;
    pair_open(&p);
    sandbox_start(&p.primary, &holder, true, "fence:1=stop", upgrade);
    assert_true(process_wait_stopped(&holder));
    caught_up(&p);
    json = run_json(&p.standby, "lock-status --json", 0);
    assert_string_equal(run_text(json, "verdict"), "unknown");
    assert_non_null(strstr(run_text(json, "evidence"), "standby"));
    json_decref(json);
    json = run_json(&p.primary, "lock-status --json", 0);
    assert_string_equal(run_text(json, "verdict"), "alive");
    json_decref(json);
    kill(holder.pid, SIGCONT);
    process_wait(&holder);
    assert_int_equal(holder.exit, 0);
    process_free(&holder);
    sandbox_close(&p.primary);
}

/* What the run said last of how many are applied: those that it told, less those that it says are not on this server. */
static int said_applied(const struct process *p)
{
    int told = 0;
    const char *less = strstr(p->err, "migrations that this run had committed this server has ");
    for (const char *at = p->out; (at = strstr(at, "Migration applied successfully: ")); at++)
        told++;
    return less ? (int)strtol(less + strlen("migrations that this run had committed this server has "), NULL, 10) : told;
}

static void report_is_true(const struct process *p, int applied, bool synchronous_standby)
{
    bool unsure = strstr(p->err, "is not known") != NULL;
    if (p->exit == 0 && applied != FILES && synchronous_standby)
        fail_msg("exit 0, and %d of %d are there\n%s%s", applied, FILES, p->out, p->err);
    if (p->exit != 0 && !unsure && said_applied(p) != applied)
        fail_msg("it says that %d are applied, and %d are\n%s%s", said_applied(p), applied, p->out, p->err);
    if (synchronous_standby && said_applied(p) > applied)
        fail_msg("it told of %d, and %d are there\n%s%s", said_applied(p), applied, p->out, p->err);
}

/* The run's client has ended, and its server too: on the new primary its lock, where it is still set, is a dead one's. */
static void finish(const struct pair *p)
{
    if (sandbox_number(&p->standby, "SELECT count(*) FROM pg_class WHERE relname = 'jetbase_lock'") > 0 && sandbox_number(&p->standby, "SELECT count(*) FROM jetbase_lock WHERE is_locked") > 0) {
        json_t *json = run_json(&p->standby, "lock-status --json", 0);
        const char *verdict = run_text(json, "verdict");
        assert_string_not_equal(verdict, "alive");
        if (strcmp(verdict, "dead") == 0)
            run_has(&p->standby, "unlock --if-dead", 0, NULL, NULL);
        else
            run_has(&p->standby, "unlock", 0, NULL, NULL);
        json_decref(json);
    }
    run_has(&p->both, "upgrade", 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&p->standby, FILES), FILES);
}

static void promoted_once(bool synchronous_standby)
{
    static const char *const points[] = { "locked", "head", "statement", "fence", "commit" };
    static const char *const upgrade[] = { "upgrade", NULL };
    struct pair p;
    struct process run;
    char set[64];
    int applied;
    bool stopped;
    pair_open(&p);
    caught_up(&p);
    synchronous(&p, synchronous_standby);
    snprintf(set, sizeof set, "%s:%d=stop", points[(size_t)rand() % (sizeof points / sizeof *points)], 1 + rand() % FILES);
    if (strncmp(set, "locked", 6) == 0)
        snprintf(set, sizeof set, "locked=stop");
    sandbox_start(&p.both, &run, true, set, upgrade);
    stopped = process_wait_stopped(&run);
    pg_server_crash();
    pg_server_standby_promote();
    if (stopped)
        kill(run.pid, SIGCONT);
    process_wait(&run);
    applied = sandbox_check_steps(&p.standby, FILES);
    print_message("promoted at %s, %s: exit %d, %d told, %d there\n", set, synchronous_standby ? "synchronous" : "asynchronous", run.exit, said_applied(&run), applied);
    report_is_true(&run, applied, synchronous_standby);
    process_free(&run);
    finish(&p);
    pg_server_standby_drop();
    pg_server_start_again();
    synchronous(&p, false);
    sandbox_close(&p.primary);
}

static void promoted_in_the_middle(void **state)
{
    (void)state;
    srand((unsigned)sandbox_setting("SEED", 1));
    for (long n = sandbox_setting("ROUNDS", 2); n > 0; n--)
        promoted_once(n % 2);
}

/* The standby had stopped following before the run committed anything, and is promoted all the same: what was told is taken back. */
static void promoted_without_the_last(void **state)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct pair p;
    struct process run;
    PGconn *guard;
    (void)state;
    pair_open(&p);
    sandbox_sql(&p.primary, "CREATE TABLE guard (n int)");
    sandbox_file(&p.primary, "V4__step_4.sql", "INSERT INTO guard VALUES (1);\n");
    sandbox_start(&p.both, &run, true, "fence:1=stop", upgrade);
    assert_true(process_wait_stopped(&run));
    caught_up(&p);
    sandbox_sql(&p.standby, "ALTER SYSTEM SET primary_conninfo = ''");
    sandbox_sql(&p.standby, "SELECT pg_reload_conf()");
    while (sandbox_number(&p.primary, "SELECT count(*) FROM pg_stat_replication") > 0)
        continue;
    guard = PQconnectdb(p.primary.conninfo);
    PQclear(PQexec(guard, "BEGIN; LOCK TABLE guard"));
    kill(run.pid, SIGCONT);
    while (sandbox_number(&p.primary, "SELECT count(*) FROM jetbase_migrations") < 3)
        continue;
    pg_server_crash();
    pg_server_standby_promote();
    process_wait(&run);
    PQfinish(guard);
    if (!strstr(run.err, "of 3 migrations that this run had committed this server has 0"))
        fail_msg("exit %d\n%s%s", run.exit, run.out, run.err);
    assert_int_equal(run.exit, 6);
    assert_null(strstr(run.err, "before it and stand"));
    process_free(&run);
    assert_int_equal(sandbox_number(&p.standby, "SELECT count(*) FROM jetbase_migrations"), 0);
    assert_int_equal(sandbox_number(&p.standby, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    run_has(&p.both, "upgrade", 0, NULL, NULL);
    pg_server_standby_drop();
    pg_server_start_again();
    sandbox_close(&p.primary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_are_answered),
        cmocka_unit_test(it_says_how_far_behind),
        cmocka_unit_test(a_holder_is_unknown_there),
        cmocka_unit_test(promoted_in_the_middle),
        cmocka_unit_test(promoted_without_the_last),
    };
    return cmocka_run_group_tests_name("pg_standby", tests, NULL, NULL);
}
