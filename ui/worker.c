/* worker.c: does what the console has decided, one job at a time, away from the thread that draws. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

struct worker {
    const struct project *project;
    const struct sys *sys;
    struct mailbox *mail;
    struct watcher *watcher;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct effect now, next;   /* what: FX_NONE where there is none */
    int next_stop;             /* a cancel that came before `next` began */
    bool ending;
    atomic_int stop;           /* told to the job that is on */
    int stop_fd;
};

/* What was promised must be answered: memory is waited for. */
static void *answer_new(size_t size)
{
    void *answer;
    while (!(answer = calloc(1, size)))
        poll(NULL, 0, 100);
    return answer;
}

static struct plan_wish plan_wish_of(const struct worker *w)
{
    const struct project *p = w->project;
    const struct effect *fx = &w->now;
    const char *to = fx->to_version[0] ? fx->to_version : NULL;
    if (fx->resolve != RESOLVE_NONE)
        return (struct plan_wish){ .direction = fx->direction, .resolve = fx->resolve, .resolve_name = fx->file, .resolve_from = fx->from };
    return (struct plan_wish){ .direction = fx->direction, .count = fx->direction == PLAN_ROLLBACK && !to ? 1 : fx->count, .to_version = to,
                               .skip_checksums = p->skip_validation || p->skip_checksum_validation, .skip_files = p->skip_validation || p->skip_file_validation };
}

static void make_plan(struct worker *w, const struct engine_hooks *hooks)
{
    struct plan_answer *answer = answer_new(sizeof *answer);
    struct plan_wish wish = plan_wish_of(w);
    struct db *db = NULL;
    wish.stop = hooks->stop;
    answer->job = w->now.job;
    if (engine_connect(w->project, w->sys, DB_LOOK, hooks, &db, &answer->error)) {
        if (w->now.file[0])
            preview_resolve(w->project, db, w->now.file, &answer->preview, &answer->error);
        else
            preview_make(w->project, db, &wish, &answer->preview, &answer->error);
        db_driver_of(db)->close(db);
    }
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_PLAN, .u.plan = answer });
}

/* A baseline is asked of the engine as a repair without parts. */
static const char *baseline_of(const struct effect *fx)
{
    return fx->parts == PARTS_BASELINE ? fx->to_version : NULL;
}

static const char *repair_command(unsigned parts)
{
    return parts == PARTS_BASELINE ? "baseline" : parts == REPAIR_FILES ? "fix-files" : "fix-checksums";
}

/* What a repair would change; writes nothing. */
static void find_repair(struct worker *w, const struct engine_hooks *hooks)
{
    struct found_answer *answer = answer_new(sizeof *answer);
    struct engine_repair_wish wish = { .parts = w->now.parts == PARTS_BASELINE ? 0 : w->now.parts, .baseline = baseline_of(&w->now), .command = repair_command(w->now.parts) };
    answer->job = w->now.job;
    answer->ok = engine_repair(w->project, w->sys, &wish, hooks, &answer->repair, &answer->error) == 0;
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_FOUND, .u.found = answer });
}

static void on_rehearsal_event(void *user, const struct engine_event *event)
{
    struct worker *w = user;
    struct engine_note *note = note_copy(event);
    if (note)
        mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_REHEARSING, .u.note = note });
}

/* Runs what an upgrade would, where nothing of it stays. */
static void rehearse(struct worker *w, const struct engine_hooks *hooks)
{
    struct rehearse_answer *answer = answer_new(sizeof *answer);
    struct engine_wish wish = { .plan = plan_wish_of(w), .lock_timeout_ms = w->project->lock_timeout_ms, .statement_timeout_ms = w->project->statement_timeout_ms };
    struct engine_hooks told = { .event = on_rehearsal_event, .user = w, .stop = hooks->stop, .wake_fd = hooks->wake_fd };
    answer->job = w->now.job;
    answer->exit_code = engine_rehearse(w->project, w->sys, &wish, &told, &answer->rehearsal, &answer->error);
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_REHEARSED, .u.rehearsed = answer });
}

static void on_event(void *user, const struct engine_event *event)
{
    struct worker *w = user;
    struct engine_note *note = note_copy(event);
    if (note)
        mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_NOTE, .u.note = note });
    if (event->kind != EV_STATEMENT_DONE && event->kind != EV_MIGRATION_STARTED)
        watcher_kick(w->watcher);
}

static int mend(struct worker *w, const struct engine_hooks *hooks, struct run_answer *answer)
{
    struct engine_repair_wish wish = { .parts = w->now.parts == PARTS_BASELINE ? 0 : w->now.parts, .baseline = baseline_of(&w->now), .fix = true, .command = repair_command(w->now.parts), .digest = w->now.digest,
                                       .run = { .lock_timeout_ms = w->project->lock_timeout_ms, .statement_timeout_ms = w->project->statement_timeout_ms } };
    struct repair repair = { 0 };
    int code = engine_repair(w->project, w->sys, &wish, hooks, &repair, &answer->error);
    answer->repaired = repair.fixed ? repair_records(&repair) : 0;
    repair_clear(&repair);
    return code;
}

static void run_engine(struct worker *w, const struct engine_hooks *hooks)
{
    struct run_answer *answer = answer_new(sizeof *answer);
    struct engine_wish wish = { .plan = plan_wish_of(w), .digest = w->now.digest, .take_over_dead = w->now.take_over, .expect_id = w->now.take_over ? w->now.process_id : NULL,
                                .lock_timeout_ms = w->project->lock_timeout_ms, .statement_timeout_ms = w->project->statement_timeout_ms };
    struct engine_hooks told = { .event = on_event, .user = w, .each_statement = true, .stop = hooks->stop, .wake_fd = hooks->wake_fd };
    answer->exit_code = w->now.parts ? mend(w, &told, answer) : engine_run(w->project, w->sys, &wish, &told, &answer->error);
    answer->ended_mono_ms = w->sys->mono_ms();
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_RETURNED, .u.returned = answer });
    watcher_kick(w->watcher);
}

