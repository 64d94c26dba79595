/* pg_look.c: looks at the lock: its row, its run, its witness, in that order and each in a snapshot of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

/* A lock that changes hands under the look is looked at again this often. */
enum { LOOKS = 20 };

static int whole(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? -1 : atoi(PQgetvalue(res, row, column));
}

static double seconds(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? -1 : strtod(PQgetvalue(res, row, column), NULL);
}

void pg_run_row(const PGresult *res, int row, struct run_row *out)
{
    memset(out, 0, sizeof *out);
    pg_copy(res, row, 0, out->process_id, sizeof out->process_id);
    pg_copy(res, row, 1, out->host, sizeof out->host);
    pg_copy(res, row, 2, out->os_user, sizeof out->os_user);
    pg_copy(res, row, 3, out->program, sizeof out->program);
    pg_copy(res, row, 4, out->command, sizeof out->command);
    out->pid = whole(res, row, 5);
    out->session_pid = whole(res, row, 6);
    pg_copy(res, row, 7, out->witness, sizeof out->witness);
    pg_copy(res, row, 8, out->acquired_at, sizeof out->acquired_at);
    out->age_s = seconds(res, row, 9);
    out->lasted_s = seconds(res, row, 10);
    pg_copy(res, row, 11, out->file, sizeof out->file);
    out->no_transaction = PQgetvalue(res, row, 12)[0] == 't';
    out->statements = whole(res, row, 13);
    out->started_statement = whole(res, row, 14);
    out->done_statement = whole(res, row, 15);
    pg_copy(res, row, 16, out->last_done, sizeof out->last_done);
    pg_copy(res, row, 17, out->released_at, sizeof out->released_at);
    out->outcome = PQgetisnull(res, row, 18) ? RUN_OPEN : run_outcome_from(PQgetvalue(res, row, 18));
    pg_copy(res, row, 19, out->detail, sizeof out->detail);
    pg_copy(res, row, 20, out->unlocked_by, sizeof out->unlocked_by);
    pg_copy(res, row, 21, out->unlocked_at, sizeof out->unlocked_at);
    pg_copy(res, row, 22, out->unlock_reason, sizeof out->unlock_reason);
    pg_copy(res, row, 23, out->resolution, sizeof out->resolution);
    pg_copy(res, row, 24, out->prefix, sizeof out->prefix);
    out->lives = PQnfields(res) > 25 && PQgetvalue(res, row, 25)[0] == 't';
}

/* A standby may have been promoted since, and its lag is another one now. */
bool pg_look_standby(struct db *db, struct error *err)
{
    struct pg_ask ask = { .sql = PG_STANDBY };
    bool ok;
    if (!db->about.standby)
        return true;
    ok = pg_batch(db, &ask, 1, err) && (pg_good(ask.res) || pg_fault_ours(db, ask.res, "the standby could not be asked how far it is behind", err));
    if (ok) {
        db->about.standby = pg_true(ask.res, 0);
        db->about.lag_s = seconds(ask.res, 0, 1);
    }
    pg_batch_free(&ask, 1);
    return ok;
}

static void lock_row(const PGresult *res, struct db_lock_row *out)
{
    memset(out, 0, sizeof *out);
    out->witness = WITNESS_UNKNOWN;
    out->table = true;
    out->row = PQntuples(res) > 0;
    if (!out->row)
        return;
    out->locked = pg_true(res, 0);
    if (out->locked) {
        pg_copy(res, 0, 1, out->process_id, sizeof out->process_id);
        pg_copy(res, 0, 2, out->locked_at, sizeof out->locked_at);
    }
}

enum look { LOOK_DONE, LOOK_AGAIN, LOOK_FAILED };

/* A missing table is no fault of a look, but what we knew of the tables is out of date. */
static enum look bad_look(struct db *db, const PGresult *bad, struct error *err)
{
    if (pg_missing(bad)) {
        db->has_lock = db->has_runs = false;
        return LOOK_AGAIN;
    }
    pg_fault_ours(db, bad, "the lock could not be looked at", err);
    return LOOK_FAILED;
}

