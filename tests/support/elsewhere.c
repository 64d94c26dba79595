/* elsewhere.c: runs the program elsewhere, and compares what is said there of a lock. */
#include "elsewhere.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

enum { MOST_WORDS = 32 };

/* ---- what this program does as a child: it goes elsewhere, and runs another program there ---- */

static volatile pid_t inside_pid;

static void end_inside(int number)
{
    (void)number;
    kill(inside_pid, SIGKILL);
}

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int refused(const char *what)
{
    fprintf(stderr, "%s: %s", what, strerror(errno));
    return ELSEWHERE_REFUSED;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return code_of(status);
}

/* Leaves the namespaces that are named, in a user namespace of its own where it is not root. */
static bool leave(int flags)
{
    return unshare(geteuid() == 0 ? flags : flags | CLONE_NEWUSER) == 0;
}

static int under_another_name(char **argv)
{
    if (!leave(CLONE_NEWUTS) || sethostname(ELSEWHERE_HOST, strlen(ELSEWHERE_HOST)) != 0)
        return refused("a host name of its own");
    execv(argv[0], argv);
    return 127;
}

/* The first process there only waits, as that of a container does: the program is the second. SIGTERM ends all of them. */
static int among_other_pids(char **argv)
{
    if (!leave(CLONE_NEWPID | CLONE_NEWNS))
        return refused("a pid namespace");
    inside_pid = fork();
    if (inside_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("proc", "/proc", "proc", 0, NULL) != 0)
            _exit(refused("a /proc of its own"));
        pid_t program = fork();
        if (program == 0) {
            execv(argv[0], argv);
            _exit(127);
        }
        _exit(wait_for(program));
    }
    signal(SIGTERM, end_inside);
    _exit(wait_for(inside_pid)); /* a leak checker could start no process of its own any more */
}

/* Mounts DIR/merged over DIR/lower and DIR/upper, says so, and keeps that until it is killed. */
static int keep_overlay(const char *dir)
{
    char options[1000], merged[300];
    snprintf(options, sizeof options, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", dir, dir, dir);
    snprintf(merged, sizeof merged, "%s/merged", dir);
    if (!leave(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("overlay", merged, "overlay", 0, options) != 0)
        return refused("an overlay");
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}

/* Runs the program among the mounts of another process. */
static int join(const char *pid, char **argv)
{
    char path[64];
    char *here = getcwd(NULL, 0);
    int fd;
    snprintf(path, sizeof path, "/proc/%s/ns/mnt", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !here || setns(fd, CLONE_NEWNS) != 0 || chdir(here) != 0)
        return refused("mounts of another process");
    execv(argv[0], argv);
    return 127;
}

int elsewhere_child(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "name") == 0)
        return under_another_name(argv + 2);
    if (argc > 2 && strcmp(argv[1], "pids") == 0)
        return among_other_pids(argv + 2);
    if (argc == 3 && strcmp(argv[1], "overlay") == 0)
        return keep_overlay(argv[2]);
    if (argc > 3 && strcmp(argv[1], "join") == 0)
        return join(argv[2], argv + 3);
    return 126;
}

/* ---- what tests do ---- */

void elsewhere_start(const struct sandbox *sb, const struct place *at, struct process *p, const char *failpoint, const char *line)
{
    const char *argv[MOST_WORDS];
    char copy[300], set[100], *rest = copy, *word;
    const char *env[] = { sb->variable, failpoint ? set : NULL, NULL };
    size_t n = 0;
    if (at->how) {
        argv[n++] = "/proc/self/exe";
        argv[n++] = at->how;
        if (at->whom)
            argv[n++] = at->whom;
    }
    argv[n++] = failpoint ? process_faulty() : process_jetbase();
    snprintf(copy, sizeof copy, "%s", line);
    while ((word = strsep(&rest, " ")) != NULL && n + 1 < MOST_WORDS)
        argv[n++] = word;
    argv[n] = NULL;
    if (failpoint)
        snprintf(set, sizeof set, "JETBASE_FAILPOINT=%s", failpoint);
    process_start(p, sb->dir, argv, env);
}

void elsewhere_has(const struct sandbox *sb, const struct place *at, const char *line, int code, const char *out, const char *err)
{
    struct process p;
    elsewhere_start(sb, at, &p, NULL, line);
    process_wait(&p);
    if (p.exit != code || (out && !strstr(p.out, out)) || (err && !strstr(p.err, err)))
        fail_msg("%s %s: exit %d\n%s%s[expected: exit %d] %s %s", at->how ? at->how : "here", line, p.exit, p.out, p.err, code, out ? out : "", err ? err : "");
    process_free(&p);
}

void elsewhere_needs(const char *what, const char *how)
{
    const char *const argv[] = { "/proc/self/exe", how, "/bin/true", NULL };
    struct process p;
    process_run(&p, "/", argv, NULL);
    if (p.exit == ELSEWHERE_REFUSED)
        printf("not run here: %s (%s)\n", what, p.err);
    else
        assert_int_equal(p.exit, 0);
    process_free(&p);
    if (p.exit == ELSEWHERE_REFUSED)
        skip();
}

void elsewhere_is_not_dead(const struct sandbox *sb, const struct place *at, const char *verdict)
{
    elsewhere_has(sb, at, "lock-status", 0, verdict, NULL);
    elsewhere_has(sb, at, "unlock --if-dead", 3, "", "nothing was done");
    elsewhere_has(sb, at, "upgrade --take-over-dead", 3, "", "Migration lock is already held by another process.");
}

void elsewhere_verdict(const struct sandbox *sb, const struct place *at, const char *line, char *to, size_t size)
{
    struct process p;
    json_t *json;
    const char *verdict;
    elsewhere_start(sb, at, &p, NULL, line);
    process_wait(&p);
    json = json_loads(p.out, 0, NULL);
    if (p.exit != 0 || !json)
        fail_msg("%s: exit %d\n%s%s", line, p.exit, p.out, p.err);
    verdict = json_string_value(json_object_get(json, "verdict"));
    snprintf(to, size, "%s", verdict ? verdict : "");
    json_decref(json);
    process_free(&p);
}

void elsewhere_until_dead(const struct sandbox *sb, const struct place *at, const char *line)
{
    char verdict[32];
    for (;;) {
        elsewhere_verdict(sb, at, line, verdict, sizeof verdict);
        if (strcmp(verdict, "dead") == 0)
            break;
        assert_string_equal(verdict, "alive");
        assert_int_equal(sb->kind, SANDBOX_POSTGRES); /* the kernel lets go at once */
    }
    if (sb->kind == SANDBOX_POSTGRES)
        assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM pg_stat_activity a JOIN jetbase_runs r ON r.session_pid = a.pid "
                                            "JOIN jetbase_lock l ON l.process_id = r.process_id::text"), 0);
}
