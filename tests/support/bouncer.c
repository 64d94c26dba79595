/* bouncer.c: a PgBouncer of the test's own. */
#include "bouncer.h"

#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "pg_server.h"

enum { START_TRIES = 600, START_PAUSE_US = 20000 };

static const char *program(void)
{
    static const char *const places[] = { "/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

static void write_file(const struct bouncer *b, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void write_file(const struct bouncer *b, const char *name, const char *format, ...)
{
    char path[128];
    FILE *file;
    va_list args;
    snprintf(path, sizeof path, "%s/%s", b->dir, name);
    file = fopen(path, "we");
    assert_non_null(file);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static void settings(const struct bouncer *b, const char *pool_mode, int size)
{
    write_file(b, "users", "\"postgres\" \"\"\n");
    write_file(b, "ini",
               "[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = trust\nauth_file = %s/users\npool_mode = %s\n"
               "default_pool_size = %d\nlogfile = %s/log\npidfile = %s/pid\n",
               pg_server_port(), b->port, b->dir, pool_mode, size, b->dir, b->dir);
}

/* It refuses to run as root, as the server does. */
static void become_user(void)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() != 0)
        return;
    if (!user || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        _exit(126);
}

static bool answers(const struct bouncer *b)
{
    char conninfo[128];
    PGconn *conn;
    bool ok;
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d user=postgres dbname=postgres connect_timeout=10", b->port);
    conn = PQconnectdb(conninfo);
    ok = PQstatus(conn) == CONNECTION_OK;
    PQfinish(conn);
    return ok;
}

bool bouncer_start(struct bouncer *b, const char *pool_mode, int size)
{
    char ini[128];
    const char *path = program();
    if (!path)
        return false;
    pg_server_port();
    snprintf(b->dir, sizeof b->dir, "/tmp/jetbase-bouncer-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    assert_int_equal(chmod(b->dir, 0777), 0);
    b->port = pg_server_free_port();
    settings(b, pool_mode, size);
    snprintf(ini, sizeof ini, "%s/ini", b->dir);
    b->pid = fork();
    assert_true(b->pid >= 0);
    if (b->pid == 0) {
        become_user();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
            _exit(126);
        execl(path, path, "-q", ini, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < START_TRIES && waitpid(b->pid, NULL, WNOHANG) == 0; i++) {
        if (answers(b))
            return true;
        usleep(START_PAUSE_US);
    }
    fail_msg("PgBouncer did not start");
    return false;
}

void bouncer_stop(struct bouncer *b)
{
    char command[128];
    kill(b->pid, SIGKILL);
    waitpid(b->pid, NULL, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
    if (system(command) != 0)
        fprintf(stderr, "could not remove %s\n", b->dir);
}
