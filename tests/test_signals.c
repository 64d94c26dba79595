/* test_signals.c: what signals leave of the lock, and what is said of it: a second one quits at once, a stopped process keeps it, a reader that goes away harms nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/outside.h"
#include "support/run.h"
#include "support/stage.h"
#ifdef JETBASE_SQLITE
#include <sqlite3.h>
#endif

static const char *const upgrade[] = { "upgrade", "--verbose", NULL };

/* A file that runs until it is cancelled; deaf: not even then. */
static void long_file(const struct sandbox *sb, bool deaf)
{
    if (sb->kind == SANDBOX_SQLITE)
        sandbox_file(sb, "V1__long.sql", "CREATE TABLE n AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c;\n");
    else if (deaf)
        sandbox_file(sb, "V1__long.sql", "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;\n");
    else
        sandbox_file(sb, "V1__long.sql", "SELECT pg_sleep(600);\n");
}

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
}

/* Sends it again and again, a fifth of a second apart, until the process is gone: two of them are within a second, however slow the machine is. */
static void insist(struct process *p, int number)
{
    siginfo_t info = { .si_pid = 0 };
    while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
        kill(p->pid, number);
        usleep(200000);
    }
    process_wait(p);
}

/* The statement does not hear of the first signal; the second one ends the program, which says that the lock stays; it is dead then, and opened as that. */
static void second_one_quits_holding(void **state)
{
    struct sandbox sb;
    struct process p;
    char *id, wanted[300];
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    long_file(&sb, true);
    sandbox_start(&sb, &p, false, NULL, upgrade);
    outside_until(&sb, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO $$%' AND state = 'active' AND datname = current_database()", 1);
    id = sandbox_text(&sb, "SELECT process_id FROM jetbase_lock WHERE is_locked");
    insist(&p, SIGINT);
    assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGINT);
    snprintf(wanted, sizeof wanted, "quit at once, by a second signal: the lock stays unless somebody opened it; `jetbase lock-status` tells, and opens what is dead: jetbase unlock --if-dead --process-id %s\n", id);
    if (!strstr(p.err, wanted))
        print_error("%s", p.err);
    assert_non_null(strstr(p.err, wanted));
    process_free(&p);
    snprintf(wanted, sizeof wanted, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id = '%s'", id);
    assert_int_equal(sandbox_number(&sb, wanted), 1);
    outside_until_dead(&sb); /* the server sees within seconds that its client is gone */
    snprintf(wanted, sizeof wanted, "unlock --if-dead --process-id %s", id);
    run_has(&sb, wanted, 0, NULL, NULL);
    free(id);
    sandbox_close(&sb);
}

#ifdef JETBASE_SQLITE
/* The lock can't be given back while somebody reads: the second signal does not wait for that, and does not claim to know. */
static void second_one_quits_giving_back(void **state)
{
    struct sandbox sb;
    struct process p;
    sqlite3 *db = NULL;
    (void)state;
    open_project(&sb, SANDBOX_SQLITE);
    sandbox_file(&sb, "V1__one.sql", "CREATE TABLE one (x);\n");
    sandbox_start(&sb, &p, true, "planned=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    assert_int_equal(sqlite3_open(sb.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL), SQLITE_OK);
    kill(p.pid, SIGCONT);
    insist(&p, SIGTERM);
    assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGTERM);
    assert_non_null(strstr(p.err, "quit at once, by a second signal: "));
    process_free(&p);
    sqlite3_close(db);
    run_has(&sb, "upgrade --take-over-dead", 0, "Migration applied successfully: V1__one.sql", NULL);
    sandbox_close(&sb);
}
#endif

/* Nothing is held while the lock is waited for: nothing is said of it. */
static void second_one_while_waiting(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    sandbox_file(&sb, "V1__one.sql", "CREATE TABLE one (x INTEGER);\n");
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_file(&sb, "V2__two.sql", "CREATE TABLE two (x INTEGER);\n");
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = 'x'");
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "upgrade", "--wait", "forever", NULL });
    process_hear(&p, true, "waiting for the lock");
    insist(&p, SIGINT);
    assert_int_equal(p.exit, 130);
    assert_null(strstr(p.err, "quit at once"));
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE process_id = 'x'"), 1);
    sandbox_close(&sb);
}

/* As sandbox_start, in a process group of its own: the kernel stops no process of an orphaned group. */
static void start_in_group(const struct sandbox *sb, struct process *p)
{
    const char *argv[] = { process_jetbase(), "upgrade", "--verbose", NULL };
    memset(p, 0, sizeof *p);
    p->out_fd = memfd_create("out", MFD_CLOEXEC);
    p->err_fd = memfd_create("err", MFD_CLOEXEC);
    assert_true(p->out_fd >= 0 && p->err_fd >= 0);
    p->pid = fork();
    if (p->pid != 0)
        return;
    if (setpgid(0, 0) != 0 || dup2(p->out_fd, 1) < 0 || dup2(p->err_fd, 2) < 0 || chdir(sb->dir) != 0 || putenv((char *)(uintptr_t)sb->variable) != 0)
        _exit(126);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void a_stopped_one_keeps_it(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_project(&sb, kind);
    long_file(&sb, false);
    start_in_group(&sb, &p);
    process_hear(&p, true, "1/1 V1__long.sql: 1 statement");
    for (int i = 0; i < 2; i++) { /* the second time as the first */
        kill(p.pid, SIGTSTP);
        assert_true(process_wait_stopped(&p));
        process_hear(&p, true, "stopping: while it is stopped this process keeps the migration lock, and nobody else can migrate; continue it (fg, kill -CONT) or end it; process ID ");
        assert_int_equal(WSTOPSIG(p.status), SIGTSTP);
        run_has(&sb, "lock-status", 0, "Verdict: ALIVE", "");
        kill(p.pid, SIGCONT);
        process_hear(&p, true, "continued: this process kept the migration lock while it was stopped, unless somebody opened it, and goes on; process ID ");
    }
    kill(p.pid, SIGINT);
    process_wait(&p);
    assert_int_equal(p.exit, 130);
    assert_non_null(strstr(p.err, "V1__long.sql was rolled back: nothing of it remains."));
    process_free(&p);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

/* Whoever reads what it says goes away: the work is done all the same, and the lock given back. */
static void a_reader_goes_away(enum sandbox_kind kind)
{
    struct sandbox sb;
    int ends[2];
    pid_t pid;
    int status;
    open_project(&sb, kind);
    sandbox_steps(&sb, 3, 3);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        const char *argv[] = { process_jetbase(), "upgrade", NULL };
        if (chdir(sb.dir) != 0 || putenv(sb.variable) != 0 || dup2(ends[1], 1) < 0 || dup2(memfd_create("err", 0), 2) < 0)
            _exit(126);
        close(ends[0]);
        close(ends[1]);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1); /* not all could be shown */
    assert_int_equal(sandbox_check_steps(&sb, 3), 3);
    run_says(&sb, "lock-status", 0, "Status: UNLOCKED\n", "");
    sandbox_close(&sb);
}

STAGE_ON_BOTH(second_one_while_waiting)
STAGE_ON_BOTH(a_stopped_one_keeps_it)
STAGE_ON_BOTH(a_reader_goes_away)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_one_quits_holding),
#ifdef JETBASE_SQLITE
        cmocka_unit_test(second_one_quits_giving_back),
#endif
        STAGE_BOTH(second_one_while_waiting), STAGE_BOTH(a_stopped_one_keeps_it), STAGE_BOTH(a_reader_goes_away),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
