/* pg_change.c: the one function that changes the lock: each change is one message, BEGIN to COMMIT, its conditions inside the statement that makes it. */
#include <stdio.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

/* The values of a change, as text. */
struct values {
    const char *at[13];
    int count;
    char pid[PG_NUMBER_SIZE], session[PG_NUMBER_SIZE], statements[PG_NUMBER_SIZE];
    struct pg_key key;
};

static void add(struct values *v, const char *value)
{
    v->at[v->count++] = value;
}

static const char *or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

static const char *number_or_null(int number, char to[PG_NUMBER_SIZE])
{
    snprintf(to, PG_NUMBER_SIZE, "%d", number);
    return number > 0 ? to : NULL;
}

/* $1 … $11 of the statements that insert a run row. */
static void add_run(struct values *v, const struct db *db, const struct run_row *run)
{
    add(v, run->process_id);
    add(v, or_null(run->host));
    add(v, number_or_null(run->pid, v->pid));
    add(v, or_null(run->os_user));
    add(v, or_null(run->program));
    add(v, or_null(run->command));
    add(v, number_or_null(run->session_pid > 0 ? run->session_pid : db->about.session_pid, v->session));
    add(v, or_null(run->witness));
    add(v, or_null(run->file));
    add(v, number_or_null(run->statements, v->statements));
    add(v, run->no_transaction ? "t" : "f");
}

static bool proves(const struct db_lock_change *c)
{
    return c->kind == CHANGE_TAKE_OVER || (c->kind == CHANGE_UNLOCK && c->prove_dead);
}

/* The statement for a change, with its values. */
static enum pg_sql statement(const struct db *db, const struct db_lock_change *c, struct values *v)
{
    const char *from = c->from ? c->from : "";
    switch (c->kind) {
    case CHANGE_ACQUIRE:
        if (db->has_runs)
            add_run(v, db, c->run);
        else
            add(v, c->run->process_id);
        return db->has_runs ? PG_ACQUIRE : PG_ACQUIRE_PLAIN;
    case CHANGE_TAKE_OVER:
        add_run(v, db, c->run);
        add(v, from);
        add(v, v->key.number);
        return PG_TAKE_OVER;
    case CHANGE_UNLOCK:
        add(v, from);
        if (!db->has_runs)
            return PG_UNLOCK_PLAIN;
        add(v, or_null(c->by));
        add(v, or_null(c->reason));
        if (!c->prove_dead)
            return PG_UNLOCK;
        add(v, v->key.number);
        return PG_UNLOCK_PROVEN;
    case CHANGE_UNLOCK_ANY:
        if (!db->has_runs)
            return PG_UNLOCK_ANY_PLAIN;
        add(v, or_null(c->by));
        add(v, or_null(c->reason));
        return PG_UNLOCK_ANY;
    case CHANGE_RELEASE:
        add(v, from);
        if (!db->has_runs)
            return PG_UNLOCK_PLAIN;
        add(v, or_null(run_outcome_name(c->outcome)));
        add(v, or_null(c->detail));
        return PG_RELEASE;
    }
    return PG_NOTHING;
}

/* What the answer to the changing statement says. */
static enum db_change verdict(const struct db_lock_change *c, const PGresult *res)
{
    bool changed = pg_number(res, 0) > 0;
    if (changed)
        return CHANGE_DONE;
    if (c->kind == CHANGE_UNLOCK_ANY)
        return CHANGE_DONE; /* no row: nothing is locked */
    if (c->kind == CHANGE_ACQUIRE)
        return pg_true(res, 1) && pg_number(res, 2) == 0 ? CHANGE_UNFENCED : CHANGE_HELD;
    if (!proves(c) || pg_number(res, 1) == 0)
        return CHANGE_HELD;
    if (PQgetisnull(res, 0, 3))
        return CHANGE_CANNOT_TELL;
    if (!(PQgetvalue(res, 0, 3)[0] == 't'))
        return CHANGE_ALIVE;
    return PQgetvalue(res, 0, 4)[0] == 't' ? CHANGE_UNFENCED : CHANGE_HELD;
}

