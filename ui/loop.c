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

/* Lends the terminal to the person's pager or editor. */
static void open_file(struct loop *l, bool edit)
{
    const char *pager = getenv("PAGER"), *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
    const char *command = edit ? (visual && *visual ? visual : editor && *editor ? editor : "vi") : pager && *pager ? pager : "less";
    char why[200];
    if (!terminal_lend(command, l->model->detail->path, why, sizeof why))
        model_say(l->model, true, "%s", why);
    l->anew = true;
}

static void apply(struct loop *l, struct model_msg *msg)
{
    struct effect fx;
    msg->mono_ms = l->parts->sys->mono_ms();
    msg->wall_us = l->parts->sys->wall_us();
    fx = model_apply(l->model, msg);
    if (fx.read)
        reader_ask(l->parts->reader, &l->model->want);
    if (fx.flush)
        terminal_flush_input();
    switch (fx.what) {
    case FX_NONE:
        break;
    case FX_PLAN:
    case FX_FIND:
    case FX_REHEARSE:
    case FX_RUN:
    case FX_UNLOCK:
    case FX_BLOCKER:
        worker_do(l->parts->worker, &fx);
        break;
    case FX_CANCEL_OWN:
        worker_cancel(l->parts->worker, fx.signal);
        break;
    case FX_COPY:
        if (terminal_copy(l->model->copy))
            model_say(l->model, false, "sent to the terminal's clipboard, where it allows that (OSC 52)");
        else
            model_say(l->model, true, "this terminal is not known to have a clipboard (OSC 52)");
        break;
    case FX_PAGER:
    case FX_EDITOR:
        open_file(l, fx.what == FX_EDITOR);
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
        else if ((number == SIGINT || number == SIGQUIT) && info.ssi_code == SI_KERNEL) /* by the terminal, before the console had it */
            apply(l, &(struct model_msg){ .kind = MSG_INTERRUPT, .u.signal = number });
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
    int key, row, col;
    while (!l->leave && (key = terminal_key()) != UK_NONE) {
        struct model_msg msg = { .kind = MSG_KEY, .u.key = key };
        if (key == UK_CTRL_Z)
            msg = (struct model_msg){ .kind = MSG_SUSPEND };
        else if (key == UK_CTRL_C || key == UK_CTRL_BACKSLASH)
            msg = (struct model_msg){ .kind = MSG_INTERRUPT, .u.signal = key == UK_CTRL_C ? SIGINT : SIGQUIT };
        if (key == UK_MOUSE) {
            enum terminal_mouse got = terminal_mouse(&row, &col);
            if (got == TERMINAL_MOUSE_NONE)
                continue;
            msg = (struct model_msg){ .kind = MSG_MOUSE };
            msg.u.mouse.what = got == TERMINAL_MOUSE_PRESS ? MOUSE_PRESS : got == TERMINAL_MOUSE_UP ? MOUSE_WHEEL_UP : MOUSE_WHEEL_DOWN;
            msg.u.mouse.row = row;
            msg.u.mouse.col = col;
        }
        apply(l, &msg);
    }
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
    if (parts->target)
        model_set_target(l.model, parts->target, parts->guarded, !parts->held_back);
    apply(&l, &(struct model_msg){ .kind = MSG_TICK });
    turn(&l);
    text_copy(farewell, size, l.model->farewell);
    model_free(l.model);
    free(l.model);
    canvas_free(&l.shown);
    canvas_free(&l.next);
    return l.exit_code;
}
