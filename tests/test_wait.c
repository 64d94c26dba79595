/* test_wait.c: --wait: whom a run waits for and what it says of it, how it goes on, gives up or is stopped; and that of many at once one does the work and all end well. ROUNDS may be set. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pause.h"
#include "support/files.h"
#include "support/outside.h"
#include "support/run.h"
#include "support/stage.h"

#define OTHER "11111111-2222-3333-4444-555555555555"
#define NEXT "66666666-2222-3333-4444-555555555555"

enum { MOST = 20, FILES = 4 };

/* ---- pauses ---- */

static int64_t clock_ms;
static int random_calls, slept_ms, sleeps;
static atomic_int stop;
static int stop_at_ms;

static int64_t fake_mono_ms(void)
{
    return clock_ms;
}

static void fake_sleep_ms(int ms)
{
    clock_ms += ms;
    slept_ms += ms;
    sleeps++;
    if (stop_at_ms && slept_ms >= stop_at_ms)
        atomic_store(&stop, SIGINT);
}

/* Lowest, highest, lowest … */
static bool fake_random(void *to, size_t len)
{
    memset(to, 0, len);
    if (random_calls++ % 2)
        memset(to, 0xff, len);
    return true;
}

static struct sys fake_sys(void)
{
    struct sys sys = sys_real;
    sys.mono_ms = fake_mono_ms;
    sys.sleep_ms = fake_sleep_ms;
    sys.random = fake_random;
    clock_ms = 1000;
    random_calls = slept_ms = sleeps = stop_at_ms = 0;
    atomic_store(&stop, 0);
    return sys;
}

static void pauses_grow(void **state)
{
    static const int wanted[] = { 50, 100, 200, 400, 800, 1600, 2000, 2000, 2000 };
    struct sys sys = fake_sys();
    struct pause pause = { .first_ms = 50, .most_ms = 2000 };
    bool differ = false;
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        int ms = pause_next(&pause, &sys);
        assert_in_range(ms, wanted[i] - wanted[i] / 4, wanted[i] + wanted[i] / 4);
        differ |= ms != wanted[i];
    }
    assert_true(differ); /* many that began together do not come together */
    pause_reset(&pause);
    assert_in_range(pause_next(&pause, &sys), 38, 62);
    pause = (struct pause){ .first_ms = 1, .most_ms = 1 };
    for (int i = 0; i < 3; i++)
        assert_int_equal(pause_next(&pause, &sys), 1);
}

static bool no_random(void *to, size_t len)
{
    (void)to, (void)len;
    return false;
}

static void pauses_without_random(void **state)
{
    struct sys sys = fake_sys();
    struct pause pause = { .first_ms = 100, .most_ms = 300 };
    (void)state;
    sys.random = no_random;
    assert_int_equal(pause_next(&pause, &sys), 100);
    assert_int_equal(pause_next(&pause, &sys), 200);
    assert_int_equal(pause_next(&pause, &sys), 300);
}

static void sleeps_end_by_a_wish_to_stop(void **state)
{
    struct sys sys = fake_sys();
    (void)state;
    assert_true(pause_sleep(&sys, 1000, &stop));
    assert_int_equal(slept_ms, 1000);
    assert_true(sleeps > 1);
    assert_true(pause_sleep(&sys, 0, NULL));
    stop_at_ms = slept_ms + 200;
    assert_false(pause_sleep(&sys, 1000, &stop));
    assert_in_range(slept_ms, 1200, 1300);
    assert_false(pause_sleep(&sys, 1000, &stop)); /* at once */
    assert_in_range(slept_ms, 1200, 1300);
}

/* ---- one that waits ---- */

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n\n-- rollback\nDROP TABLE first;\n");
    run_has(sb, "upgrade", 0, "Migrations completed successfully.", "");
    sandbox_file(sb, "V2__second.sql", "CREATE TABLE second (id INTEGER);\n\n-- rollback\nDROP TABLE second;\n");
}

