/* pg_onlooker.c: while a statement may be waiting for a lock, a thread looks over a connection of its own at who is in its way: afterwards nobody could tell. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pg_private.h"
#include "text.h"
#include "threads.h"

enum { NAMED_MOST = 4, PAUSE_LEAST_MS = 10, PAUSE_MOST_MS = 1000, CLOSE_SECONDS = 4 };
/* When a connection that was refused is asked for again: each refusal is a line in the server's log. */
enum { AGAIN_LEAST_MS = 2000, AGAIN_MOST_MS = 60000 };
/* Of the text of the statement that waits. */
enum { TEXT_MOST = 1100 };
/* So many looks in a row at a session that runs and waits for nobody take back what was seen: one may have met the error that is to be explained. */
enum { RUNNING_MOST = 2 };

/* Whom the run's session waited for, and with which statement. */
struct sight {
    struct db_blocker of[NAMED_MOST];
    int count;
    int64_t ms;                /* when it was asked */
    char waits[TEXT_MOST];     /* that statement */
    bool cut;                  /* only its beginning */
    char since[32];            /* when it began */
};

struct pg_onlooker {
    pthread_mutex_t lock;
    pthread_cond_t turn;       /* wished for something else, or the thread has ended */
    PQconninfoOption *info;    /* as the run is connected */
    char host[256], address[64], port[16];
    char pid[PG_NUMBER_SIZE];  /* of the run's session */
    char server_start[40];     /* of the server that it is on */
    bool at_work;              /* there is a thread */
    bool abandoned;            /* the owner has gone: the thread frees */
    bool wanted;               /* to look; else it sleeps */
    bool over;                 /* to end */
    int pause_ms;
    unsigned round;            /* counts the waits that are looked at */
    int64_t again_ms;          /* no connection is asked for before that */
    int again_pause_ms;
    struct sight seen;         /* the newest one with somebody in the way */
    int running;               /* looks since then at a session that waits for nobody */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct timespec in_ms(int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

/* The same server, and not another one of several hosts. */
static PGconn *connect_beside(const struct pg_onlooker *o)
{
    enum { MOST = 80 };
    static const char *const dropped[] = { "host", "hostaddr", "port", "connect_timeout", "application_name", "fallback_application_name", "target_session_attrs" };
    const char *keywords[MOST + 6] = { "host", "port", "connect_timeout", "application_name" }, *values[MOST + 6] = { o->host, o->port, "3", "jetbase looks on" };
    size_t n = 4;
    if (o->address[0]) {
        keywords[n] = "hostaddr";
        values[n++] = o->address;
    }
    for (const PQconninfoOption *i = o->info; i->keyword && n < MOST; i++) {
        bool drop = !i->val;
        for (size_t k = 0; !drop && k < sizeof dropped / sizeof *dropped; k++)
            drop = strcmp(i->keyword, dropped[k]) == 0;
        if (drop)
            continue;
        keywords[n] = i->keyword;
        values[n++] = i->val;
    }
    PGconn *conn = PQconnectdbParams(keywords, values, 0);
    if (conn && PQstatus(conn) == CONNECTION_OK)
        PQclear(PQexec(conn, "SET statement_timeout = '2s'; SET default_transaction_read_only = on"));
    return conn;
}

/* False: nothing runs in that session, or that is not known. */
static bool read_sight(const PGresult *res, struct sight *to)
{
    if (!pg_good(res) || PQntuples(res) == 0)
        return false;
    pg_copy(res, 0, 8, to->waits, sizeof to->waits);
    pg_copy(res, 0, 9, to->since, sizeof to->since);
    to->cut = pg_true(res, 10) || (size_t)PQgetlength(res, 0, 8) > strlen(to->waits);
    for (int n = 0; n < PQntuples(res) && n < NAMED_MOST && !PQgetisnull(res, n, 0); n++)
        pg_blocker_read(res, n, &to->of[to->count++]);
    return true;
}

static void dispose(struct pg_onlooker *o)
{
    PQconninfoFree(o->info);
    pthread_cond_destroy(&o->turn);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

/* Opens it where it is not open, unless one was refused just now. */
static bool has_connection(struct pg_onlooker *o, PGconn **conn)
{
    if (*conn && PQstatus(*conn) == CONNECTION_OK)
        return true;
    if (now_ms() < o->again_ms)
        return false;
    PQfinish(*conn);
    *conn = connect_beside(o);
    bool open = *conn && PQstatus(*conn) == CONNECTION_OK;
    o->again_pause_ms = open ? 0 : o->again_pause_ms < AGAIN_LEAST_MS ? AGAIN_LEAST_MS : o->again_pause_ms < AGAIN_MOST_MS / 2 ? o->again_pause_ms * 2 : AGAIN_MOST_MS;
    o->again_ms = now_ms() + o->again_pause_ms;
    return open;
}

static void take_sight(struct pg_onlooker *o, const struct sight *sight)
{
    o->running = sight->count > 0 ? 0 : o->running + 1;
    if (sight->count > 0)
        o->seen = *sight;
    else if (o->running >= RUNNING_MOST || strcmp(sight->since, o->seen.since) != 0)
        o->seen.count = 0;
}

/* One look, without the lock; what it saw counts for the wait that it was begun in. */
static void look(struct pg_onlooker *o, PGconn **conn)
{
    struct sight sight = { 0 };
    const char *values[] = { o->pid, o->server_start };
    unsigned round = o->round;
    bool runs = false;
    pthread_mutex_unlock(&o->lock);
    if (has_connection(o, conn)) {
        sight.ms = now_ms();
        PGresult *res = PQexecParams(*conn, pg_sql_fixed(PG_WAITS_FOR), 2, NULL, values, NULL, NULL, 0);
        runs = read_sight(res, &sight);
        PQclear(res);
    }
    pthread_mutex_lock(&o->lock);
    if (runs && round == o->round)
        take_sight(o, &sight);
}

static void *run(void *at)
{
    struct pg_onlooker *o = at;
    PGconn *conn = NULL;
    pthread_mutex_lock(&o->lock);
    while (!o->over) {
        if (!o->wanted) {
            pthread_cond_wait(&o->turn, &o->lock);
            continue;
        }
        look(o, &conn);
        struct timespec until = in_ms(o->pause_ms);
        while (o->wanted && !o->over && pthread_cond_timedwait(&o->turn, &o->lock, &until) == 0)
            continue;
    }
    pthread_mutex_unlock(&o->lock);
    PQfinish(conn);
    pthread_mutex_lock(&o->lock);
    bool abandoned = o->abandoned;
    o->at_work = false;
    pthread_cond_broadcast(&o->turn);
    pthread_mutex_unlock(&o->lock);
    if (abandoned)
        dispose(o);
    return NULL;
}

static struct pg_onlooker *make(struct db *db)
{
    struct pg_onlooker *o = calloc(1, sizeof *o);
    const char *host = PQhost(db->conn), *address = PQhostaddr(db->conn), *port = PQport(db->conn);
    pthread_condattr_t how;
    if (!o)
        return NULL;
    o->info = PQconninfo(db->conn);
    if (!o->info || pthread_mutex_init(&o->lock, NULL) != 0) {
        PQconninfoFree(o->info);
        free(o);
        return NULL;
    }
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&o->turn, &how);
    pthread_condattr_destroy(&how);
    text_copy(o->host, sizeof o->host, host ? host : "");
    text_copy(o->address, sizeof o->address, address && host && host[0] != '/' ? address : "");
    text_copy(o->port, sizeof o->port, port ? port : "");
    text_copy(o->server_start, sizeof o->server_start, db->server_start);
    snprintf(o->pid, sizeof o->pid, "%d", db->about.session_pid);
    return o;
}

static bool start(struct pg_onlooker *o)
{
    pthread_t thread;
    o->at_work = threads_start(&thread, run, o);
    if (o->at_work)
        pthread_detach(thread);
    return o->at_work;
}

/* Is it of those around a file's statements? They wait PG_TRAILER_LOCK_MS for a lock, but for the reset's SET CONSTRAINTS. */
static bool is_own(const struct db_step *step)
{
    return step->kind == STEP_RESET || step->kind == STEP_FENCE || step->kind == STEP_RECORD || step->kind == STEP_START || step->kind == STEP_SEAL || step->kind == STEP_DONE;
}

int pg_onlooker_patience(const struct db *db)
{
    const struct db_step *step = &db->steps.at[db->steps.head];
    /* No Flush stands behind the reset: while the fence waits, the reset's answers have not come either. */
    int lock_ms = is_own(step) ? PG_TRAILER_LOCK_MS : step->kind == STEP_SQL || step->kind == STEP_ALONE ? db->lock_ms : 0;
    if (lock_ms <= 0 || db->about.pooler)
        return 0;
    return lock_ms / 4 < PAUSE_LEAST_MS ? PAUSE_LEAST_MS : lock_ms / 4 > PAUSE_MOST_MS ? PAUSE_MOST_MS : lock_ms / 4;
}

void pg_onlooker_look(struct db *db, int pause_ms)
{
    struct pg_onlooker *o = db->onlooker ? db->onlooker : (db->onlooker = make(db));
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->wanted = o->at_work || start(o);
    o->pause_ms = pause_ms;
    o->round++;
    o->seen.count = 0;
    pthread_cond_broadcast(&o->turn);
    pthread_mutex_unlock(&o->lock);
}

void pg_onlooker_rest(struct db *db)
{
    struct pg_onlooker *o = db->onlooker;
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->wanted = false;
    o->round++;
    o->seen.count = 0;
    pthread_cond_broadcast(&o->turn);
    pthread_mutex_unlock(&o->lock);
}

/* " for 22 min" of a state; nothing where it is not known. */
static void add_age(struct text *to, double age_s)
{
    if (age_s >= 7200)
        text_printf(to, " for %.0f h", age_s / 3600);
    else if (age_s >= 120)
        text_printf(to, " for %.0f min", age_s / 60);
    else if (age_s >= 0)
        text_printf(to, " for %.0f s", age_s);
}

static void describe(const struct db *db, const struct db_blocker *b, struct text *to)
{
    char user[128], address[64], application[128], state[64], query[256];
    if (b->pid == 0) {
        text_puts(to, "It waited for a prepared transaction (pg_prepared_xacts).");
        return;
    }
    pg_visible(db, user, sizeof user, b->user);
    pg_visible(db, address, sizeof address, b->address);
    pg_visible(db, application, sizeof application, b->application);
    pg_visible(db, state, sizeof state, b->state);
    pg_visible(db, query, sizeof query, b->query);
    text_printf(to, "It waited for session %d (%s%s%s%s%s", b->pid, user[0] ? user : "user not shown", application[0] ? ", " : "", application, address[0] ? " at " : "", address);
    text_printf(to, "%s%s", state[0] ? ", " : "", state);
    if (state[0])
        add_age(to, b->age_s);
    text_printf(to, ")%s%s", query[0] ? ": " : ".", query);
}

/* Did the server give up a wait? 55P03 also comes from NOWAIT, and from whoever raises it. */
static bool gave_up_waiting(const PGresult *res)
{
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    return function && strcmp(function, "ProcessInterrupts") == 0;
}

/* Is that (the beginning of) what was sent? */
static bool is_text(const struct sight *seen, const char *sent)
{
    size_t len = strlen(seen->waits);
    return sent && len > 0 && strncmp(seen->waits, sent, len) == 0 && (sent[len] == '\0' || seen->cut);
}

/* Was it in the wait that ended like this, and in no earlier one of the same batch? Those of our own have lasted PG_TRAILER_LOCK_MS by now. A statement of the file may have a lock_timeout that we do not know of. */
static bool counts(const struct sight *seen, const struct db_step *step)
{
    if (seen->count == 0 || now_ms() - seen->ms >= PG_TRAILER_LOCK_MS)
        return false;
    if (step->kind == STEP_RESET) /* what waits there is under the file's own timeout */
        return is_text(seen, pg_sql_fixed(PG_RESET_CONSTRAINTS));
    return is_own(step) || is_text(seen, step->sql);
}

void pg_onlooker_tell(struct db *db, const struct db_step *step, const PGresult *res, struct error *err)
{
    struct pg_onlooker *o = db->onlooker;
    struct sight seen;
    struct text words = { 0 };
    bool file = step->kind == STEP_SQL || step->kind == STEP_ALONE;
    if (!o || !gave_up_waiting(res))
        return;
    pthread_mutex_lock(&o->lock);
    seen = o->seen;
    pthread_mutex_unlock(&o->lock);
    if (!counts(&seen, step))
        return;
    text_puts(&words, err->detail);
    for (int i = 0; i < seen.count; i++) {
        text_puts(&words, words.len ? "\n" : "");
        describe(db, &seen.of[i], &words);
    }
    if (!words.failed)
        text_copy(err->detail, sizeof err->detail, text_string(&words));
    if (!err->hint[0])
        error_hint(err, "Run the command again once %s%s.", seen.count > 1 ? "these have let go" : "that one has let go", file && db->lock_ms > 0 && db->lock_ms == db->target.lock_timeout_ms ? "; --lock-timeout says how long it is waited for" : "");
    text_free(&words);
}

void pg_onlooker_free(struct pg_onlooker *o)
{
    if (!o)
        return;
    struct timespec until = in_ms(CLOSE_SECONDS * 1000);
    pthread_mutex_lock(&o->lock);
    o->over = true;
    pthread_cond_broadcast(&o->turn);
    while (o->at_work && pthread_cond_timedwait(&o->turn, &o->lock, &until) == 0)
        continue;
    bool stuck = o->at_work;
    o->abandoned = stuck;
    pthread_mutex_unlock(&o->lock);
    if (!stuck)
        dispose(o);
}
