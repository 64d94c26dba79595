/* console.c: opens the console: project, terminal, signals, threads; and puts everything back. */
#include "console.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "action.h"
#include "loop.h"
#include "model.h"
#include "output.h"
#include "terminal.h"

enum { REFRESH_MS = 1000, REFRESH_LEAST_MS = 100, REFRESH_MOST_MS = 86400000, LEAVE_WATCHER_MS = 2000, LEAVE_WORKER_MS = 6000 };

/* What a console is made of. */
struct parts {
    struct loop_parts loop;
    struct watcher *watcher;
    sigset_t mask_before;
    bool masked;
};

/* All threads that are made from now on leave these signals to the drawing thread, which reads them like keys. */
static bool take_signals(struct parts *p, struct error *err)
{
    static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH };
    sigset_t set;
    int failed;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&set, numbers[i]);
    failed = pthread_sigmask(SIG_BLOCK, &set, &p->mask_before);
    if (failed)
        return error_set(err, ERR_FAILED, "the console can't watch signals: %s", strerror(failed));
    p->masked = true;
    p->loop.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (p->loop.signal_fd < 0)
        return error_set(err, ERR_FAILED, "the console can't watch signals: %s", strerror(errno));
    return true;
}

static bool start(struct parts *p, const struct project *project, struct error *err)
{
    if (!take_signals(p, err))
        return false;
    p->loop.mail = mailbox_new(err);
    if (!p->loop.mail)
        return false;
    p->watcher = watcher_start(project, p->loop.sys, p->loop.refresh_ms, p->loop.mail, err);
    if (!p->watcher)
        return false;
    p->loop.reader = reader_start(project, p->loop.mail, err);
    if (!p->loop.reader)
        return false;
    p->loop.worker = worker_start(project, p->loop.sys, p->loop.mail, p->watcher, err);
    return p->loop.worker != NULL;
}

/* False: a thread hangs in its library and may still look at what was lent to it. */
static bool stop(struct parts *p)
{
    bool ended = worker_stop(p->loop.worker, LEAVE_WORKER_MS);
    ended = ended && watcher_stop(p->watcher, LEAVE_WATCHER_MS);
    ended = ended && reader_stop(p->loop.reader, LEAVE_WATCHER_MS);
    if (ended)
        mailbox_free(p->loop.mail);
    if (p->loop.signal_fd >= 0)
        close(p->loop.signal_fd);
    if (p->masked)
        pthread_sigmask(SIG_SETMASK, &p->mask_before, NULL);
    return ended;
}

static int in_bounds(double refresh_s)
{
    if (refresh_s <= 0)
        return REFRESH_MS;
    if (refresh_s * 1000 < REFRESH_LEAST_MS)
        return REFRESH_LEAST_MS;
    return refresh_s * 1000 > REFRESH_MOST_MS ? REFRESH_MOST_MS : (int)(refresh_s * 1000);
}

int console_run(const struct project_options *options, const struct sys *sys, bool read_only, double refresh_s, struct error *err)
{
    /* Static, as a thread that hangs may outlive this call. */
    static struct project project;
    struct parts parts = { .loop = { .sys = sys, .signal_fd = -1, .read_only = read_only } };
    struct output beside;
    char farewell[512] = "";
    int code;
    parts.loop.refresh_ms = in_bounds(refresh_s);
    bool open = project_open(options, true, &project, err);
    parts.loop.target = project.target;
    parts.loop.guarded = project.guarded;
    parts.loop.held_back = project.held_back;
    /* They stand above the command line again when the console has gone. */
    output_open(&beside, stdout, stderr);
    output_warn_lines(&beside, project.warnings);
    if (!open || !terminal_open(MODEL_MIN_ROWS, MODEL_MIN_COLS, err)) {
        project_free(&project);
        return error_exit_code(err->code);
    }
    if (start(&parts, &project, err))
        code = loop_run(&parts.loop, farewell, sizeof farewell);
    else
        code = error_exit_code(err->code);
    terminal_close();
    if (stop(&parts))
        project_free(&project);
    if (farewell[0])
        error_set(err, ERR_CANCELLED, "%s", farewell);
    return code;
}

bool console_key(size_t index, struct command_key *key)
{
    if (index >= actions_count)
        return false;
    *key = (struct command_key){ .names = actions[index].names, .help = actions[index].help, .when = actions[index].allowed || actions[index].changes ? actions[index].when : NULL };
    return true;
}
