/* test_link_down.c: server and client in a network of their own, whose link is taken down in the middle of a run, so that no end of a connection is ever told. Looked at through the server's unix socket: never dead while the server's session lives, dead once keepalives have ended it; then the lock is opened, and the next run finishes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/outside.h"
#include "support/pg_server.h"

enum { FILES = 3 };

/* The server's keepalives, set short in the file that is under way when the link goes: they stay until its end. */
#define SHORT_SERVER "SET tcp_keepalives_idle = 1;\nSET tcp_keepalives_interval = 1;\nSET tcp_keepalives_count = 2;\nSET tcp_user_timeout = 2000;\n"
/* The client's, in its URL. */
#define SHORT_CLIENT "?keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=2000&connect_timeout=2"
#define SLEEPS "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()"

static void link_is(bool up)
{
    struct ifreq request = { .ifr_flags = (short)(up ? IFF_UP : 0) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

/* A project whose run goes over the link, and the same database seen through the server's unix socket. */
struct link {
    struct sandbox run, look;
};

/* V1 is applied before the link goes; V2 begins with `settings`, then what `middle` says; V3 comes after it. */
static void open_project(struct link *l, const char *settings, const char *middle, const char *options)
{
    const char *name;
    sandbox_open(&l->run, SANDBOX_POSTGRES);
    name = strrchr(l->run.url, '/') + 1;
    l->look = l->run;
    snprintf(l->look.url, sizeof l->look.url, "postgresql://postgres@/%s?host=%s&port=%d", name, pg_server_socket_dir(), pg_server_port());
    snprintf(l->look.conninfo, sizeof l->look.conninfo, "%s", l->look.url);
    snprintf(l->look.variable, sizeof l->look.variable, "JETBASE_SQLALCHEMY_URL=%s", l->look.url);
    snprintf(l->run.variable, sizeof l->run.variable, "JETBASE_SQLALCHEMY_URL=%s%s", l->run.url, options);
    sandbox_steps(&l->look, FILES, 3);
    sandbox_file(&l->look, "V2__step_2.sql", "%sCREATE TABLE t2 (id INTEGER PRIMARY KEY, x TEXT);\nCREATE INDEX i2 ON t2 (x);\nINSERT INTO applied_log VALUES (2);\n%s", settings, middle);
}

static int64_t sessions(const struct link *l)
{
    return sandbox_number(&l->look, "SELECT count(*) FROM pg_stat_activity a JOIN jetbase_runs r ON r.session_pid = a.pid JOIN jetbase_lock l ON l.process_id = r.process_id::text WHERE a.datname = current_database()");
}

/* One look: who lives after it lived at it, and is said to be alive then. Dead? */
static bool look(const struct link *l)
{
    json_t *json = run_json(&l->look, "lock-status --json", 0);
    const char *verdict = run_text(json, "verdict");
    bool dead;
    assert_non_null(verdict);
    dead = strcmp(verdict, "dead") == 0;
    if (!dead || sessions(l) > 0)
        assert_string_equal(verdict, "alive");
    json_decref(json);
    return dead;
}

static void until_dead(const struct link *l)
{
    while (!look(l))
        usleep(50000);
    run_has(&l->look, "lock-status", 0, "Verdict: DEAD: its session is gone, it cannot commit", "");
}

/* V2 as it is to be run now, without the long wait. */
static void mend_file(const struct link *l)
{
    sandbox_file(&l->look, "V2__step_2.sql", "CREATE TABLE t2 (id INTEGER PRIMARY KEY, x TEXT);\nCREATE INDEX i2 ON t2 (x);\nINSERT INTO applied_log VALUES (2);\n");
}

/* Opens the lock of the dead run; the next one finishes. */
static void finish(const struct link *l)
{
    assert_int_equal(sandbox_check_steps(&l->look, FILES), 1);
    run_has(&l->look, "unlock --if-dead", 0, "Unlock successful.", "DEAD: its session is gone");
    mend_file(l);
    run_has(&l->look, "upgrade", 0, "Migrations completed successfully.", "");
    assert_int_equal(sandbox_check_steps(&l->look, FILES), FILES);
    run_has(&l->look, "lock-status", 0, "Status: UNLOCKED", "");
}

static void close_project(struct link *l)
{
    sandbox_close(&l->run);
}

static void start(const struct link *l, struct process *p, const char *failpoint)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    sandbox_start(&l->run, p, failpoint != NULL, failpoint, upgrade);
    if (failpoint)
        assert_true(process_wait_stopped(p));
    else
        outside_until(&l->look, SLEEPS, 1);
}

static void end_killed(struct process *p)
{
    kill(p->pid, SIGKILL);
    process_wait(p);
    assert_int_equal(p->exit, 128 + SIGKILL);
    process_free(p);
}

/* The client ends with what it knows, and with what it can't know; all of it is so. */
static void ends_alone(struct process *p)
{
    process_wait(p);
    if (p->exit != 6 || !strstr(p->err, "the connection was lost") || !strstr(p->err, "V1__step_1.sql was applied before it and stands") || !strstr(p->err, "The lock may still name process ID ") || strstr(p->err, "The lock is released"))
        fail_msg("exit %d\n%s%s", p->exit, p->out, p->err);
    process_free(p);
}

/* The link stays down. Two machines of clients die: one in a statement, with keepalives set by the test; one between statements, with those that the program sets itself. A third client lives on and notices. */
static void link_stays_down(void **state)
{
    enum { IN_STATEMENT, BETWEEN, LIVES_ON, ALL };
    struct link links[ALL];
    struct process runs[ALL];
    (void)state;
    open_project(&links[IN_STATEMENT], SHORT_SERVER, "SELECT pg_sleep(600);\n", "");
    open_project(&links[BETWEEN], "", "SELECT 1;\n", "");
    open_project(&links[LIVES_ON], SHORT_SERVER, "SELECT pg_sleep(600);\n", SHORT_CLIENT);
    for (int i = 0; i < ALL; i++) {
        start(&links[i], &runs[i], i == BETWEEN ? "statement:6=stop" : NULL);
        run_has(&links[i].look, "lock-status", 0, "Verdict: ALIVE", "");
    }
    link_is(false);
    end_killed(&runs[IN_STATEMENT]);
    end_killed(&runs[BETWEEN]);
    for (bool all = false; !all;) {
        all = true;
        for (int i = 0; i < ALL; i++)
            all = look(&links[i]) && all;
    }
    ends_alone(&runs[LIVES_ON]);
    for (int i = 0; i < ALL; i++) {
        until_dead(&links[i]);
        finish(&links[i]);
        close_project(&links[i]);
    }
    link_is(true);
}

/* The link comes up again after the server has ended the session: the client finds out what is true and gives the lock back. */
static void link_comes_again(void **state)
{
    struct link l;
    struct process p;
    (void)state;
    open_project(&l, SHORT_SERVER, "SELECT pg_sleep(600);\n", SHORT_CLIENT);
    start(&l, &p, NULL);
    link_is(false);
    until_dead(&l);
    link_is(true);
    process_wait(&p);
    if (p.exit != 6 || !strstr(p.err, "V2__step_2.sql was rolled back: nothing of it remains. V1__step_1.sql was applied before it and stands.") || !strstr(p.err, "The lock is released."))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&l.look, FILES), 1);
    run_has(&l.look, "lock-status", 0, "Status: UNLOCKED", "");
    mend_file(&l);
    run_has(&l.run, "upgrade", 0, "Migrations completed successfully.", "");
    assert_int_equal(sandbox_check_steps(&l.look, FILES), FILES);
    close_project(&l);
}

