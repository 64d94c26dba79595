/* signals.c: turns SIGINT, SIGTERM and SIGHUP into a flag and a readable descriptor, and tells what a signal leaves of the lock. */
#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    TWICE_MS = 1000, /* two within this: somebody really means it */
    SAME_MS = 50     /* one key press is often told twice, by the terminal and by a parent that passes it on */
};

static atomic_int stop_signal;
static int stop_fd = -1;
static int64_t last_ms; /* touched by the handler alone, which blocks its signals */
static atomic_int lock_state;
static atomic_bool line_open;
static char lock_id[64]; /* written before lock_state says LOCKED */

void signals_lock_is(enum signals_lock state, const char *process_id)
{
    if (process_id && atomic_load(&lock_state) != SIGNALS_LOCKED)
        snprintf(lock_id, sizeof lock_id, "%s", process_id);
    atomic_store(&lock_state, (int)state);
}

void signals_line_is(bool open)
{
    atomic_store(&line_open, open);
}

static void put(char *to, size_t size, const char *from)
{
    size_t used = strlen(to), len = strlen(from);
    if (used + len < size)
        memcpy(to + used, from, len + 1);
}

/* One line on standard error, where this process has the lock, or may have it. `what` happens; after it: where it has the lock, where that is not known. Async-signal-safe, as all below. */
static void say(const char *what, const char *locked, const char *asking)
{
    int state = atomic_load(&lock_state);
    char line[400] = "";
    if (state == SIGNALS_NO_LOCK)
        return;
    if (atomic_load(&line_open))
        put(line, sizeof line, "\r\033[K");
    put(line, sizeof line, what);
    put(line, sizeof line, state == SIGNALS_LOCKED ? locked : asking);
    if (state == SIGNALS_LOCKED)
        put(line, sizeof line, lock_id);
    put(line, sizeof line, "\n");
    if (write(STDERR_FILENO, line, strlen(line)) < 0) {
        /* nobody hears it */
    }
}

/* Calls nothing but async-signal-safe functions. */
static void on_signal(int number)
{
    int kept = errno;
    uint64_t one = 1;
    struct timespec t = { 0 };
    int64_t now_ms, since_ms;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    since_ms = now_ms - last_ms;
    if (number != SIGHUP && atomic_load(&stop_signal) != 0 && since_ms >= SAME_MS && since_ms <= TWICE_MS) {
        say("quit at once, by a second signal: ", "the lock stays unless somebody opened it; `jetbase lock-status` tells, and opens what is dead: jetbase unlock --if-dead --process-id ",
            "whether the lock was taken or given back is not known; `jetbase lock-status` tells");
        signal(number, SIG_DFL);
        raise(number);
    }
    last_ms = now_ms;
    if (atomic_load(&stop_signal) == 0)
        atomic_store(&stop_signal, number);
    if (write(stop_fd, &one, sizeof one) < 0) {
        /* a full counter is readable already */
    }
    errno = kept;
}

/* Says what it means, then stops as every program does. */
static void on_stop(int number)
{
    struct sigaction usual = { .sa_handler = SIG_DFL }, mine;
    sigset_t only, before;
    int kept = errno;
    say("stopping: ", "while it is stopped this process keeps the migration lock, and nobody else can migrate; continue it (fg, kill -CONT) or end it; process ID ",
        "this process is about to take the migration lock, or to give it back");
    sigemptyset(&usual.sa_mask);
    sigemptyset(&only);
    sigaddset(&only, number);
    sigaction(number, &usual, &mine);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &only, &before); /* here it stops */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigaction(number, &mine, NULL);
    errno = kept;
}

static void on_continue(int number)
{
    int kept = errno;
    (void)number;
    say("continued: ", "this process kept the migration lock while it was stopped, unless somebody opened it, and goes on; process ID ", "this process goes on");
    errno = kept;
}

/* The handler, unless the signal is ignored. */
static bool watch_job(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
        return true;
    return sigaction(number, &action, NULL) == 0;
}

void signals_ignore_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

bool signals_watch(const atomic_int **stop, int *wake_fd, struct error *err)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }; /* waits in poll() end all the same, half-written output does not */
    if (stop_fd < 0)
        stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0)
        return error_set(err, ERR_FAILED, "signals can't be watched: %s", strerror(errno));
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&action.sa_mask, numbers[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
            continue; /* nohup */
        if (sigaction(numbers[i], &action, NULL) != 0)
            return error_set(err, ERR_FAILED, "signals can't be watched: %s", strerror(errno));
    }
    if (!watch_job(SIGTSTP, on_stop) || !watch_job(SIGCONT, on_continue))
        return error_set(err, ERR_FAILED, "signals can't be watched: %s", strerror(errno));
    *stop = &stop_signal;
    *wake_fd = stop_fd;
    return true;
}
