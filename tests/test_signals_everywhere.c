/* test_signals_everywhere.c: every signal at every place where a run can be stopped: exit code, report, history and lock are as promised, and a run that a signal ended at once is taken over. With ROUNDS above 1 rollbacks get every signal too, which go the way of upgrades. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "support/outside.h"
#include "support/stage.h"

enum { FILES = 3 };

enum effect { STOPS, HARMLESS, ENDS };

static const struct {
    int number;
    enum effect effect;
} signals[] = { { SIGINT, STOPS }, { SIGTERM, STOPS }, { SIGHUP, STOPS }, { SIGPIPE, HARMLESS }, { SIGQUIT, ENDS }, { SIGKILL, ENDS } };
enum { SIGNALS = sizeof signals / sizeof *signals };

/* A place, whether the run has the lock there, and how many of its files can be applied once it was asked to stop there. */
struct place {
    const char *at;
    bool holds;
    int least, most;
};

static const struct place upgrade_places[] = {
    { "tables", false, 0, 0 }, { "before-lock", false, 0, 0 }, { "locked", true, 0, 0 }, { "planned", true, 0, 0 }, { "head:2", true, 1, 1 }, { "statement:3", true, 1, 1 },
    { "fence:2", true, 1, 1 }, { "commit", true, 0, 1 }, { "fence:3", true, 2, 2 }, { "commit:3", true, 1, FILES }, { "released", false, FILES, FILES },
};
static const struct place rollback_places[] = { { "planned", true, 0, 0 }, { "head:2", true, 1, 1 }, { "statement:3", true, 1, 1 }, { "fence:2", true, 1, 1 }, { "commit", true, 0, 1 }, { "released", false, FILES, FILES } };
static const struct place fix_places[] = { { "looked", false, 0, 0 }, { "before-lock", false, 0, 0 }, { "locked", true, 0, 0 }, { "planned", true, 0, 0 }, { "head", true, 0, 0 }, { "fence", true, 0, 0 }, { "commit", true, 1, 1 }, { "released", false, 1, 1 } };

/* Starts a run that stops itself there, sends the signal, and waits for the end. */
static void strike(const struct sandbox *sb, struct process *p, const char *at, int number, const char *const args[])
{
    char failpoint[64];
    snprintf(failpoint, sizeof failpoint, "%s=stop", at);
    sandbox_start(sb, p, true, failpoint, args);
    if (!process_wait_stopped(p)) {
        process_wait(p);
        fail_msg("%s is never passed: exit %d\n%s%s", at, p->exit, p->out, p->err);
    }
    kill(p->pid, number);
    kill(p->pid, SIGCONT);
    process_wait(p);
}

static void wrong(const struct process *p, const char *at, int number, const char *what)
{
    fail_msg("%s at %s: %s\n[exit %d]\n%s%s", strsignal(number), at, what, p->exit, p->out, p->err);
}

static int64_t held(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked");
}

/* How many of the three files behind `base` are applied; history and schema must agree. */
static int applied_behind(const struct sandbox *sb, int base)
{
    char sql[700];
    char *seen;
    int history = -1, log = -1, tables = -1;
    snprintf(sql, sizeof sql,
             "SELECT (SELECT count(*) FROM jetbase_migrations WHERE CAST(version AS INTEGER) > %d) || ' ' || (SELECT count(*) FROM applied_log WHERE v > %d) || ' ' ||"
             " (SELECT count(*) FROM %s WHERE %s IN ('s%d', 's%d', 's%d'))",
             base, base, sb->kind == SANDBOX_SQLITE ? "sqlite_master" : "pg_class", sb->kind == SANDBOX_SQLITE ? "name" : "relname", base + 1, base + 2, base + 3);
    seen = sandbox_text(sb, sql);
    assert_int_equal(sscanf(seen, "%d %d %d", &history, &log, &tables), 3);
    free(seen);
    assert_int_equal(history, log);
    assert_int_equal(history, tables);
    return history;
}

/* How many files it told of. */
static int told(const struct process *p, const char *words)
{
    int n = 0;
    for (const char *at = p->out; (at = strstr(at, words)) != NULL; at++)
        n++;
    return n;
}

