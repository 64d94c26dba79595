/* watcher.c: looks at the database for the console, again and again, over a connection of its own. */
#include <errno.h>
#include <fts.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "text.h"
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
    /* The thread's own. */
    struct db *db;
    struct listing *listing;     /* the last one, reused while nothing says that it is old */
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

static void quiet(int fd)
{
    uint64_t count;
    ssize_t got;
    do
        got = read(fd, &count, sizeof count);
    while (got < 0 && errno == EINTR);
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
    struct snapshot *snap = snapshot_look(w->project, w->db, w->sys, fresh ? w->listing : NULL, err);
    if (snap && fresh && lock_moved(&w->listing_lock, &snap->lock)) {
        snapshot_unref(snap);
        fresh = false;
        snap = snapshot_look(w->project, w->db, w->sys, NULL, err);
    }
    if (!snap)
        return false;
    if (!fresh) {
        listing_unref(w->listing);
        w->listing = listing_ref(snap->listing);
        w->listing_files = files;
        w->listing_ms = now;
        w->listing_lock = snap->lock;
    }
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_SNAPSHOT, .u.snap = snap });
    return true;
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

/* Looks over this connection until it fails or the console ends. */
static void look_on(struct watcher *w, int *pause_ms, struct error *err)
{
    bool changed = true;
    while (!atomic_load(&w->stop)) {
        if (!look(w, changed, err))
            return;
        *pause_ms = PAUSE_FIRST_MS;
        if (!db_driver_of(w->db)->wait_change(w->db, w->refresh_ms, w->kick_fd, &changed, err))
            return;
        quiet(w->kick_fd);
    }
}

static void *run(void *user)
{
    struct watcher *w = user;
    struct engine_hooks hooks = { .stop = &w->stop, .wake_fd = w->stop_fd };
    int pause_ms = PAUSE_FIRST_MS;
    while (!atomic_load(&w->stop)) {
        struct error err = { 0 };
        struct pollfd wait = { .fd = w->kick_fd, .events = POLLIN };
        if (engine_connect(w->project, w->sys, DB_LOOK, &hooks, &w->db, &err))
            look_on(w, &pause_ms, &err);
        disconnect(w);
        if (atomic_load(&w->stop))
            break;
        publish_fault(w, &err);
        poll(&wait, 1, pause_ms);
        quiet(w->kick_fd);
        pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
    }
    return NULL;
}

static void discard(struct watcher *w)
{
    if (w->stop_fd >= 0)
        close(w->stop_fd);
    if (w->kick_fd >= 0)
        close(w->kick_fd);
    free(w);
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
    failed = w->stop_fd < 0 || w->kick_fd < 0 ? errno : pthread_create(&w->thread, NULL, run, w);
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