static void lock_by(const struct sandbox *sb, const char *process_id)
{
    char sql[300];
    snprintf(sql, sizeof sql, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = '2025-12-25 14:30:22.123456', process_id = '%s'", process_id);
    sandbox_sql(sb, sql);
}

static int64_t applied(const struct sandbox *sb, const char *version)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%s'", version);
    return sandbox_number(sb, sql);
}

static void begin(const struct sandbox *sb, struct process *p, const char *const args[])
{
    sandbox_start(sb, p, false, NULL, args);
}

/* Ends it; fails unless it ended with that code and said these things. */
static void ends(struct process *p, int code, const char *out, const char *err)
{
    process_wait(p);
    if (p->exit != code || (out && !strstr(p->out, out)) || (err && !strstr(p->err, err)))
        fail_msg("exit %d\n[stdout]\n%s\n[stderr]\n%s\n[wanted %d]\n%s\n%s", p->exit, p->out, p->err, code, out ? out : "", err ? err : "");
    process_free(p);
}

static void free_lock_is_not_waited_for(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    run_says(&sb, "upgrade --wait forever", 0, "Starting migrations...\nMigration applied successfully: V2__second.sql\nMigrations completed successfully.\n", "");
    lock_by(&sb, OTHER);
    run_says(&sb, "upgrade --wait forever", 0, "Migrations are up to date.\n", ""); /* nothing to do: no lock is needed */
    sandbox_close(&sb);
}

/* The holder changes, which is told; it goes, and the run goes on. */
static void goes_on(enum sandbox_kind kind)
{
    static const char *const args[] = { "upgrade", "--wait", "10min", NULL };
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    lock_by(&sb, OTHER);
    begin(&sb, &p, args);
    process_hear(&p, true, "note: waiting for the lock, held by process ID " OTHER ", locked at 2025-12-25 14:30:22.123456 server time; unknown: the lock of another program");
    assert_int_equal(applied(&sb, "2"), 0);
    lock_by(&sb, NEXT);
    process_hear(&p, true, "note: the lock changed hands while this run waited; it is now held by process ID " NEXT);
    run_has(&sb, "unlock", 0, NULL, NULL);
    ends(&p, 0, "Migration applied successfully: V2__second.sql", NULL);
    assert_int_equal(applied(&sb, "2"), 1);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

/* After the waiting all is planned anew: what another applied meanwhile is not applied again, and files that came are seen. */
static void plans_anew(enum sandbox_kind kind)
{
    static const char *const args[] = { "upgrade", "--wait", "10min", NULL };
    struct sandbox sb;
    struct process p, q;
    open_project(&sb, kind);
    sandbox_start(&sb, &q, true, "head=stop", (const char *const[]){ "upgrade", NULL });
    assert_true(process_wait_stopped(&q));
    begin(&sb, &p, args);
    process_hear(&p, true, "note: waiting for the lock, held by process ID ");
    process_hear(&p, true, "V2__second.sql");
    process_hear(&p, true, "alive: ");
    sandbox_file(&sb, "V3__third.sql", "CREATE TABLE third (id INTEGER);\n");
    kill(q.pid, SIGCONT);
    ends(&q, 0, "Migration applied successfully: V2__second.sql", NULL);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out, "Starting migrations...\nMigration applied successfully: V3__third.sql\nMigrations completed successfully.\n");
    process_free(&p);
    assert_int_equal(applied(&sb, "2") + applied(&sb, "3"), 2);
    sandbox_close(&sb);
}

