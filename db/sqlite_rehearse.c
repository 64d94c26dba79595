/* sqlite_rehearse.c: a rehearsal on a copy of the database: upgrade parts are committed there as a run would, rollback parts are not. */
#include "sqlite_rehearse.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failpoint.h"
#include "sqlite_sql.h"

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static bool rehearse_end(struct db *db)
{
    struct sqlite_rehearsal *r = db ? db->rehearsal : NULL;
    if (!r)
        return true;
    FAILPOINT("rehearse-end");
    db->head = db->count = 0;
    db->failed = false;
    if (r->copy && db->handle == sqlite_copy_handle(r->copy)) {
        sqlite_undo(db);
        db->handle = NULL;
        db->state = STATE_NONE;
    }
    sqlite_copy_free(r->copy);
    sqlite_effect_free(r);
    free(r);
    db->rehearsal = NULL;
    return true;
}

static bool rehearse_begin(struct db *db, const struct db_rehearsal_wish *wish, struct error *err)
{
    struct sqlite_rehearsal *r = db->rehearsal = calloc(1, sizeof *r);
    if (!r)
        return error_set(err, ERR_NO_MEMORY, "out of memory; nothing was rehearsed");
    r->wish = *wish;
    r->keys = -1;
    if (!sqlite_copy_make(db, &r->copy, err)) {
        rehearse_end(db);
        return false;
    }
    sqlite_disconnect(db); /* the file itself is not needed any more */
    db->handle = sqlite_copy_handle(r->copy);
    db->state = STATE_OPEN;
    db->outside = false;
    sqlite_lock_install(db);
    sqlite_guard_install(db);
    sqlite_arm(db);
    FAILPOINT("rehearse-begin");
    return true;
}

static int shorter(int a, int b)
{
    return a > 0 && (b <= 0 || a < b) ? a : b;
}

static bool keys_off(struct db *db, bool off, struct error *err)
{
    struct sqlite_rehearsal *r = db->rehearsal;
    bool found;
    int rc;
    db->check_keys = off;
    if (!off)
        return true;
    rc = sqlite_number(db, "PRAGMA foreign_keys", &r->keys, &found, "");
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_KEYS_OFF, NULL, "");
    return rc == SQLITE_OK || sqlite_fault(db, rc, "turning foreign keys off", err);
}

static void keys_again(struct db *db)
{
    struct sqlite_rehearsal *r = db->rehearsal;
    if (r->keys > 0)
        sqlite_do(db, "PRAGMA foreign_keys = ON", NULL, "");
    r->keys = -1;
}

static bool part_begin(struct db *db, const struct db_step *head, bool undo, struct error *err)
{
    struct sqlite_rehearsal *r = db->rehearsal;
    r->undoing = undo;
    db->schema_written = db->tainted = false;
    db->lock_ms = shorter(head->lock_timeout_ms, r->wish.lock_timeout_ms);
    db->statement_ms = shorter(head->statement_timeout_ms, r->wish.statement_timeout_ms);
    if (!keys_off(db, head->foreign_keys_off, err))
        return false;
    sqlite_arm(db);
    int rc = sqlite_do(db, SQL_BEGIN, NULL, "");
    return rc == SQLITE_OK || sqlite_fault(db, rc, "beginning the rehearsal of the file", err);
}

static bool run_step(struct db *db, const struct db_step *step, struct db_result *result, double *ms, struct error *err)
{
    double began = now_ms();
    bool ok = sqlite_submit(db, step, err) && sqlite_next(db, -1, result, err) == DB_RESULT && result->ok;
    *ms = now_ms() - began;
    return ok;
}

static bool statement(struct db *db, const struct db_step *step, struct db_result *result, db_effect_fn fn, void *user, struct error *err)
{
    double ms = 0;
    if (!sqlite_effect_before(db, err))
        return false;
    bool ok = run_step(db, step, result, &ms, err);
    result->ms = ms;
    FAILPOINT("rehearse-statement");
    return ok && sqlite_effect_after(db, fn, user, err);
}

/* What a COMMIT would refuse. */
static bool keys_hold(struct db *db, struct error *err)
{
    int open = 0, ignored = 0;
    if (sqlite3_db_status(db->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &open, &ignored, 0) != SQLITE_OK || open == 0)
        return true;
    return error_set(err, ERR_SQL, "at COMMIT, where deferred constraints are checked: FOREIGN KEY constraint failed");
}

static bool part_end(struct db *db, struct error *err)
{
    struct db_step reset = { .kind = STEP_RESET };
    struct db_result result = { 0 };
    double ms;
    if (!run_step(db, &reset, &result, &ms, err) || !keys_hold(db, err))
        return false;
    if (db->rehearsal->undoing)
        return true;
    int rc = sqlite_do(db, SQL_COMMIT, NULL, "");
    if (rc != SQLITE_OK)
        return sqlite_fault(db, rc, "at COMMIT", err);
    keys_again(db);
    return true;
}

static bool part_back(struct db *db, struct error *err)
{
    db->head = db->count = 0;
    db->failed = false;
    sqlite_undo(db);
    if (db->schema_written)
        sqlite_do(db, SQL_SCHEMA_RESET, NULL, "");
    keys_again(db);
    db->rehearsal->undoing = false;
    return sqlite3_get_autocommit(db->handle) || error_set(err, ERR_FAILED, "the rehearsed rollback could not be taken back");
}

/* Nobody can wait for a copy. */
static bool crowded(struct db *db, struct error *err)
{
    (void)db, (void)err;
    return false;
}

const struct db_rehearsing sqlite_rehearsing = {
    .begin = rehearse_begin,
    .part = part_begin,
    .statement = statement,
    .part_end = part_end,
    .back = part_back,
    .schema = sqlite_schema_read,
    .crowded = crowded,
    .end = rehearse_end,
};
