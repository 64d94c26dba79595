/* engine_repair.c: mends history under the lock: what is to be mended is worked out again there, and all of it is one transaction. */
#include <string.h>

#include "engine_private.h"
#include "failpoint.h"
#include "text.h"

enum { WINDOW_STEPS = 256 }; /* what may be on its way before answers are read */

/* The transaction on its way. The driver needs each record until its answer. */
struct mending {
    struct run *run;
    struct db_record records[WINDOW_STEPS];
    char mark[540];
    unsigned outstanding;
    bool failed, down, lost, cancelled;
    bool commit_out;             /* COMMIT has no answer */
    enum db_step_kind failed_kind;
    struct error fault;
};

static bool failed_with(struct mending *m, enum db_step_kind kind, const struct error *fault)
{
    if (!m->failed) {
        m->failed = true;
        m->failed_kind = kind;
        m->fault = *fault;
    }
    return false;
}

static void answered(struct mending *m, const struct db_result *r, const struct error *err)
{
    m->outstanding--;
    if (r->kind == STEP_COMMIT) {
        m->run->done = r->ok ? 1 : 0;
        m->commit_out = !r->ok && !r->skipped && err->code == ERR_UNKNOWN_END; /* SQLite: an I/O error at COMMIT; a new connection finds out */
        m->down |= m->commit_out;
    }
    if (r->ok || r->skipped || m->failed)
        return;
    m->lost = r->lost;
    m->cancelled = r->cancelled;
    failed_with(m, r->kind, err);
}

/* Reads answers until nothing is on its way. False: something failed, or the connection is gone. */
static bool drain(struct mending *m)
{
    while (m->outstanding > 0 && !m->failed) {
        struct db_result result = { 0 };
        struct error err = { 0 };
        switch (m->run->driver->next(m->run->db, -1, &result, &err)) {
        case DB_RESULT:
            answered(m, &result, &err);
            break;
        case DB_TIMEOUT:
            break;
        case DB_DRAINED:
            error_set(&err, ERR_INTERNAL, "the driver answers %u steps too few", m->outstanding);
            failed_with(m, STEP_BARRIER, &err);
            break;
        case DB_DOWN:
            m->down = true;
            failed_with(m, STEP_BARRIER, &err);
            break;
        }
    }
    return !m->failed;
}

static bool send(struct mending *m, enum db_step_kind kind, const struct db_record *record)
{
    const struct lock *lock = m->run->lock;
    struct db_step step = { .kind = kind, .process_id = lock_process_id(lock), .has_run = lock_has_run(lock), .record = record, .application = engine_baselines(m->run) ? "jetbase baseline" : "jetbase fix" };
    struct error err = { 0 };
    /* One note in the run row is enough: that of the last record, which has the mark. */
    if (record && !record->last_done)
        step.has_run = false;
    if (!m->run->driver->submit(m->run->db, &step, &err)) {
        m->down = err.code == ERR_NO_CONNECTION;
        return failed_with(m, kind, &err);
    }
    m->outstanding++;
    return true;
}

static bool send_records(struct mending *m)
{
    const struct repair *repair = m->run->repair;
    size_t count = repair_records(repair);
    engine_mark(m->run, 0, m->mark, sizeof m->mark);
    for (size_t i = 0; i < count; i++) {
        struct db_record *record = &m->records[i % WINDOW_STEPS];
        if (i % WINDOW_STEPS == 0 && i > 0 && !drain(m))
            return false;
        *record = repair_record(repair, i);
        record->last_done = i + 1 == count ? m->mark : NULL;
        if (engine_stopped(m->run->hooks) || !send(m, STEP_RECORD, record))
            return false;
    }
    return drain(m);
}

/* The lock row comes before history, as everywhere; it is kept until the COMMIT. */
static bool send_all(struct mending *m)
{
    if (!send(m, STEP_HEAD, NULL) || !drain(m))
        return false;
    FAILPOINT("head");
    if (!send(m, STEP_RESET, NULL) || !send(m, STEP_FENCE, NULL) || !send_records(m))
        return false;
    FAILPOINT("fence");
    if (engine_stopped(m->run->hooks))
        return false;
    m->commit_out = true;
    if (!send(m, STEP_COMMIT, NULL)) {
        m->commit_out = false;
        return false;
    }
    return drain(m) && send(m, STEP_BARRIER, NULL) && drain(m);
}

/* Rolls back and says what failed. */
static enum migrate_end give_up(struct mending *m, struct error *err)
{
    struct run *run = m->run;
    bool trailer = m->failed_kind == STEP_FENCE || m->failed_kind == STEP_RECORD;
    enum migrate_end end = m->cancelled ? MIGRATE_CANCELLED : MIGRATE_FAILED;
    struct error rolled = { 0 };
    if (!m->down && !run->driver->rollback(run->db, &rolled)) {
        m->down = true;
        m->fault = rolled;
    }
    if (m->down) {
        *err = m->fault;
        return m->commit_out ? MIGRATE_DOWN_COMMIT : MIGRATE_DOWN;
    }
    if (m->lost || (trailer && !m->cancelled && m->fault.code != ERR_LOCK_BUSY))
        end = engine_blame(run, NULL, trailer, m->lost, &m->fault);
    if (end != MIGRATE_DOWN) {
        engine_say_state(run, NULL);
        error_state(&m->fault, "%s", run->state);
    }
    if (end == MIGRATE_LOST)
        engine_tell(run, &(struct engine_event){ .kind = EV_LOCK_LOST, .error = &m->fault });
    *err = m->fault;
    return end;
}