static enum db_change bad_change(struct db *db, const struct db_lock_change *c, const PGresult *bad, struct error *err)
{
    if (strcmp(pg_state(bad), "55P03") == 0)
        return c->kind == CHANGE_ACQUIRE ? CHANGE_HELD : CHANGE_BUSY;
    pg_fault_ours(db, bad, "the lock could not be changed", err);
    return CHANGE_FAILED;
}

/* An acquire that took nothing though nobody holds the lock: its row is not there, or came free and was taken under it. */
static bool is_rowless(const struct db_lock_change *c, const PGresult *res)
{
    return c->kind == CHANGE_ACQUIRE && pg_number(res, 0) == 0 && !pg_true(res, 1) && pg_number(res, 2) == 0;
}

/* *missing: a table is, or the lock's row may be. */
static enum db_change change_once(struct db *db, const struct db_lock_change *c, struct values *v, bool *missing, struct error *err)
{
    char timeout[PG_NUMBER_SIZE];
    const char *local[] = { timeout };
    struct pg_ask asks[] = { { .sql = PG_BEGIN }, { .sql = PG_LOCAL_TIMEOUT, .count = 1, .values = local }, { .sql = c->kind == CHANGE_ACQUIRE ? PG_LOCK_FREE_ROW : PG_LOCK_ROW },
                             { .values = v->at }, { .sql = PG_COMMIT } };
    enum { ASKS = sizeof asks / sizeof asks[0], CHANGING = 3 };
    enum db_change got;
    snprintf(timeout, sizeof timeout, "%d", c->timeout_ms > 0 ? c->timeout_ms : PG_CHANGE_LOCK_MS);
    v->count = 0;
    asks[CHANGING].sql = statement(db, c, v);
    asks[CHANGING].count = v->count;
    *missing = false;
    if (!pg_batch(db, asks, ASKS, err))
        return CHANGE_FAILED;
    const PGresult *bad = pg_batch_bad(asks, ASKS);
    *missing = bad && pg_missing(bad);
    if (bad) {
        got = bad_change(db, c, bad, err);
    } else if (strcmp(PQcmdStatus(asks[ASKS - 1].res), "COMMIT") != 0) {
        error_set(err, ERR_SQL, "the lock could not be changed: the server answered COMMIT with %s", PQcmdStatus(asks[ASKS - 1].res));
        got = CHANGE_FAILED;
    } else {
        got = verdict(c, asks[CHANGING].res);
        *missing = is_rowless(c, asks[CHANGING].res);
    }
    pg_batch_free(asks, ASKS);
    return got;
}

/* Can the proof of death be made over this connection at all? DONE: yes. */
static enum db_change provable(struct db *db, const struct db_lock_change *c, struct values *v)
{
    if (!db->has_runs || db->about.pooler || !c->from || !pg_key_of(c->from, &v->key))
        return CHANGE_CANNOT_TELL;
    /* A session's own lock never refuses it: asked over this connection, our own living run would look dead. */
    return db->witnessed && strcmp(c->from, db->witness_id) == 0 ? CHANGE_ALIVE : CHANGE_DONE;
}

enum db_change pg_lock_change(struct db *db, const struct db_lock_change *c, struct error *err)
{
    struct values v = { .count = 0 };
    bool missing = true;
    enum db_change got = CHANGE_FAILED;
    if (!pg_may_change(db, err))
        return CHANGE_FAILED;
    /* A table that came or went since we looked is worth one more try. */
    for (int i = 0; missing && i < 2; i++) {
        struct db_tables made;
        if (i > 0 && got == CHANGE_HELD ? !pg_tables_prepare(db, &made, err) : (i > 0 || !(db->has_lock && db->has_runs)) && !pg_tables_refresh(db, err))
            return CHANGE_FAILED;
        enum db_change proof = proves(c) ? provable(db, c, &v) : CHANGE_DONE;
        if (proof != CHANGE_DONE)
            return proof;
        got = change_once(db, c, &v, &missing, err);
    }
    return got;
}
