/* pg_server.c: a real PostgreSQL server of the test's own. */
#include "pg_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

enum { START_TRIES = 600, START_PAUSE_US = 50000 };

static char folder[64], bindir[256];
static int port, standby_port;
static pid_t postmaster, standby, owner;
static unsigned databases;

/* PostgreSQL refuses to run as root: its folder and processes belong to an unprivileged user then. */
static const struct passwd *server_user(void)
{
    const struct passwd *user = getpwnam("postgres");
    return user ? user : getpwnam("nobody");
}

static void become_user(void)
{
    if (geteuid() == 0) {
        const struct passwd *user = server_user();
        if (!user || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
            _exit(126);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0)
        _exit(126);
}

static void find_programs(void)
{
    const char *named = getenv("PG_BINDIR");
    glob_t found = { 0 };
    if (named) {
        snprintf(bindir, sizeof bindir, "%s", named);
        return;
    }
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0 && found.gl_pathc > 0)
        snprintf(bindir, sizeof bindir, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    if (!bindir[0])
        fail_msg("no PostgreSQL server programs found (PG_BINDIR names their folder)");
}

int pg_server_free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Starts a server program as the server's user, its output in the folder's log. */
static pid_t start_program(const char *name, const char *const args[])
{
    char path[512], log[128];
    const char *argv[32] = { path };
    pid_t pid;
    snprintf(path, sizeof path, "%s/%s", bindir, name);
    snprintf(log, sizeof log, "%s/log", folder);
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become_user();
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir("/") != 0)
            _exit(126);
        unsetenv("LC_ALL");
        execv(path, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return pid;
}

static void show_log(void)
{
    char path[128], line[512];
    FILE *log;
    snprintf(path, sizeof path, "%s/log", folder);
    log = fopen(path, "re");
    while (log && fgets(line, sizeof line, log))
        print_error("%s", line);
    if (log)
        fclose(log);
}

static PGconn *connect_admin(int to)
{
    char conninfo[200];
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d user=postgres dbname=postgres connect_timeout=10", to);
    return PQconnectdb(conninfo);
}

static void wait_ready(pid_t server, int on)
{
    int status;
    for (int i = 0; i < START_TRIES; i++) {
        PGconn *conn = connect_admin(on);
        bool ready = PQstatus(conn) == CONNECTION_OK;
        PQfinish(conn);
        if (ready)
            return;
        if (waitpid(server, &status, WNOHANG) == server)
            break;
        usleep(START_PAUSE_US);
    }
    show_log();
    fail_msg("the PostgreSQL server did not start");
}

bool pg_server_durable(void)
{
    const char *wanted = getenv("PG_FSYNC");
    return wanted && strcmp(wanted, "on") == 0;
}

/* Starts the server whose data are in that folder of ours. */
static pid_t start_server(const char *name, int on)
{
    char data[128], number[16];
    pid_t server;
    bool durable = pg_server_durable();
    const char *const args[] = { "-D", data, "-p", number, "-k", folder, "-h", "127.0.0.1", "-c", durable ? "fsync=on" : "fsync=off", "-c", durable ? "full_page_writes=on" : "full_page_writes=off", "-c", "max_connections=80",
                                 "-c", "max_prepared_transactions=4", "-c", "shared_buffers=16MB", "-c", "log_min_messages=fatal", NULL };
    snprintf(data, sizeof data, "%s/%s", folder, name);
    snprintf(number, sizeof number, "%d", on);
    server = start_program("postgres", args);
    wait_ready(server, on);
    return server;
}

void pg_server_start_again(void)
{
    postmaster = start_server("data", port);
}

int pg_server_standby_port(void)
{
    char data[128], number[16];
    const char *const args[] = { "-h", "127.0.0.1", "-p", number, "-U", "postgres", "-D", data, "-R", "-N", "-c", "fast", NULL };
    int status;
    pid_t pid;
    if (standby_port)
        return standby_port;
    snprintf(number, sizeof number, "%d", pg_server_port());
    snprintf(data, sizeof data, "%s/standby", folder);
    pid = start_program("pg_basebackup", args);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        show_log();
    assert_int_equal(status, 0);
    standby_port = pg_server_free_port();
    standby = start_server("standby", standby_port);
    return standby_port;
}

void pg_server_standby_promote(void)
{
    PGconn *conn = connect_admin(standby_port);
    PGresult *res = PQexec(conn, "SELECT pg_promote()");
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        print_error("%s", PQerrorMessage(conn));
    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    assert_string_equal(PQgetvalue(res, 0, 0), "t");
    PQclear(res);
    PQfinish(conn);
}

static void stop_standby(void)
{
    int status;
    if (standby <= 0)
        return;
    kill(standby, SIGINT);
    waitpid(standby, &status, 0);
    standby = 0;
    standby_port = 0;
}

void pg_server_standby_drop(void)
{
    char command[128];
    stop_standby();
    snprintf(command, sizeof command, "rm -rf '%s/standby'", folder);
    assert_int_equal(system(command), 0);
}

static void start(void)
{
    char data[128];
    const char *const args[] = { "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", NULL };
    int status;
    pid_t pid;
    find_programs();
    snprintf(folder, sizeof folder, "/tmp/jetbase-pg-XXXXXX");
    assert_non_null(mkdtemp(folder));
    if (geteuid() == 0)
        assert_int_equal(chown(folder, server_user()->pw_uid, server_user()->pw_gid), 0);
    snprintf(data, sizeof data, "%s/data", folder);
    pid = start_program("initdb", args);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        show_log();
    assert_int_equal(status, 0);
    owner = getpid();
    port = pg_server_free_port();
    atexit(pg_server_stop);
    pg_server_start_again();
}

int pg_server_port(void)
{
    if (!port)
        start();
    return port;
}

const char *pg_server_socket_dir(void)
{
    pg_server_port();
    return folder;
}

void pg_server_program(const char *name, char *path, size_t size)
{
    pg_server_port();
    snprintf(path, size, "%s/%s", bindir, name);
}

pid_t pg_server_pid(void)
{
    pg_server_port();
    return postmaster;
}

void pg_server_new_database(char *url, size_t size)
{
    char sql[64];
    PGconn *conn;
    PGresult *res;
    pg_server_port();
    conn = connect_admin(port);
    snprintf(sql, sizeof sql, "CREATE DATABASE test%u", ++databases);
    res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        print_error("%s", PQerrorMessage(conn));
    assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
    PQclear(res);
    PQfinish(conn);
    snprintf(url, size, "postgresql://postgres@127.0.0.1:%d/test%u", port, databases);
}

void pg_server_crash(void)
{
    int status;
    kill(postmaster, SIGQUIT);
    waitpid(postmaster, &status, 0);
    postmaster = 0;
}

void pg_server_stop(void)
{
    char command[128];
    int status;
    if (!folder[0] || getpid() != owner) /* a forked child must not stop its parent's server */
        return;
    stop_standby();
    if (postmaster > 0) {
        kill(postmaster, SIGINT);
        waitpid(postmaster, &status, 0);
        postmaster = 0;
    }
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "could not remove %s\n", folder);
    folder[0] = '\0';
}