static void gives_up(enum sandbox_kind kind)
{
    struct sandbox sb;
    json_t *events;
    open_project(&sb, kind);
    lock_by(&sb, OTHER);
    run_has(&sb, "upgrade --wait 300ms", 3, "", "error: Migration lock is still held by another process after ");
    run_has(&sb, "rollback --wait 300ms", 3, "", "DETAIL: process ID " OTHER ", locked at 2025-12-25 14:30:22.123456 server time; unknown: ");
    events = run_events(&sb, "upgrade --wait 300ms --json", 3);
    assert_int_equal(json_array_size(events), 4);
    assert_string_equal(run_text(events, "0.event"), "lock-waiting");
    assert_string_equal(run_text(events, "0.lock.process_id"), OTHER);
    assert_string_equal(run_text(events, "0.lock.verdict"), "unknown");
    assert_true(json_is_number(json_object_get(json_array_get(events, 0), "waited_s")));
    assert_string_equal(run_text(events, "1.event"), "lock-refused");
    assert_string_equal(run_text(events, "1.lock.process_id"), OTHER);
    assert_string_equal(run_text(events, "2.event"), "error");
    assert_string_equal(run_text(events, "2.error.code"), "lock-held");
    assert_string_equal(run_text(events, "3.event"), "run-ended");
    json_decref(events);
    assert_int_equal(applied(&sb, "2"), 0);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id = '" OTHER "'"), 1);
    sandbox_close(&sb);
}

static void is_stopped(enum sandbox_kind kind)
{
    static const struct { int signal, code; const char *args[4]; } cases[] = {
        { SIGINT, 130, { "upgrade", "--wait", "forever" } }, { SIGTERM, 143, { "rollback", "--wait", "forever" } }, { SIGHUP, 129, { "fix", "--wait", "forever" } },
    };
    struct sandbox sb;
    open_project(&sb, kind);
    sandbox_file(&sb, "V1__first.sql", "CREATE TABLE first (id INTEGER); -- changed\n"); /* something to fix */
    lock_by(&sb, OTHER);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct process p;
        if (i == 0)
            sandbox_file(&sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n\n-- rollback\nDROP TABLE first;\n");
        else if (i == 2)
            sandbox_file(&sb, "V1__first.sql", "CREATE TABLE first (x INTEGER);\n");
        begin(&sb, &p, cases[i].args);
        process_hear(&p, true, "waiting for the lock, held by process ID " OTHER);
        kill(p.pid, cases[i].signal);
        ends(&p, cases[i].code, "", "stopped by a signal while it waited");
    }
    assert_int_equal(applied(&sb, "1"), 1);
    assert_int_equal(applied(&sb, "2"), 0);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id = '" OTHER "'"), 1);
    sandbox_close(&sb);
}

