/* targets.c: a look at every target of a project at once, none of which holds up the others. */
#include "targets.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"
#include "history.h"
#include "plan.h"
#include "text.h"

/* Shared by the threads and the one that waits; freed by the last of them. */
struct party {
    pthread_mutex_t mutex;
    pthread_cond_t told;
    unsigned owners, open;      /* threads that have not answered */
    bool late;                  /* nobody waits any more */
    const struct sys *sys;
    struct target_look *looks;  /* of those who have answered */
    bool *answered;
};

struct guest {
    struct party *party;
    size_t at;
    char *name;
    struct project base;        /* its dir alone, owned */
};

static void party_leave(struct party *party)
{
    pthread_mutex_lock(&party->mutex);
    bool last = --party->owners == 0;
    pthread_mutex_unlock(&party->mutex);
    if (!last)
        return;
    pthread_cond_destroy(&party->told);
    pthread_mutex_destroy(&party->mutex);
    free(party->looks);
    free(party->answered);
    free(party);
}

static void guest_free(struct guest *guest)
{
    free(guest->base.dir);
    free(guest->name);
    free(guest);
}

static bool look_files(const struct project *project, struct db *db, const struct history *history, struct target_look *look)
{
    const struct history_entry *latest;
    struct folder *folder = NULL;
    struct pending *pending = NULL;
    bool ok = history_check_times(history, &look->err) && engine_schema_there(project, db, &look->err) && folder_read(project->dir, &folder, &look->err) &&
              pending_list(folder, history, engine_dialect(db), db_driver_of(db)->about(db)->standard_strings, &pending, &look->err);
    if (ok) {
        latest = history_latest(history);
        text_copy(look->version, sizeof look->version, latest ? latest->version : "");
        text_copy(look->half, sizeof look->half, history->half_count ? history->half[0].file : "");
        look->pending = pending->count;
        look->check = pending_check(pending, history);
        text_copy(look->disagree, sizeof look->disagree, pending->disagree);
        for (size_t i = 0; !look->disagree[0] && i < pending->count; i++)
            text_copy(look->disagree, sizeof look->disagree, pending->items[i].passed_over ? pending->items[i].fault : "");
    }
    pending_free(pending);
    folder_free(folder);
    return ok;
}

static void look_at(const struct guest *guest, const struct sys *sys, struct target_look *look)
{
    struct project project;
    struct history *history = NULL;
    struct db *db = NULL;
    bool ok = project_read_target(&guest->base, guest->name, &project, &look->err);
    look->guard_known = project.target != NULL;
    look->guarded = project.guarded;
    if (project.has_url)
        text_copy(look->database, sizeof look->database, project.url.shown);
    ok = ok && engine_connect(&project, sys, DB_LOOK, NULL, &db, &look->err) && lock_look(db, &look->lock, &look->err) && history_read(db, &history, &look->err);
    if (ok) {
        look->standby = db_driver_of(db)->about(db)->standby;
        look->utc = engine_dialect(db) == SCAN_SQLITE;
        look->reached = look_files(&project, db, history, look);
    }
    history_free(history);
    if (db)
        db_driver_of(db)->close(db);
    project_free(&project);
}

static void *visit(void *user)
{
    struct guest *guest = user;
    struct party *party = guest->party;
    struct target_look *look = calloc(1, sizeof *look);
    if (look) {
        text_copy(look->name, sizeof look->name, guest->name);
        look_at(guest, party->sys, look);
    }
    pthread_mutex_lock(&party->mutex);
    if (!party->late && look) {
        party->looks[guest->at] = *look;
    } else if (!party->late) {
        text_copy(party->looks[guest->at].name, sizeof party->looks[guest->at].name, guest->name);
        error_set(&party->looks[guest->at].err, ERR_NO_MEMORY, "Memory ran out looking at it.");
    }
    party->answered[guest->at] = true;
    party->open--;
    pthread_cond_signal(&party->told);
    pthread_mutex_unlock(&party->mutex);
    free(look);
    guest_free(guest);
    party_leave(party);
    return NULL;
}

