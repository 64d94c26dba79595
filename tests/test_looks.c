/* test_looks.c: looks at short healthy runs through one open connection: never dead. LOOKS sets how many (100000 by hand). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine.h"
#include "support/sandbox.h"

enum { FILES = 2 };

/* Upgrades and rolls back until it is killed. */
static pid_t start_runs(const struct sandbox *sb)
{
    static const char *const upgrade[] = { "upgrade", "--quiet", NULL }, *const rollback[] = { "rollback", "--count", "2", "--quiet", NULL };
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        struct process p;
        for (int i = 0; i < 2; i++) {
            sandbox_start(sb, &p, false, NULL, i ? rollback : upgrade);
            process_wait(&p);
            if (p.exit != 0)
                _exit(1);
            process_free(&p);
        }
    }
}

static void never_dead(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct project project = { 0 };
    struct db *db = NULL;
    struct error err = { 0 };
    struct lock_view view;
    long seen[4] = { 0 }, busy = 0, looks = sandbox_setting("LOOKS", 4000);
    pid_t runs;
    int status;
    if (!sandbox_has(kind))
        skip();
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, FILES, 3);
    assert_true(url_parse(sb.url, &project.url, &err));
    assert_true(engine_connect(&project, &sys_real, DB_LOOK, NULL, &db, &err));
    runs = start_runs(&sb);
    for (long i = 0; i < looks; i++) {
        if (!lock_look(db, &view, &err)) {
            if (err.code != ERR_LOCK_BUSY)
                print_error("%s\n", err.message);
            assert_int_equal(err.code, ERR_LOCK_BUSY); /* SQLite: a writer has the file for itself; nothing was claimed */
            busy++;
            continue;
        }
        if (view.verdict == LOCK_DEAD)
            print_error("look %ld: process ID %s called dead: %s\n", i, view.row.process_id, view.evidence);
        assert_int_not_equal(view.verdict, LOCK_DEAD);
        seen[view.verdict]++;
    }
    assert_int_equal(waitpid(runs, &status, WNOHANG), 0); /* the runs are still going, and healthy */
    kill(runs, SIGKILL);
    waitpid(runs, &status, 0);
    db_driver_of(db)->close(db);
    url_free(&project.url);
    print_message("%ld looks: %ld free, %ld alive, %ld unknown, %ld busy\n", looks, seen[LOCK_FREE], seen[LOCK_ALIVE], seen[LOCK_UNKNOWN], busy);
    assert_true(seen[LOCK_ALIVE] > 0);
    assert_int_equal(seen[LOCK_UNKNOWN], 0);
    sandbox_close(&sb);
}

static void sqlite(void **state)
{
    (void)state;
    never_dead(SANDBOX_SQLITE);
}

static void postgres(void **state)
{
    (void)state;
    never_dead(SANDBOX_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sqlite), cmocka_unit_test(postgres) };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("looks", tests, NULL, NULL);
}
