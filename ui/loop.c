/* loop.c: one thread that waits for keys, messages, signals and the next second, and shows what they change. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "keys.h"
#include "loop.h"
#include "pane.h"
#include "terminal.h"
#include "text.h"

struct loop {
    const struct loop_parts *parts;
    struct model *model;
    struct canvas shown, next;
    bool anew;                /* what is on the terminal is not what was drawn last */
    bool leave;
    int exit_code;
};

static void apply(struct loop *l, struct model_msg *msg)
{
    struct effect fx;
    msg->mono_ms = l->parts->sys->mono_ms();
    msg->wall_us = l->parts->sys->wall_us();
    fx = model_apply(l->model, msg);
    if (fx.flush)
        terminal_flush_input();
    switch (fx.what) {
    case FX_NONE:
        break;
    case FX_PLAN:
    case FX_RUN:
    case FX_UNLOCK:
        worker_do(l->parts->worker, &fx);
        break;
    case FX_CANCEL_OWN:
        worker_cancel(l->parts->worker, fx.signal);
        break;
    case FX_REDRAW:
        terminal_forget();
        l->anew = true;
        break;
    case FX_SUSPEND:
        terminal_suspend();
        l->anew = true;
        break;
    case FX_QUIT:
        l->leave = true;
        l->exit_code = fx.exit_code;
        break;
    }
}

static void resized(struct loop *l)
{
    struct model_msg msg = { .kind = MSG_RESIZE };
    terminal_size(&msg.u.size.rows, &msg.u.size.cols);
    terminal_resize(msg.u.size.rows, msg.u.size.cols);
    apply(l, &msg);
}

static void read_signals(struct loop *l)
{
    struct signalfd_siginfo info;
    while (!l->leave && read(l->parts->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == SIGWINCH)
            resized(l);
        else if (number == SIGTSTP)
            apply(l, &(struct model_msg){ .kind = MSG_SUSPEND });
        else
            apply(l, &(struct model_msg){ .kind = MSG_SIGNAL, .u.signal = number });
    }
}

static void read_mail(struct loop *l)
{
    struct model_msg msg;
    while (!l->leave && mailbox_take(l->parts->mail, &msg)) {
        apply(l, &msg);
        message_drop(&msg);
    }
}

static void read_keys(struct loop *l)
{
    int key;
    while (!l->leave && (key = terminal_key()) != UK_NONE)
        apply(l, &(struct model_msg){ .kind = MSG_KEY, .u.key = key });
}

static void draw(struct loop *l)
{
    struct canvas old;
    screen_draw(l->model, &l->next);
    if (!l->anew && canvas_same(&l->shown, &l->next))
        return;
    terminal_show(&l->next);
    l->anew = false;
    old = l->shown;
    l->shown = l->next;
    l->next = old;
}

/* Milliseconds to the next whole second of the clock that is shown. */
static int until_tick(const struct loop *l)
{
    return 1000 - (int)(l->parts->sys->wall_us() / 1000 % 1000);
}

/* The terminal is gone: as if its SIGHUP had come. Once only: the descriptor stays ready. */
static void hung_up(struct loop *l, struct pollfd *keys)
{
    keys->fd = -1;
    apply(l, &(struct model_msg){ .kind = MSG_SIGNAL, .u.signal = SIGHUP });
}

static void turn(struct loop *l)
{
    struct pollfd fds[3] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = mailbox_fd(l->parts->mail), .events = POLLIN }, { .fd = l->parts->signal_fd, .events = POLLIN } };
    while (!l->leave) {
        int ready;
        draw(l);
        ready = poll(fds, 3, until_tick(l));
        if (ready < 0 && errno != EINTR)
            hung_up(l, &fds[0]);
        if (ready > 0 && fds[2].revents)
            read_signals(l);
        if (ready > 0 && fds[1].revents)
            read_mail(l);
        if (ready > 0 && (fds[0].revents & POLLIN))
            read_keys(l);
        if (ready > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)))
            hung_up(l, &fds[0]);
        if (!l->leave)
            apply(l, &(struct model_msg){ .kind = MSG_TICK });
    }
}

int loop_run(const struct loop_parts *parts, char *farewell, size_t size)
{
    struct loop l = { .parts = parts, .anew = true };
    int rows, cols;
    l.model = malloc(sizeof *l.model);
    if (!l.model) {
        text_copy(farewell, size, "out of memory at the start of the console");
        return 1;
    }
    terminal_size(&rows, &cols);
    model_init(l.model, rows, cols, parts->read_only, parts->refresh_ms);
    apply(&l, &(struct model_msg){ .kind = MSG_TICK });
    turn(&l);
    text_copy(farewell, size, l.model->farewell);
    model_free(l.model);
    free(l.model);
    canvas_free(&l.shown);
    canvas_free(&l.next);
    return l.exit_code;
}
