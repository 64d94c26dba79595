/* watcher.c: looks at the database for the console, again and again, over a connection of its own. */
#include <errno.h>
#include <fts.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "folder_watch.h"
#include "text.h"
#include "watcher.h"

enum { PAUSE_FIRST_MS = 250, PAUSE_MOST_MS = 5000, LISTING_AGE_MS = 5000, FILES_MS = 1000 };

struct watcher {
    const struct project *project;
    const struct sys *sys;
    struct mailbox *mail;
    int refresh_ms;
    pthread_t thread;
    atomic_int stop;
    int stop_fd, kick_fd;
    int files_fd;                /* of folder_watch; -1: look yourself */
    int wake_fd;                 /* readable while kick_fd or files_fd is */
    /* The thread's own. */
    struct db *db;
    struct listing *listing;     /* the last one, reused while nothing says that it is old */
    struct history *history;     /* that it was made from */
    struct snapshot *last;       /* the last look */
    struct lock_view listing_lock;
    uint64_t listing_files;
    int64_t listing_ms;
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

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ULL;
    return hash;
}

/* A number that changes when a file of migrations/ comes, goes or is written. Opens none of them. */
static uint64_t files_signature(const struct project *project)
{
    struct text path = { 0 };
    uint64_t hash = 0xcbf29ce484222325ULL;
    char *roots[2] = { NULL, NULL };
    FTS *walk;
    FTSENT *entry;
    text_printf(&path, "%s/migrations", project->dir);
    roots[0] = path.at;
    walk = path.failed ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    while (walk && (entry = fts_read(walk)) != NULL) {
        if (entry->fts_info == FTS_DP)
            continue;
        /* Added up, so that the order in which a folder is read makes no difference. */
        uint64_t one = mix(0xcbf29ce484222325ULL, entry->fts_path, entry->fts_pathlen);
        const struct stat *st = entry->fts_statp;
        if (entry->fts_info != FTS_NS && entry->fts_info != FTS_NSOK) {
            one = mix(one, &st->st_size, sizeof st->st_size);
            one = mix(one, &st->st_mtim, sizeof st->st_mtim);
            one = mix(one, &st->st_ctim, sizeof st->st_ctim);
            one = mix(one, &st->st_ino, sizeof st->st_ino);
        }
        hash += one;
    }
    if (walk)
        fts_close(walk);
    text_free(&path);
    return hash;
}

/* Has a run begun, gone on or ended since the listing was read? */
static bool lock_moved(const struct lock_view *a, const struct lock_view *b)
{
    const struct run_row *run_a = a->row.locked ? &a->row.run : &a->row.last, *run_b = b->row.locked ? &b->row.run : &b->row.last;
    return a->row.table != b->row.table || a->row.locked != b->row.locked || strcmp(a->row.process_id, b->row.process_id) != 0 ||
           strcmp(a->row.locked_at, b->row.locked_at) != 0 || strcmp(run_a->process_id, run_b->process_id) != 0 || strcmp(run_a->file, run_b->file) != 0 ||
           strcmp(run_a->last_done, run_b->last_done) != 0 || run_a->outcome != run_b->outcome || strcmp(run_a->unlocked_at, run_b->unlocked_at) != 0;
}

/* Looks once and publishes. False with *err where that could not be done. */
static bool look(struct watcher *w, bool changed, struct error *err)
{
    uint64_t files = files_signature(w->project);
    int64_t now = w->sys->mono_ms();
    bool fresh = w->listing && !changed && files == w->listing_files && now - w->listing_ms < LISTING_AGE_MS;
    struct history *history = NULL;
    struct snapshot *snap = snapshot_look(w->project, w->db, w->sys, fresh ? w->listing : NULL, &history, err);
    if (snap && fresh && lock_moved(&w->listing_lock, &snap->lock)) {
        snapshot_unref(snap);
        fresh = false;
        snap = snapshot_look(w->project, w->db, w->sys, NULL, &history, err);
    }
    if (!snap) {
        history_free(history);
        return false;
    }
    if (!fresh) {
        history_free(w->history);
        w->history = history;
        listing_unref(w->listing);
        w->listing = listing_ref(snap->listing);
        w->listing_files = files;
        w->listing_ms = now;
        w->listing_lock = snap->lock;
    }
    snapshot_unref(w->last);
    w->last = snapshot_ref(snap);
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_SNAPSHOT, .u.snap = snap });
    return true;
}

