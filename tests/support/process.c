/* process.c: starts the built program beside the test, many at a time, and collects what it said. */
#include "process.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *program(const char *variable, const char *fallback, char *full, size_t size)
{
    const char *named = getenv(variable);
    char *real;
    if (!named)
        named = fallback;
    real = realpath(named, NULL); /* children start in other folders */
    snprintf(full, size, "%s", real ? real : named);
    free(real);
    return full;
}

const char *process_jetbase(void)
{
    static char full[4096];
    return full[0] ? full : program("JETBASE", "./jetbase", full, sizeof full);
}

const char *process_faulty(void)
{
    static char full[4096];
    return full[0] ? full : program("JETBASE_FAULTY", "tests/jetbase-faulty", full, sizeof full);
}

static void child(struct process *p, const char *dir, const char *const argv[], const char *const env[])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(p->out_fd, 1) < 0 || dup2(p->err_fd, 2) < 0 || (dir && chdir(dir) != 0))
        _exit(126);
    for (; env && *env; env++)
        if (putenv((char *)(uintptr_t)*env) != 0)
            _exit(126);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

void process_start(struct process *p, const char *dir, const char *const argv[], const char *const env[])
{
    memset(p, 0, sizeof *p);
    p->out_fd = memfd_create("out", MFD_CLOEXEC);
    p->err_fd = memfd_create("err", MFD_CLOEXEC);
    assert_true(p->out_fd >= 0 && p->err_fd >= 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        child(p, dir, argv, env);
}

/* What it has said so far. */
static char *so_far(int fd)
{
    struct stat st;
    char *text;
    assert_int_equal(fstat(fd, &st), 0);
    text = calloc(1, (size_t)st.st_size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
    return text;
}

static char *whole(int fd)
{
    char *text = so_far(fd);
    close(fd);
    return text;
}

void process_hear(const struct process *p, bool on_error, const char *text)
{
    for (;;) {
        siginfo_t info = { .si_pid = 0 };
        bool ended = waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
        char *said = so_far(on_error ? p->err_fd : p->out_fd);
        bool heard = strstr(said, text) != NULL;
        if (!heard && ended)
            print_error("it ended without having said: %s\n[said]\n%s\n", text, said);
        free(said);
        if (heard)
            return;
        assert_false(ended);
        usleep(2000);
    }
}

void process_wait(struct process *p)
{
    struct rusage used = { 0 };
    while (p->pid > 0 && wait4(p->pid, &p->status, 0, &used) < 0 && errno == EINTR)
        continue;
    p->pid = 0;
    p->peak_kb = used.ru_maxrss;
    p->exit = WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status);
    p->out = whole(p->out_fd);
    p->err = whole(p->err_fd);
}

bool process_wait_stopped(struct process *p)
{
    pid_t got;
    while ((got = waitpid(p->pid, &p->status, WUNTRACED)) < 0 && errno == EINTR)
        continue;
    assert_true(got == p->pid);
    if (WIFSTOPPED(p->status))
        return true;
    p->pid = 0;
    return false;
}

void process_free(struct process *p)
{
    free(p->out);
    free(p->err);
    p->out = p->err = NULL;
}

void process_run(struct process *p, const char *dir, const char *const argv[], const char *const env[])
{
    process_start(p, dir, argv, env);
    process_wait(p);
}