/* The holder dies while it is waited for: that is told with the way out; whoever may takes it over, and the other goes on after that one. */
static void holder_dies(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process holder, patient, heir;
    open_project(&sb, kind);
    sandbox_start(&sb, &holder, true, "head=stop", (const char *const[]){ "upgrade", NULL });
    assert_true(process_wait_stopped(&holder));
    begin(&sb, &patient, (const char *const[]){ "upgrade", "--wait", "forever", NULL });
    process_hear(&patient, true, "alive: ");
    kill(holder.pid, SIGKILL);
    process_wait(&holder);
    process_free(&holder);
    process_hear(&patient, true, "note: the lock is now held by a dead run, and waiting alone does not free it: process ID ");
    process_hear(&patient, true, "To open it: jetbase unlock --if-dead (with --take-over-dead this run would take it over)");
    begin(&sb, &heir, (const char *const[]){ "upgrade", "--wait", "forever", "--take-over-dead", NULL });
    ends(&heir, 0, "Migration applied successfully: V2__second.sql", NULL);
    ends(&patient, 0, "Migrations are up to date.", NULL);
    assert_int_equal(applied(&sb, "2"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died'"), 1);
    sandbox_close(&sb);
}

/* The same, for one that waits already and may take over. */
static void heir_waits(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process holder, heir;
    open_project(&sb, kind);
    sandbox_start(&sb, &holder, true, "head=stop", (const char *const[]){ "upgrade", NULL });
    assert_true(process_wait_stopped(&holder));
    begin(&sb, &heir, (const char *const[]){ "upgrade", "--wait", "forever", "--take-over-dead", NULL });
    process_hear(&heir, true, "alive: ");
    kill(holder.pid, SIGKILL);
    process_wait(&holder);
    process_free(&holder);
    ends(&heir, 0, "Migration applied successfully: V2__second.sql", NULL);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'died'"), 1);
    sandbox_close(&sb);
}

/* "One back" means the one that was the latest when it was said. */
static void rollback_means_what_it_meant(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    run_has(&sb, "upgrade", 0, NULL, "");
    lock_by(&sb, OTHER);
    begin(&sb, &p, (const char *const[]){ "rollback", "--wait", "forever", NULL });
    process_hear(&p, true, "waiting for the lock, held by process ID " OTHER);
    sandbox_sql(&sb, "DROP TABLE second");
    sandbox_sql(&sb, "DELETE FROM jetbase_migrations WHERE version = '2'");
    run_has(&sb, "unlock", 0, NULL, NULL);
    ends(&p, 5, "", "DETAIL: It was to begin with V2__second.sql, and would begin with V1__first.sql now.");
    assert_int_equal(applied(&sb, "1"), 1);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    begin(&sb, &p, (const char *const[]){ "rollback", "--wait", "forever", NULL });
    ends(&p, 0, "Rollback applied successfully: V1__first.sql", NULL);
    sandbox_close(&sb);
}

static void fix_waits(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    sandbox_file(&sb, "V1__first.sql", "CREATE TABLE first (x INTEGER);\n");
    lock_by(&sb, OTHER);
    run_has(&sb, "fix-checksums --wait 200ms", 3, "", "Migration lock is still held by another process after ");
    begin(&sb, &p, (const char *const[]){ "validate-checksums", "--fix", "--wait", "1h", NULL });
    process_hear(&p, true, "waiting for the lock, held by process ID " OTHER);
    run_has(&sb, "unlock", 0, NULL, NULL);
    ends(&p, 0, "Repaired checksum for version: 1", NULL);
    sandbox_close(&sb);
}

static void setting(const struct sandbox *sb, const char *line)
{
    files_write(sb->dir, "jetbase.toml", line);
}

/* The configuration says it for all commands that take the lock; the command line goes before it. */
static void by_configuration(enum sandbox_kind kind)
{
    static const struct { const char *line, *says; } bad[] = {
        { "lock_wait = true\n", "lock_wait must be a duration (30s, 5min) or \"forever\", got bool." },
        { "lock_wait = \"soon\"\n", "lock_wait must be a duration (30s, 5min) or \"forever\", got str. Value: 'soon'" },
        { "lock_timeout = \"5x\"\n", "lock_timeout must be a duration (500ms, 5s, 2min), got str. Value: '5x'" },
        { "statement_timeout = -1\n", "statement_timeout must be a duration (500ms, 5s, 2min), got int. Value: -1" },
        { "lock_retry = \"often\"\n", "lock_retry must be a number, got str. Value: 'often'" },
        { "lock_retry = -1\n", "lock_retry must be a number, got int. Value: -1" },
    };
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    lock_by(&sb, OTHER);
    setting(&sb, "lock_wait = '200ms'\n");
    run_has(&sb, "upgrade", 3, "", "Migration lock is still held by another process after ");
    setting(&sb, "lock_wait = 'forever'\n");
    run_has(&sb, "upgrade --wait 200ms", 3, "", "Migration lock is still held by another process after ");
    begin(&sb, &p, (const char *const[]){ "upgrade", NULL });
    process_hear(&p, true, "waiting for the lock, held by process ID " OTHER);
    run_has(&sb, "unlock", 0, NULL, NULL);
    ends(&p, 0, "Migration applied successfully: V2__second.sql", NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setting(&sb, bad[i].line);
        run_has(&sb, "status", 2, "", bad[i].says);
        run_has(&sb, "status", 2, "", "jetbase.toml:1:");
    }
    sandbox_close(&sb);
}

/* ---- many ---- */

/* Ends all; gives how many of them applied a version. */
static int end_all(struct process p[MOST])
{
    int winners = 0;
    for (int i = 0; i < MOST; i++) {
        process_wait(&p[i]);
        if (p[i].exit != 0)
            fail_msg("exit %d\n[stdout]\n%s\n[stderr]\n%s", p[i].exit, p[i].out, p[i].err);
        winners += strstr(p[i].out, "Migration applied successfully: V") != NULL;
        process_free(&p[i]);
    }
    return winners;
}

static void many(enum sandbox_kind kind, const char *repeatable)
{
    static const char *const args[] = { "upgrade", "--wait", "60", NULL };
    struct sandbox sb;
    struct process p[MOST];
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, FILES, 3);
    sandbox_sql(&sb, "CREATE TABLE seen (x INTEGER)");
    if (repeatable)
        sandbox_file(&sb, repeatable, "INSERT INTO seen VALUES (1);\n");
    for (int i = 0; i < MOST; i++)
        begin(&sb, &p[i], args);
    assert_int_equal(end_all(p), 1);
    assert_int_equal(sandbox_check_steps(&sb, FILES), FILES);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_migrations"), FILES + (repeatable ? 1 : 0));
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM seen"), repeatable ? MOST : 0);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE outcome IS NULL OR outcome <> 'ok'"), 0);
    sandbox_close(&sb);
}