/* Publishes what has happened to the files; the database is not asked, and need not be there. */
static void look_at_files(struct watcher *w)
{
    struct error ignored = { 0 };
    struct listing *listing;
    struct snapshot *snap;
    uint64_t files;
    if (!w->last || !w->history || (files = files_signature(w->project)) == w->listing_files)
        return;
    listing = listing_reread(w->project, w->last->listing, w->history, &ignored);
    snap = listing ? snapshot_with(w->last, listing) : NULL;
    if (!snap)
        return; /* memory ran out: the next look tells */
    w->listing_files = files;
    if (w->listing) {
        listing_unref(w->listing);
        w->listing = listing_ref(listing);
    }
    snapshot_unref(w->last);
    w->last = snapshot_ref(snap);
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_FILES, .u.snap = snap });
}

/* The longest wait for what is left until `until`: where the kernel tells nothing of files, they are looked at each second. */
static int wait_ms(const struct watcher *w, int64_t until)
{
    int64_t left = until - w->sys->mono_ms();
    if (w->files_fd < 0 && left > FILES_MS)
        left = FILES_MS;
    return left > 0 ? (int)left : 0;
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

/* Waits until the database is to be looked at again; files that change meanwhile are shown at once. */
static bool wait_for_change(struct watcher *w, bool *changed, struct error *err)
{
    int64_t until = w->sys->mono_ms() + w->refresh_ms;
    bool kicked = false;
    *changed = false;
    while (!*changed && !kicked && !atomic_load(&w->stop) && w->sys->mono_ms() < until) {
        if (!db_driver_of(w->db)->wait_change(w->db, wait_ms(w, until), w->wake_fd, changed, err))
            return false;
        kicked = quiet(w->kick_fd);
        if (folder_watch_take(w->files_fd, w->project->dir) || w->files_fd < 0)
            look_at_files(w);
    }
    return true;
}

/* Looks over this connection until it fails or the console ends. */
static void look_on(struct watcher *w, int *pause_ms, struct error *err)
{
    bool changed = true;
    while (!atomic_load(&w->stop)) {
        if (!look(w, changed, err))
            return;
        *pause_ms = PAUSE_FIRST_MS;
        if (!wait_for_change(w, &changed, err))
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
        poll(&wait, 1, wait_ms(w, until));
        kicked = quiet(w->kick_fd);
        if (folder_watch_take(w->files_fd, w->project->dir) || w->files_fd < 0)
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
    const int fds[] = { w->stop_fd, w->kick_fd, w->files_fd, w->wake_fd };
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    snapshot_unref(w->last);
    history_free(w->history);
    free(w);
}

/* One descriptor for both reasons to wake. */
static bool open_wake(struct watcher *w)
{
    struct epoll_event event = { .events = EPOLLIN };
    w->wake_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->wake_fd < 0 || epoll_ctl(w->wake_fd, EPOLL_CTL_ADD, w->kick_fd, &event) != 0)
        return false;
    return w->files_fd < 0 || epoll_ctl(w->wake_fd, EPOLL_CTL_ADD, w->files_fd, &event) == 0;
}

struct watcher *watcher_start(const struct project *project, const struct sys *sys, int refresh_ms, struct mailbox *mail, struct error *err)
{
    struct watcher *w = calloc(1, sizeof *w);
    int failed;
    if (!w) {
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
    w->files_fd = folder_watch_open(project->dir);
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