static void unlock(struct worker *w)
{
    struct unlock_answer *answer = answer_new(sizeof *answer);
    struct unlock_wish wish = { .sys = w->sys, .expect_id = w->now.process_id, .only_dead = w->now.only_dead, .terminate = w->now.terminate };
    struct db *db = NULL;
    answer->job = w->now.job;
    answer->answer = LOCK_FAILED;
    if (engine_connect(w->project, w->sys, DB_RUN, NULL, &db, &answer->error)) {
        answer->answer = lock_unlock(db, &wish, &answer->before, NULL, &answer->error);
        db_driver_of(db)->close(db);
    }
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_UNLOCKED, .u.unlocked = answer });
    watcher_kick(w->watcher);
}

/* A session that blocks the holder: its statement is cancelled, or it is ended. */
static void stop_blocker(struct worker *w)
{
    struct blocker_answer *answer = answer_new(sizeof *answer);
    struct db *db = NULL;
    answer->job = w->now.job;
    answer->pid = w->now.blocker_pid;
    answer->end = w->now.end;
    if (engine_connect(w->project, w->sys, DB_LOOK, NULL, &db, &answer->error)) {
        const struct db_driver *driver = db_driver_of(db);
        answer->asked = driver->blocker_stop && driver->blocker_stop(db, w->now.process_id, w->now.blocker_pid, w->now.end, &answer->done, &answer->error);
        driver->close(db);
    }
    mailbox_post(w->mail, &(struct model_msg){ .kind = MSG_BLOCKER, .u.blocker = answer });
    watcher_kick(w->watcher);
}

/* Waits for a job and takes it. False: the console ends. */
static bool take(struct worker *w)
{
    uint64_t count;
    pthread_mutex_lock(&w->mutex);
    w->now.what = FX_NONE;
    while (w->next.what == FX_NONE && !w->ending)
        pthread_cond_wait(&w->wake, &w->mutex);
    w->now = w->next;
    w->next.what = FX_NONE;
    /* What was told to the job before is not meant for this one. EAGAIN: nothing was told. */
    if (read(w->stop_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        w->next_stop = SIGTERM;
    atomic_store(&w->stop, w->next_stop);
    w->next_stop = 0;
    pthread_mutex_unlock(&w->mutex);
    return w->now.what != FX_NONE;
}

static void *run(void *user)
{
    struct worker *w = user;
    struct engine_hooks hooks = { .stop = &w->stop, .wake_fd = w->stop_fd };
    while (take(w)) {
        if (w->now.what == FX_PLAN)
            make_plan(w, &hooks);
        else if (w->now.what == FX_FIND)
            find_repair(w, &hooks);
        else if (w->now.what == FX_REHEARSE)
            rehearse(w, &hooks);
        else if (w->now.what == FX_RUN)
            run_engine(w, &hooks);
        else if (w->now.what == FX_UNLOCK)
            unlock(w);
        else if (w->now.what == FX_BLOCKER)
            stop_blocker(w);
    }
    return NULL;
}

/* The mutex is held. */
static void tell_stop(struct worker *w, int signal)
{
    uint64_t one = 1;
    atomic_store(&w->stop, signal);
    if (write(w->stop_fd, &one, sizeof one) < 0)
        return; /* readable already */
}

struct worker *worker_start(const struct project *project, const struct sys *sys, struct mailbox *mail, struct watcher *watcher, struct error *err)
{
    struct worker *w = calloc(1, sizeof *w);
    int failed;
    if (!w) {
        error_set(err, ERR_NO_MEMORY, "out of memory at the start of the console");
        return NULL;
    }
    w->project = project;
    w->sys = sys;
    w->mail = mail;
    w->watcher = watcher;
    atomic_init(&w->stop, 0);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wake, NULL);
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    failed = w->stop_fd < 0 ? errno : pthread_create(&w->thread, NULL, run, w);
    if (!failed)
        return w;
    error_set(err, ERR_FAILED, "the console can't start its working thread: %s", strerror(failed));
    if (w->stop_fd >= 0)
        close(w->stop_fd);
    free(w);
    return NULL;
}

void worker_do(struct worker *w, const struct effect *job)
{
    pthread_mutex_lock(&w->mutex);
    if (w->now.what == FX_PLAN || w->now.what == FX_FIND)
        tell_stop(w, SIGINT);
    w->next = *job;
    w->next_stop = 0;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
}

void worker_cancel(struct worker *w, int signal)
{
    pthread_mutex_lock(&w->mutex);
    if (w->next.what == FX_RUN || w->next.what == FX_REHEARSE)
        w->next_stop = signal;
    else if (w->now.what == FX_RUN || w->now.what == FX_REHEARSE)
        tell_stop(w, signal);
    pthread_mutex_unlock(&w->mutex);
}

bool worker_stop(struct worker *w, int timeout_ms)
{
    struct timespec until;
    bool runs;
    if (!w)
        return true;
    pthread_mutex_lock(&w->mutex);
    w->ending = true;
    w->next.what = FX_NONE;
    runs = w->now.what == FX_RUN;
    if (w->now.what == FX_PLAN || w->now.what == FX_FIND || w->now.what == FX_REHEARSE || runs)
        tell_stop(w, SIGTERM);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    if (runs ? pthread_join(w->thread, NULL) != 0 : pthread_timedjoin_np(w->thread, NULL, &until) != 0)
        return false;
    close(w->stop_fd);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return true;
}