static void twenty_at_once(enum sandbox_kind kind)
{
    long rounds = sandbox_setting("ROUNDS", 2);
    if (!sandbox_has(kind))
        skip();
    for (long n = 0; n < rounds; n++)
        many(kind, NULL);
    print_message("%ld rounds of %d: all 0, applied once\n", rounds, MOST);
}

/* Then each has something to do, one after the other. */
static void twenty_with_ra(enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    for (long n = sandbox_setting("ROUNDS", 2); n > 0; n -= 10)
        many(kind, "RA__views.sql");
}

/* All wait for one that is at work when they come; none of them keeps a transaction open meanwhile. */
static void twenty_behind_one(enum sandbox_kind kind)
{
    static const char *const args[] = { "upgrade", "--wait", "60", NULL };
    struct sandbox sb;
    struct process p[MOST], holder;
    open_project(&sb, kind);
    sandbox_start(&sb, &holder, true, "head=stop", (const char *const[]){ "upgrade", NULL });
    assert_true(process_wait_stopped(&holder));
    for (int i = 0; i < MOST; i++)
        begin(&sb, &p[i], args);
    for (int i = 0; i < MOST; i++)
        process_hear(&p[i], true, "waiting for the lock, held by process ID ");
    if (kind == SANDBOX_POSTGRES) /* each is idle, and no snapshot is kept */
        outside_until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'jetbase' AND state = 'idle' AND backend_xmin IS NULL", MOST);
    kill(holder.pid, SIGCONT);
    ends(&holder, 0, "Migration applied successfully: V2__second.sql", NULL);
    assert_int_equal(end_all(p), 0);
    assert_int_equal(applied(&sb, "2"), 1);
    sandbox_close(&sb);
}

STAGE_ON_BOTH(free_lock_is_not_waited_for)
STAGE_ON_BOTH(goes_on)
STAGE_ON_BOTH(plans_anew)
STAGE_ON_BOTH(gives_up)
STAGE_ON_BOTH(is_stopped)
STAGE_ON_BOTH(holder_dies)
STAGE_ON_BOTH(heir_waits)
STAGE_ON_BOTH(rollback_means_what_it_meant)
STAGE_ON_BOTH(fix_waits)
STAGE_ON_BOTH(by_configuration)
STAGE_ON_BOTH(twenty_at_once)
STAGE_ON_BOTH(twenty_with_ra)
STAGE_ON_BOTH(twenty_behind_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow), cmocka_unit_test(pauses_without_random), cmocka_unit_test(sleeps_end_by_a_wish_to_stop),
        STAGE_BOTH(free_lock_is_not_waited_for), STAGE_BOTH(goes_on), STAGE_BOTH(plans_anew), STAGE_BOTH(gives_up), STAGE_BOTH(is_stopped), STAGE_BOTH(holder_dies), STAGE_BOTH(heir_waits),
        STAGE_BOTH(rollback_means_what_it_meant), STAGE_BOTH(fix_waits), STAGE_BOTH(by_configuration), STAGE_BOTH(twenty_at_once), STAGE_BOTH(twenty_with_ra), STAGE_BOTH(twenty_behind_one),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