/* The client notices first, while the server still sleeps: it ends its own old session once it can reach the server, and never says before that the lock is free. */
static void client_notices_first(void **state)
{
    struct link l;
    struct process p;
    (void)state;
    open_project(&l, "", "SELECT pg_sleep(600);\n", SHORT_CLIENT);
    start(&l, &p, NULL);
    link_is(false);
    process_hear(&p, true, "connection");
    look(&l);
    link_is(true);
    process_wait(&p);
    if (p.exit != 6 || !strstr(p.err, "V2__step_2.sql was rolled back: nothing of it remains. V1__step_1.sql was applied before it and stands.") || !strstr(p.err, "The lock is released."))
        fail_msg("exit %d\n%s%s", p.exit, p.out, p.err);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&l.look, FILES), 1);
    assert_int_equal(sandbox_number(&l.look, SLEEPS), 0);
    run_has(&l.look, "lock-status", 0, "Status: UNLOCKED", "");
    close_project(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link_stays_down),
        cmocka_unit_test(link_comes_again),
        cmocka_unit_test(client_notices_first),
    };
    /* Without being root: in a user namespace of its own, where one may have one. */
    if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        printf("not run here: a link that goes down (a network namespace: %s)\n", strerror(errno));
        return 0;
    }
    link_is(true);
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("link_down", tests, NULL, NULL);
}
