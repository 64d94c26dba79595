/* test_story_server.c: the server goes away, or what stands between falls silent, while a person presses keys: each key is answered at once, what is shown is dated, and everything comes back by itself. */
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

#include "support/pg_server.h"
#include "support/proxy.h"
#include "support/stage.h"

/* A proxy in a process of its own, so that it can be stopped as a whole. */
struct middle {
    pid_t pid;
    int port;
};

static void middle_start(struct middle *m)
{
    int ends[2], server = pg_server_port();
    assert_int_equal(pipe(ends), 0);
    m->pid = fork();
    assert_true(m->pid >= 0);
    if (m->pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            _exit(126);
        int port = proxy_port(proxy_start(server));
        if (write(ends[1], &port, sizeof port) != (ssize_t)sizeof port)
            _exit(126);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &m->port, sizeof m->port), sizeof m->port);
    close(ends[0]);
    close(ends[1]);
}

/* Returns once the kernel has stopped all of it. */
static void middle_freeze(const struct middle *m)
{
    int status;
    kill(m->pid, SIGSTOP);
    assert_int_equal(waitpid(m->pid, &status, WUNTRACED), m->pid);
    assert_true(WIFSTOPPED(status));
}

/* True while nothing can have passed. */
static bool middle_is_frozen(const struct middle *m)
{
    char path[60], text[400] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)m->pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    return strncmp(strrchr(text, ')'), ") T", 3) == 0;
}

static void middle_stop(const struct middle *m)
{
    int status;
    kill(m->pid, SIGKILL);
    assert_int_equal(waitpid(m->pid, &status, 0), m->pid);
}

/* The console, with n files pending, behind the proxy. */
static void open_behind(struct stage *s, struct middle *m, int n)
{
    char variable[700];
    const char *env[] = { variable, NULL };
    stage_open(s, SANDBOX_POSTGRES, n);
    middle_start(m);
    snprintf(variable, sizeof variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", m->port, strrchr(s->sb.url, '/'));
    if (n == 1)
        sandbox_file(&s->sb, "V2__endless.sql", "CREATE TABLE made_before (id INTEGER);\nSELECT pg_sleep(3600);\n");
    stage_console(s, env, NULL);
    term_wait_for(s->term, "UNLOCKED");
    term_wait_for(s->term, "│▸V1");
}

/* Keys that only look are answered while the database is silent. */
static void keys_are_answered(struct stage *s)
{
    term_key(s->term, "j");
    term_wait_for(s->term, "│▸V2");
    term_key(s->term, "?");
    term_wait_for(s->term, "Enter alone never confirms");
    term_key(s->term, "\033");
    term_wait_gone(s->term, "Enter alone never confirms");
    term_key(s->term, "k");
    term_wait_for(s->term, "│▸V1");
    term_key(s->term, "z");
    term_wait_gone(s->term, "3 Applied");
    term_key(s->term, "z");
    term_wait_for(s->term, "3 Applied");
    term_resize(s->term, 30, 100);
    term_wait_for(s->term, "q quit");
    term_resize(s->term, 24, 80);
    term_wait_for(s->term, "q quit");
}

static void silent_while_looking(void **state)
{
    struct stage s;
    struct middle m;
    (void)state;
    open_behind(&s, &m, 2);
    middle_freeze(&m);
    keys_are_answered(&s);
    /* A plan is asked for and does not come: it can be left. */
    term_key(s.term, "u");
    term_wait_for(s.term, "Esc leave it");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Esc leave it");
    /* Once the silence is longer than a look may take, what is shown is dated, and nothing can be started from it. */
    term_wait_for(s.term, "1 Lock as of ");
    term_wait_for(s.term, "2 Pending 2 as of ");
    term_wait_for(s.term, "what is shown is old");
    term_key(s.term, "u");
    term_wait_for(s.term, "the database does not answer; what is shown is old");
    keys_are_answered(&s);
    assert_true(middle_is_frozen(&m));
    kill(m.pid, SIGCONT);
    term_wait_gone(s.term, " as of ");
    term_wait_for(s.term, "2 pending, history and files agree");
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "upgrade done: 2 applied");
    assert_int_equal(sandbox_check_steps(&s.sb, 2), 2);
    stage_quit(&s);
    stage_close(&s);
    middle_stop(&m);
}

/* Nobody has to wait for a silent server to leave. */
static void left_while_silent(void **state)
{
    struct stage s;
    struct middle m;
    (void)state;
    open_behind(&s, &m, 2);
    middle_freeze(&m);
    term_key(s.term, "d");
    term_wait_for(s.term, "Esc leave it");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Esc leave it");
    stage_quit(&s);
    assert_true(middle_is_frozen(&m));
    stage_close(&s);
    middle_stop(&m);
}

/* A run of this console falls silent: keys are answered, the cancel is taken and said, and done as soon as somebody hears it. */
static void silent_during_a_run(void **state)
{
    struct stage s;
    struct middle m;
    (void)state;
    open_behind(&s, &m, 1);
    term_key(s.term, "u");
    term_wait_for(s.term, "y  upgrade");
    term_key(s.term, "y");
    term_wait_for(s.term, "statement 2 of 2");
    middle_freeze(&m);
    term_key(s.term, "?");
    term_wait_for(s.term, "Enter alone never confirms");
    term_key(s.term, "\033");
    term_wait_gone(s.term, "Enter alone never confirms");
    term_key(s.term, "c");
    term_wait_for(s.term, "y  cancel it");
    term_key(s.term, "y");
    term_wait_for(s.term, "cancelling the upgrade in V2");
    assert_true(middle_is_frozen(&m));
    kill(m.pid, SIGCONT);
    term_wait_for(s.term, "upgrade cancelled: V2 rolled back, V1 stays");
    term_wait_for(s.term, "UNLOCKED");
    assert_int_equal(sandbox_check_steps(&s.sb, 1), 1);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
    middle_stop(&m);
}

/* The server itself goes down under a look and comes back; what was locked meanwhile by others is seen at once. */
static void server_stops_and_starts(void **state)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct stage s;
    (void)state;
    stage_open(&s, SANDBOX_POSTGRES, 2);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "UNLOCKED");
    pg_server_crash();
    term_wait_for(s.term, "1 Lock as of ");
    term_wait_for(s.term, ", reconnecting");
    keys_are_answered(&s);
    term_key(s.term, "u");
    term_wait_for(s.term, "not connected to the database");
    pg_server_start_again();
    assert_int_equal(sandbox_run(&s.sb, NULL, upgrade), 0);
    term_wait_gone(s.term, ", reconnecting");
    term_wait_for(s.term, "3 Applied 2");
    term_wait_for(s.term, "upgrade V2, ok");
    stage_quit(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_while_looking),
        cmocka_unit_test(left_while_silent),
        cmocka_unit_test(silent_during_a_run),
        cmocka_unit_test(server_stops_and_starts),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("story_server", tests, NULL, NULL);
}
