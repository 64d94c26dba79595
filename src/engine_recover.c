/* engine_recover.c: what is true after a lost connection: reconnects, ends the run's old session, and finds out whether its last COMMIT was made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_private.h"
#include "text.h"

enum {
    RECONNECT_MS = 15000,     /* how long a lost server is waited for before "not known" is said */
    RECONNECT_PAUSE_MS = 100, /* first pause, doubled up to a second */
    TRUTH_MS = 15000          /* how long our own old session is waited for */
};

/* A new connection after a lost one, with growing pauses. A wish to stop ends the waiting, never the first try: no migration runs over it any more, it only gives the lock back. */
static bool reconnect(struct run *run, struct error *err)
{
    const struct engine_hooks *hooks = run->hooks;
    bool open;
    int64_t until = run->sys->mono_ms() + RECONNECT_MS;
    int pause_ms = RECONNECT_PAUSE_MS;
    run->driver->close(run->db);
    run->db = NULL;
    for (;;) {
        run->hooks = NULL;
        open = engine_open(run, NULL, err);
        run->hooks = hooks;
        if (open)
            return true;
        if (err->code != ERR_NO_CONNECTION || run->sys->mono_ms() >= until || engine_stopped(run->hooks))
            return false;
        run->sys->sleep_ms(pause_ms);
        pause_ms = pause_ms < 500 ? pause_ms * 2 : 1000;
    }
}

/* Without jetbase_runs the history decides for versioned files and repairs; else nothing does. */
static bool committed_by_history(struct run *run, bool *committed, struct error *err)
{
    const struct migration *m = run->repair ? NULL : run->plan->items[run->done].migration;
    struct history *history = NULL;
    if (m && m->type != MIGRATION_VERSIONED)
        return error_set(err, ERR_UNKNOWN_END, "history has one row of %s, whether it was applied once or again, and this run has no row of its own", m->file);
    if (!history_read(run->db, &history, err))
        return false;
    *committed = m ? (history_rows_of(history, m) > 0) == (run->wish->plan.direction == PLAN_UPGRADE) : repair_is_made(run->repair, history);
    history_free(history);
    return true;
}

/* The COMMIT of item `done` had no answer: was it made? */
static bool commit_truth(struct run *run, const struct lock_truth *truth, struct error *err)
{
    const struct plan_item *item = run->repair ? NULL : &run->plan->items[run->done];
    char mark[540], said[700];
    bool committed = false;
    struct engine_event event = { .kind = EV_MIGRATION_APPLIED, .migration = run->done + 1 };
    engine_mark(run, run->done, mark, sizeof mark);
    if (truth->has_run)
        committed = strcmp(truth->last_done, mark) == 0;
    else if (!committed_by_history(run, &committed, err))
        return false;
    snprintf(said, sizeof said, "%s%s was %s", item && run->wish->plan.direction == PLAN_ROLLBACK ? "the rollback of " : "", engine_next_name(run),
             committed ? "committed before the connection was lost" : item && item->facts.outside ? "not recorded; its statements ran" : "not committed: nothing of it remains");
    engine_note(run, EV_TRUTH_FOUND, said);
    if (committed)
        run->done++;
    if (committed && item) {
        event.file = item->migration;
        event.statements = item->facts.statements;
        engine_tell(run, &event);
    }
    return true;
}

/* A server that took over may lack what the old one had committed. run->done becomes what is there. False: that can't be told. */
static bool still_there(struct run *run, const struct lock_truth *truth, struct error *err)
{
    char said[200];
    unsigned long there = strtoul(truth->last_done, NULL, 10);
    if (run->done == 0 || run->repair)
        return true;
    if (!truth->has_run && !lock_has_run(run->lock))
        return true;
    if (!truth->has_run) {
        error_set(err, ERR_UNKNOWN_END, "this server has no row of this run: whether what it had committed is there is not known");
        return error_hint(err, "A standby that took over may lack the last transactions: look with `jetbase history` before anything else is run.");
    }
    if (there >= run->done)
        return true;
    snprintf(said, sizeof said, "of %u migrations that this run had committed this server has %lu: it took over without the others", run->done, there);
    engine_note(run, EV_TRUTH_FOUND, said);
    run->done = (uint32_t)there;
    return true;
}

bool engine_recover(struct run *run, bool commit_unknown, struct error *lost, bool *released, struct error *err)
{
    struct engine_event event = { .kind = EV_CONNECTION_LOST, .error = lost };
    struct lock_truth truth;
    *released = false;
    engine_tell(run, &event);
    if (!reconnect(run, err) || !lock_find_truth(run->lock, run->db, TRUTH_MS, &truth, err))
        return false;
    if (!still_there(run, &truth, err) || (commit_unknown && !commit_truth(run, &truth, err)))
        return false;
    *released = !truth.locked_by_us;
    return true;
}

void engine_say_unknown(struct run *run, bool commit_unknown, const struct error *lost, struct error *err)
{
    char why[1024], process_id[DB_ID_SIZE];
    text_copy(why, sizeof why, err->code ? err->message : lost->message);
    text_copy(process_id, sizeof process_id, lock_process_id(run->lock));
    if (commit_unknown) {
        error_set(err, ERR_UNKNOWN_END, "the connection was lost at the COMMIT of %s; whether it was committed is not known", engine_next_name(run));
        if (!run->repair && run->done > 0) {
            engine_say_state(run, NULL);
            error_state(err, "%s", run->state);
        }
    } else {
        error_set(err, ERR_NO_CONNECTION, "the connection was lost");
        if (!run->repair && run->done < run->plan->count)
            engine_say_half(run, &run->plan->items[run->done], NULL);
        engine_say_state(run, !run->repair && run->done < run->plan->count ? run->plan->items[run->done].migration : NULL);
        error_state(err, "%s", run->state);
    }
    error_detail(err, "%s", why);
    error_hint(err, "The lock may still name process ID %s. `jetbase lock-status` and `jetbase history` tell what is true.", process_id);
}