static bool invite(struct party *party, const struct project *project, const char *name, size_t at, pthread_t *thread, struct error *err)
{
    struct guest *guest = calloc(1, sizeof *guest);
    int failed = ENOMEM;
    if (guest) {
        *guest = (struct guest){ .party = party, .at = at, .name = text_dup(name), .base = { .dir = text_dup(project->dir) } };
        pthread_mutex_lock(&party->mutex);
        party->owners++;
        party->open++;
        pthread_mutex_unlock(&party->mutex);
        failed = guest->name && guest->base.dir ? pthread_create(thread, NULL, visit, guest) : ENOMEM;
    }
    if (!failed)
        return true;
    if (guest) {
        pthread_mutex_lock(&party->mutex);
        party->owners--;
        party->open--;
        pthread_mutex_unlock(&party->mutex);
        guest_free(guest);
    }
    return error_set(err, ERR_FAILED, "The targets can't be looked at side by side: %s.", strerror(failed));
}

/* Until all have answered, or patience is over. The mutex is held. */
static void wait_for(struct party *party, int patience_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += patience_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while (party->open > 0 && pthread_cond_timedwait(&party->told, &party->mutex, &until) != ETIMEDOUT)
        continue;
}

static struct party *party_open(const struct sys *sys, size_t count)
{
    struct party *party = calloc(1, sizeof *party);
    pthread_condattr_t monotonic;
    if (!party)
        return NULL;
    *party = (struct party){ .owners = 1, .sys = sys, .looks = calloc(count + 1, sizeof *party->looks), .answered = calloc(count + 1, sizeof *party->answered) };
    pthread_mutex_init(&party->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&party->told, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (party->looks && party->answered)
        return party;
    party_leave(party);
    return NULL;
}

/* Those who have answered are seen out, so that nothing of them is left when the program ends; nobody waits for the others. */
static void see_out(struct party *party, const pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_lock(&party->mutex);
        bool answered = party->answered[i];
        pthread_mutex_unlock(&party->mutex);
        if (answered)
            pthread_join(threads[i], NULL);
        else
            pthread_detach(threads[i]);
    }
}

struct target_look *targets_look(const struct project *project, const struct sys *sys, char *const *names, int patience_ms, struct error *err)
{
    size_t count = 0, came = 0;
    bool ok = true;
    while (names[count])
        count++;
    struct party *party = party_open(sys, count);
    struct target_look *looks = calloc(count + 1, sizeof *looks);
    pthread_t *threads = calloc(count + 1, sizeof *threads);
    if (!party || !looks || !threads)
        ok = error_set(err, ERR_NO_MEMORY, "Memory ran out looking at the targets.");
    while (ok && came < count && (ok = invite(party, project, names[came], came, &threads[came], err)))
        came++;
    if (party) {
        pthread_mutex_lock(&party->mutex);
        if (ok)
            wait_for(party, patience_ms);
        party->late = true;
        for (size_t i = 0; looks && i < count; i++)
            looks[i] = party->looks[i];
        pthread_mutex_unlock(&party->mutex);
        see_out(party, threads, came);
        party_leave(party);
    }
    free(threads);
    for (size_t i = 0; ok && i < count; i++) {
        if (looks[i].name[0])
            continue;
        text_copy(looks[i].name, sizeof looks[i].name, names[i]);
        error_set(&looks[i].err, ERR_NO_CONNECTION, "no answer within %d s", patience_ms / 1000);
    }
    if (!ok) {
        free(looks);
        looks = NULL;
    }
    return looks;
}

/* From the worst on. */
static int rank(int code)
{
    static const int order[] = { 6, 2, 1, 5, 7, 0 };
    for (int at = 0; at < (int)(sizeof order / sizeof *order); at++)
        if (order[at] == code)
            return at;
    return 2;
}

int targets_check(const struct target_look *looks, size_t count)
{
    int worst = 0;
    for (size_t i = 0; i < count; i++) {
        int code = looks[i].reached ? looks[i].check : error_exit_code(looks[i].err.code);
        worst = rank(code) < rank(worst) ? code : worst;
    }
    return worst;
}