/* Asked to stop: 128 and the signal, or 0 where all was committed by then; the lock is free, and what is said of the files is so. */
static void check_stopped(const struct sandbox *sb, const struct process *p, const struct place *place, int number, int done, bool back)
{
    char says[100];
    if (done < place->least || done > place->most)
        wrong(p, place->at, number, "more or fewer files are done than can be");
    if (p->exit != (done == FILES ? 0 : 128 + number))
        wrong(p, place->at, number, "another exit code");
    if (told(p, back ? "Rollback applied successfully: " : "Migration applied successfully: ") != done)
        wrong(p, place->at, number, "it told of another number of files");
    if (done == 0)
        snprintf(says, sizeof says, "othing was ");
    else if (done == 1)
        snprintf(says, sizeof says, "was %s before it and stands.", back ? "rolled back" : "applied");
    else
        snprintf(says, sizeof says, "%d migrations were %s before it and stand", done, back ? "rolled back" : "applied");
    if (done < FILES && !strstr(p->err, says))
        wrong(p, place->at, number, says);
    if (held(sb) != 0)
        wrong(p, place->at, number, "the lock is not free");
    if (sandbox_number(sb, "SELECT count(*) FROM jetbase_runs WHERE outcome IS NULL") != 0)
        wrong(p, place->at, number, "a run has no outcome");
}

/* Ended at once: the lock stays where it was, its holder is dead, and what was told had been committed. */
static void check_ended(const struct sandbox *sb, const struct process *p, const struct place *place, int number, int done, int said)
{
    if (p->exit != 128 + number)
        wrong(p, place->at, number, "another exit code");
    if (said != done && said + 1 != done)
        wrong(p, place->at, number, "it told of another number of files");
    if (held(sb) != place->holds)
        wrong(p, place->at, number, "the lock is not as the run left it");
    if (place->holds)
        outside_until_dead(sb);
}

static void check_harmless(const struct sandbox *sb, const struct process *p, const struct place *place, int number)
{
    if (p->exit != 0)
        wrong(p, place->at, number, "another exit code");
    assert_int_equal(held(sb), 0);
}

/* What is left of a dead one where nothing was to be done any more. */
static void unlock_rest(const struct sandbox *sb)
{
    if (held(sb))
        run_has(sb, "unlock --if-dead", 0, "Unlock successful.", ", DEAD: its ");
    assert_int_equal(held(sb), 0);
}

static void add_files(const struct sandbox *sb, int base)
{
    for (int v = base + 1; v <= base + FILES; v++) {
        char name[64];
        snprintf(name, sizeof name, "V%d__step.sql", v);
        sandbox_file(sb, name, "CREATE TABLE s%d (x INTEGER);\nINSERT INTO applied_log VALUES (%d);\n-- rollback\nDELETE FROM applied_log WHERE v = %d;\nDROP TABLE s%d;\n", v, v, v, v);
    }
}

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__log.sql", "CREATE TABLE applied_log (v INTEGER);\nINSERT INTO applied_log VALUES (1);\n");
    run_has(sb, "upgrade", 0, NULL, "");
}

static void one_upgrade(const struct sandbox *sb, const struct place *place, size_t s, int base)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct process p;
    int done;
    add_files(sb, base);
    strike(sb, &p, place->at, signals[s].number, upgrade);
    done = applied_behind(sb, base);
    if (signals[s].effect == STOPS)
        check_stopped(sb, &p, place, signals[s].number, done, false);
    else if (signals[s].effect == ENDS)
        check_ended(sb, &p, place, signals[s].number, done, told(&p, "Migration applied successfully: "));
    else
        check_harmless(sb, &p, place, signals[s].number);
    process_free(&p);
    if (done < FILES)
        run_has(sb, signals[s].effect == ENDS ? "upgrade --take-over-dead" : "upgrade", 0, NULL, "");
    assert_int_equal(applied_behind(sb, base), FILES);
    unlock_rest(sb);
}

static void upgrades(enum sandbox_kind kind)
{
    struct sandbox sb;
    int base = 1;
    open_project(&sb, kind);
    for (size_t i = 0; i < sizeof upgrade_places / sizeof *upgrade_places; i++)
        for (size_t s = 0; s < SIGNALS; s++, base += FILES)
            one_upgrade(&sb, &upgrade_places[i], s, base);
    sandbox_close(&sb);
}

static void one_rollback(const struct sandbox *sb, const struct place *place, size_t s)
{
    static const char *const rollback[] = { "rollback", "--count", "3", NULL };
    struct process p;
    int done;
    strike(sb, &p, place->at, signals[s].number, rollback);
    done = FILES - applied_behind(sb, 1);
    if (signals[s].effect == STOPS)
        check_stopped(sb, &p, place, signals[s].number, done, true);
    else if (signals[s].effect == ENDS)
        check_ended(sb, &p, place, signals[s].number, done, told(&p, "Rollback applied successfully: "));
    else
        check_harmless(sb, &p, place, signals[s].number);
    process_free(&p);
    unlock_rest(sb);
    run_has(sb, "upgrade", 0, NULL, "");
    assert_int_equal(applied_behind(sb, 1), FILES);
}