/* Lock row and run row. DONE: there is nothing more to ask. */
static enum look look_rows(struct db *db, struct db_lock_row *out, bool *ask, struct error *err)
{
    struct pg_ask asks[] = { { .sql = PG_LOOK_LOCK, .sync = true }, { .sql = PG_LOOK_RUN, .sync = true }, { .sql = PG_LOOK_LAST, .sync = true } };
    size_t count = db->has_runs ? 3 : 1;
    enum look look = LOOK_DONE;
    *ask = false;
    if (!pg_batch(db, asks, count, err))
        return LOOK_FAILED;
    if (pg_batch_bad(asks, count)) {
        look = bad_look(db, pg_batch_bad(asks, count), err);
        pg_batch_free(asks, count);
        return look;
    }
    lock_row(asks[0].res, out);
    out->own = out->locked && pg_witness_own(out->process_id);
    if (out->locked && count > 1 && PQntuples(asks[1].res) > 0) {
        out->has_run = true;
        pg_run_row(asks[1].res, 0, &out->run);
        /* The lock changed hands between the two statements. */
        if (strcmp(out->run.process_id, out->process_id) != 0)
            look = LOOK_AGAIN;
        *ask = true;
    }
    if (!out->locked && count > 1 && PQntuples(asks[2].res) > 0) {
        out->has_last = true;
        pg_run_row(asks[2].res, 0, &out->last);
    }
    pg_batch_free(asks, count);
    return look;
}

static bool same_holder(const struct db_lock_row *first, const PGresult *again)
{
    struct db_lock_row now;
    lock_row(again, &now);
    return now.locked && strcmp(now.process_id, first->process_id) == 0;
}

/* The witness, and after it the lock row once more: absent, it proves something only while the lock still names the same run. */
static enum look look_witness(struct db *db, struct db_lock_row *out, struct error *err)
{
    struct pg_key key;
    char session[PG_NUMBER_SIZE];
    const char *values[] = { key.high, key.low, session };
    struct pg_ask asks[] = { { .sql = PG_WITNESS_ASK, .count = 3, .values = values, .sync = true }, { .sql = PG_LOOK_LOCK, .sync = true } };
    enum look look = LOOK_DONE;
    if (!pg_key_of(out->process_id, &key)) {
        out->why = WHY_UNWITNESSED;
        return LOOK_DONE;
    }
    snprintf(session, sizeof session, "%d", out->run.session_pid);
    if (!pg_batch(db, asks, 2, err))
        return LOOK_FAILED;
    if (!pg_good(asks[1].res)) {
        look = bad_look(db, asks[1].res, err);
    } else if (!pg_good(asks[0].res) || !pg_true(asks[0].res, 2)) {
        out->why = WHY_HIDDEN;
    } else if (pg_number(asks[0].res, 0) > 0) {
        out->witness = WITNESS_HELD;
        out->session_pid = (int)pg_number(asks[0].res, 1);
    } else if (same_holder(out, asks[1].res)) {
        out->witness = WITNESS_ABSENT;
    } else {
        look = LOOK_AGAIN;
    }
    pg_batch_free(asks, 2);
    return look;
}

/* A holder without a run row is another program, unless it let go between our two statements. */
static enum look look_stranger(struct db *db, struct db_lock_row *out, struct error *err)
{
    struct pg_ask again = { .sql = PG_LOOK_LOCK };
    enum look look = LOOK_DONE;
    if (!pg_batch(db, &again, 1, err))
        return LOOK_FAILED;
    if (!pg_good(again.res))
        look = bad_look(db, again.res, err);
    else if (!same_holder(out, again.res))
        look = LOOK_AGAIN;
    pg_batch_free(&again, 1);
    out->why = WHY_OTHER_PROGRAM;
    return look;
}

static enum look look_once(struct db *db, struct db_lock_row *out, struct error *err)
{
    bool ask;
    memset(out, 0, sizeof *out);
    out->witness = WITNESS_UNKNOWN;
    if (!pg_look_standby(db, err) || (!(db->has_lock && db->has_runs) && !pg_tables_refresh(db, err)))
        return LOOK_FAILED;
    if (!db->has_lock)
        return LOOK_DONE;
    enum look look = look_rows(db, out, &ask, err);
    if (look != LOOK_DONE || !out->locked)
        return look;
    if (!ask)
        look = look_stranger(db, out, err);
    else if (db->about.standby)
        out->why = WHY_STANDBY;
    else if (!out->run.witness[0])
        out->why = WHY_UNWITNESSED;
    else if (db->about.pooler)
        out->why = WHY_POOLER;
    else
        look = look_witness(db, out, err);
    return look;
}

bool pg_lock_read(struct db *db, struct db_lock_row *out, struct error *err)
{
    enum look look = LOOK_AGAIN;
    for (int i = 0; i < LOOKS && look == LOOK_AGAIN; i++)
        look = look_once(db, out, err);
    return look != LOOK_FAILED;
}
