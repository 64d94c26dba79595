/* signals.c: turns SIGINT, SIGTERM and SIGHUP into a flag and a readable descriptor. */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
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
    *stop = &stop_signal;
    *wake_fd = stop_fd;
    return true;
}
