/* watcher.c: looks at the database for the console, again and again, over a connection of its own. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "watcher.h"

enum { PAUSE_FIRST_MS = 250, PAUSE_MOST_MS = 5000, LISTING_AGE_MS = 5000 };

struct watcher {
    const struct project *project;
    const struct sys *sys;
    struct mailbox *mail;
    int refresh_ms;
    pthread_t thread;
    atomic_int stop;
    int stop_fd, kick_fd;
    struct files *files;
    int wake_fd;                 /* readable while kick_fd or that of files is */
    /* The thread's own. */
    struct db *db;
    struct listing *listing;     /* the last one, reused while nothing says that it is old */
    struct history *history;     /* that it was made from, or the last one was */
    struct snapshot *last;       /* the last look */
    struct lock_view listing_lock;
    int64_t listing_ms, listing_wall_us; /* when it was last found to be true */
};

static void ring(int fd)
{
    uint64_t one = 1;
    ssize_t put;
    /* EAGAIN: it is readable already. */
    do
        put = write(fd, &one, sizeof one);
    while (put < 0 && errno == EINTR);
}

/* True where it had been rung. */
static bool quiet(int fd)
{
    uint64_t count;
    ssize_t got;
    do
        got = read(fd, &count, sizeof count);
    while (got < 0 && errno == EINTR);
    return got > 0;
}

/* Has a run begun, gone on or ended since the listing was read? */
static bool lock_moved(const struct lock_view *a, const struct lock_view *b)
{
    const struct run_row *run_a = a->row.locked ? &a->row.run : &a->row.last, *run_b = b->row.locked ? &b->row.run : &b->row.last;
    return a->row.table != b->row.table || a->verdict != b->verdict || a->row.locked != b->row.locked || strcmp(a->row.process_id, b->row.process_id) != 0 ||
           strcmp(a->row.locked_at, b->row.locked_at) != 0 || strcmp(run_a->process_id, run_b->process_id) != 0 || strcmp(run_a->file, run_b->file) != 0 ||
           strcmp(run_a->last_done, run_b->last_done) != 0 || run_a->outcome != run_b->outcome || strcmp(run_a->unlocked_at, run_b->unlocked_at) != 0;
}

/* Must history and runs be asked for again? Where the database tells of each change only a run's death, which is none, and another program's work, which it may not tell of, are left. */
static bool is_stale(const struct watcher *w, bool changed, const struct snapshot *now)
{
    return !w->listing || changed || w->sys->mono_ms() - w->listing_ms >= LISTING_AGE_MS || lock_moved(&w->listing_lock, &now->lock);
}

/* The listing as it is true at or after the look; a reference for the caller. */
static struct listing *listing_of(struct watcher *w, bool changed, const struct snapshot *snap, struct error *err)
{
    bool files = files_changed(w->files) || !w->last, stale = files || is_stale(w, changed, snap);
    struct listing *listing;
    if (!stale)
        return listing_ref(w->listing);
    files = files || (w->listing && w->listing->unread);
    listing = listing_read(w->files, files, w->db, w->listing, &w->history, err);
    if (!listing)
        return NULL;
    listing_unref(w->listing);
    w->listing = listing_ref(listing);
    w->listing_ms = snap->seen_mono_ms;
    w->listing_wall_us = snap->seen_wall_us;
    w->listing_lock = snap->lock;
    return listing;
}

static void publish(struct watcher *w, struct model_msg *msg)
{
    snapshot_unref(w->last);
    w->last = snapshot_ref(msg->u.snap);
    mailbox_post(w->mail, msg);
}

/* Looks once and publishes. False with *err where that could not be done. */
static bool look(struct watcher *w, bool changed, struct error *err)
{
    struct snapshot *snap = snapshot_look(w->project, w->db, w->sys, err);
    if (snap && !(snap->listing = listing_of(w, changed, snap, err))) {
        snapshot_unref(snap);
        snap = NULL;
    }
    if (!snap)
        return false;
    snap->listing_wall_us = w->listing_wall_us;
    publish(w, &(struct model_msg){ .kind = MSG_SNAPSHOT, .u.snap = snap });
    return true;
}

/* Publishes what has happened to the files; the database is not asked, and need not be there. */
static void look_at_files(struct watcher *w)
{
    struct error ignored = { 0 };
    struct listing *listing;
    struct snapshot *snap;
    if (!w->last || !w->history || !files_changed(w->files))
        return;
    listing = listing_reread(w->files, w->last->listing, w->history, &ignored);
    snap = listing ? snapshot_with(w->last, listing) : NULL;
    if (!snap) {
        /* Memory ran out: the next look tells. */
        listing_unref(w->listing);
        w->listing = NULL;
        return;
    }
    if (w->listing) {
        listing_unref(w->listing);
        w->listing = listing_ref(listing);
    }
    publish(w, &(struct model_msg){ .kind = MSG_FILES, .u.snap = snap });
}