static enum migrate_end mend(struct run *run, struct error *err)
{
    struct mending m = { .run = run };
    struct error stopped = { 0 };
    if (send_all(&m))
        return MIGRATE_DONE;
    if (!m.failed) {
        error_set(&stopped, ERR_CANCELLED, "stopped");
        failed_with(&m, STEP_SQL, &stopped);
        m.cancelled = true;
    }
    return give_up(&m, err);
}

/* What a person confirmed is mended as it was confirmed, or nothing is. */
static bool confirmed(struct run *run, const struct engine_repair_wish *wish, struct error *err)
{
    enum { NAMED = 3 };
    char now[CHECKSUM_SIZE], line[900];
    struct text all = { 0 };
    struct engine_event event = { .kind = EV_PLAN_CHANGED, .error = err };
    size_t count = repair_records(run->repair);
    repair_digest(run->repair, now);
    if (!wish->fix || !wish->digest || (now[0] && strcmp(now, wish->digest) == 0))
        return true;
    for (size_t i = 0; i < count && i < NAMED; i++) {
        repair_words(run->repair, i, line, sizeof line);
        text_printf(&all, "%s%s", i ? "; " : "", line);
    }
    error_set(err, ERR_PLAN, "what is to be repaired is no longer what was confirmed; nothing was repaired");
    error_detail(err, "Now it would be: %s%s.", count == 0 ? "nothing" : text_string(&all), count > NAMED ? " and more" : "");
    error_hint(err, "Look at it again.");
    text_free(&all);
    engine_tell(run, &event);
    return false;
}

/* Files and history are both read anew each time. */
static bool look(struct run *run, struct db *db, const struct engine_repair_wish *wish, struct error *err)
{
    const struct project *p = run->project;
    struct history *history = NULL;
    bool ok = history_read(db, &history, err) && engine_schema_there(p, db, err);
    FAILPOINT("reading");
    const atomic_int *stop = wish->fix && run->hooks ? run->hooks->stop : NULL;
    if (wish->baseline)
        ok = ok && baseline_find(p->dir, history, wish->baseline, stop, run->repair, err);
    else
        ok = ok && repair_find(p->dir, history, wish->parts, p->skip_validation || p->skip_file_validation, stop, run->repair, err);
    history_free(history);
    return ok;
}

/* Over a connection that can write nothing. */
static bool look_first(struct run *run, const struct engine_repair_wish *wish, struct error *err)
{
    struct db *db = NULL;
    bool ok = engine_connect(run->project, run->sys, DB_LOOK, run->hooks, &db, err) && look(run, db, wish, err);
    if (db)
        db_driver_of(db)->close(db);
    return ok;
}

static int repair_locked(struct run *run, const struct engine_repair_wish *wish, struct error *err)
{
    int code;
    if (!look(run, run->db, wish, err) || !confirmed(run, wish, err))
        return engine_end_early(run, true, err);
    if (repair_records(run->repair) == 0)
        return engine_end_early(run, false, err);
    FAILPOINT("planned");
    code = engine_end(run, mend(run, err), err);
    run->repair->fixed = run->done > 0;
    return code;
}

/* Up to the lock: a look without it, then connection and lock. *nothing: there is nothing to mend. */
static bool begin(struct run *run, const struct engine_repair_wish *wish, bool *nothing, struct error *err)
{
    if (!look_first(run, wish, err) || !confirmed(run, wish, err))
        return false;
    *nothing = !wish->fix || repair_records(run->repair) == 0;
    if (*nothing)
        return true;
    if (engine_stopped(run->hooks))
        return error_set(err, ERR_CANCELLED, "stopped before the lock was asked for; nothing was done");
    FAILPOINT("looked");
    return (run->db || engine_open(run, NULL, err)) && engine_acquire(run, err);
}

static int repair_whole(struct run *run, const struct engine_repair_wish *wish, struct error *err)
{
    bool nothing = false;
    while (!begin(run, wish, &nothing, err))
        if (!wish->fix || !engine_wait(run, err))
            return engine_exit_of(run, err);
    error_clear(err);
    return nothing ? 0 : repair_locked(run, wish, err);
}

int engine_repair(const struct project *project, const struct sys *sys, const struct engine_repair_wish *wish, const struct engine_hooks *hooks, struct repair *found, struct error *err)
{
    struct engine_wish own = wish->run;
    struct pause pause = ENGINE_RETRY_PAUSE;
    char first[512];
    error_clear(err);
    for (uint32_t attempt = 1;; attempt++) {
        struct run run = { .project = project, .sys = sys, .wish = &own, .hooks = hooks, .repair = found, .command = wish->command };
        repair_clear(found);
        int code = repair_whole(&run, wish, err);
        if (code && wish->fix)
            engine_say_untouched(&run, engine_baselines(&run) ? "Nothing was recorded." : "Nothing was repaired.", err);
        if (code == 0 || !wish->fix || attempt > (uint32_t)own.retries || !engine_may_retry(&run, err))
            return engine_close(&run, code, err);
        if (!engine_retry(&run, &own, first, attempt, &pause, err))
            return engine_close(&run, engine_exit_of(&run, err), err);
        lock_free(run.lock);
    }
}