static void rollbacks(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    add_files(&sb, 1);
    run_has(&sb, "upgrade", 0, NULL, "");
    for (size_t i = 0; i < sizeof rollback_places / sizeof *rollback_places; i++)
        for (size_t s = 0; s < SIGNALS; s++)
            if (sandbox_setting("ROUNDS", 1) > 1 || s % (SIGNALS / 2) == i % (SIGNALS / 2)) /* one that stops it, and another */
                one_rollback(&sb, &rollback_places[i], s);
    sandbox_close(&sb);
}

/* The repair of history: made and said to be, or not made and said not to be. */
static void one_fix(const struct sandbox *sb, const struct place *place, size_t s, int number)
{
    static const char *const fix[] = { "fix", NULL };
    static const char sql[] = "SELECT checksum FROM jetbase_migrations WHERE version = '1'";
    struct process p;
    char *before = sandbox_text(sb, sql), *after;
    bool made;
    sandbox_file(sb, "V1__log.sql", "CREATE TABLE applied_log (v INTEGER);\nINSERT INTO applied_log VALUES (%d);\n", number);
    strike(sb, &p, place->at, signals[s].number, fix);
    after = sandbox_text(sb, sql);
    made = strcmp(before, after) != 0;
    if (signals[s].effect == STOPS) {
        if (made != (place->least > 0) || p.exit != (made ? 0 : 128 + signals[s].number) || (!made && !strstr(p.err, "othing was ")) || held(sb))
            wrong(&p, place->at, signals[s].number, made ? "though it was made" : "though it was not made");
    } else if (signals[s].effect == ENDS) {
        check_ended(sb, &p, place, signals[s].number, made, 0);
    } else {
        check_harmless(sb, &p, place, signals[s].number);
    }
    process_free(&p);
    unlock_rest(sb);
    run_has(sb, "fix", 0, NULL, "");
    free(before);
    before = sandbox_text(sb, sql);
    assert_string_equal(strcmp(after, before) != 0 ? "made now" : "made", made ? "made" : "made now");
    free(before);
    free(after);
}

static void fixes(enum sandbox_kind kind)
{
    struct sandbox sb;
    int number = 2;
    open_project(&sb, kind);
    for (size_t i = 0; i < sizeof fix_places / sizeof *fix_places; i++)
        for (size_t s = 0; s < SIGNALS; s++)
            one_fix(&sb, &fix_places[i], s, number++);
    sandbox_close(&sb);
}

/* Outside a transaction nothing is rolled back: what is done, what may have run and what was not run is said instead. */
static void one_outside(enum sandbox_kind kind, const char *at, size_t s)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct sandbox sb;
    struct process p;
    int done, started;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    strike(&sb, &p, at, signals[s].number, upgrade);
    if (p.exit != (signals[s].effect == HARMLESS ? 0 : 128 + signals[s].number) || (signals[s].effect == STOPS && !strstr(p.err, "V2__five.sql is half applied")))
        wrong(&p, at, signals[s].number, "another exit code or report");
    assert_int_equal(held(&sb), signals[s].effect == ENDS);
    process_free(&p);
    if (signals[s].effect != HARMLESS) {
        outside_until_dead(&sb);
        outside_inspect(&sb, &done, &started);
        outside_way_out(&sb, (int)(s % 3), done);
    }
    assert_int_equal(outside_applied(&sb, "2"), 1);
    sandbox_close(&sb);
}

static void outside(enum sandbox_kind kind)
{
    static const char *const places[] = { "started:2", "done:2" };
    if (!sandbox_has(kind))
        skip();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (size_t s = 0; s < SIGNALS; s++)
            one_outside(kind, places[i], s);
}

STAGE_ON_BOTH(upgrades)
STAGE_ON_BOTH(rollbacks)
STAGE_ON_BOTH(fixes)
STAGE_ON_BOTH(outside)

int main(void)
{
    const struct CMUnitTest tests[] = { STAGE_BOTH(upgrades), STAGE_BOTH(rollbacks), STAGE_BOTH(fixes), STAGE_BOTH(outside) };
    const struct rlimit no_core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &no_core);
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("signals_everywhere", tests, NULL, NULL);
}