static void publish_fault(struct watcher *w, const struct error *err)
{
    struct error *copy = malloc(sizeof *copy);
    if (!copy)
        return;
    *copy = *err;
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_DOWN, .u.down = copy });
}

static void disconnect(struct watcher *w)
{
    if (w->db)
        db_driver_of(w->db)->close(w->db);
    w->db = NULL;
    listing_unref(w->listing);
    w->listing = NULL;
}

/* Waits until the database is to be looked at again, pause_ms at most; files that change meanwhile are shown at once. Even without a pause what has happened already is asked for: the next look would take it for old. */
static bool wait_for_change(struct watcher *w, int pause_ms, bool *changed, struct error *err)
{
    int64_t until = w->sys->mono_ms() + pause_ms;
    bool kicked = false;
    *changed = false;
    do {
        if (!db_driver_of(w->db)->wait_change(w->db, files_wait_ms(w->files, until - w->sys->mono_ms()), w->wake_fd, changed, err))
            return false;
        kicked = quiet(w->kick_fd);
        look_at_files(w);
    } while (!*changed && !kicked && !atomic_load(&w->stop) && w->sys->mono_ms() < until);
    return true;
}

/* Looks over this connection until it fails or the console ends. What a look found is as old as the look is long: after one that lasted longer than the pause another follows at once, but not if that comes late too: a slow database has its pauses. */
static void look_on(struct watcher *w, int *pause_ms, struct error *err)
{
    bool changed = true, late = false;
    while (!atomic_load(&w->stop)) {
        bool late_before = late;
        if (!look(w, changed, err))
            return;
        *pause_ms = PAUSE_FIRST_MS;
        late = w->sys->mono_ms() - w->last->seen_mono_ms > w->refresh_ms;
        if (!wait_for_change(w, late && !late_before ? 0 : w->refresh_ms, &changed, err))
            return;
    }
}

/* Waits before the next try to connect. */
static void rest(struct watcher *w, int pause_ms)
{
    int64_t until = w->sys->mono_ms() + pause_ms;
    bool kicked = false;
    while (!kicked && !atomic_load(&w->stop) && w->sys->mono_ms() < until) {
        struct pollfd wait = { .fd = w->wake_fd, .events = POLLIN };
        poll(&wait, 1, files_wait_ms(w->files, until - w->sys->mono_ms()));
        kicked = quiet(w->kick_fd);
        look_at_files(w);
    }
}

static void *run(void *user)
{
    struct watcher *w = user;
    struct engine_hooks hooks = { .stop = &w->stop, .wake_fd = w->stop_fd };
    int pause_ms = PAUSE_FIRST_MS;
    while (!atomic_load(&w->stop)) {
        struct error err = { 0 };
        if (engine_connect(w->project, w->sys, DB_LOOK, &hooks, &w->db, &err))
            look_on(w, &pause_ms, &err);
        disconnect(w);
        if (atomic_load(&w->stop))
            break;
        publish_fault(w, &err);
        rest(w, pause_ms);
        pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
    }
    return NULL;
}

static void discard(struct watcher *w)
{
    const int fds[] = { w->stop_fd, w->kick_fd, w->wake_fd };
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    snapshot_unref(w->last);
    history_free(w->history);
    files_close(w->files);
    free(w);
}

/* One descriptor for both reasons to wake. */
static bool open_wake(struct watcher *w)
{
    struct epoll_event event = { .events = EPOLLIN };
    w->wake_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->wake_fd < 0 || epoll_ctl(w->wake_fd, EPOLL_CTL_ADD, w->kick_fd, &event) != 0)
        return false;
    return files_fd(w->files) < 0 || epoll_ctl(w->wake_fd, EPOLL_CTL_ADD, files_fd(w->files), &event) == 0;
}

struct watcher *watcher_start(const struct project *project, const struct sys *sys, int refresh_ms, struct mailbox *mail, struct error *err)
{
    struct watcher *w = calloc(1, sizeof *w);
    int failed;
    if (!w || !(w->files = files_open(project, sys))) {
        free(w);
        error_set(err, ERR_NO_MEMORY, "out of memory at the start of the console");
        return NULL;
    }
    w->project = project;
    w->sys = sys;
    w->mail = mail;
    w->refresh_ms = refresh_ms;
    atomic_init(&w->stop, 0);
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->wake_fd = -1;
    failed = w->stop_fd < 0 || w->kick_fd < 0 || !open_wake(w) ? errno : pthread_create(&w->thread, NULL, run, w);
    if (!failed)
        return w;
    error_set(err, ERR_FAILED, "the console can't start its watching thread: %s", strerror(failed));
    discard(w);
    return NULL;
}

void watcher_kick(struct watcher *w)
{
    ring(w->kick_fd);
}

bool watcher_stop(struct watcher *w, int timeout_ms)
{
    struct timespec until;
    if (!w)
        return true;
    atomic_store(&w->stop, SIGTERM);
    ring(w->stop_fd);
    ring(w->kick_fd);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    if (pthread_timedjoin_np(w->thread, NULL, &until) != 0)
        return false;
    discard(w);
    return true;
}
