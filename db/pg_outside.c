/* pg_outside.c: a file outside a transaction: its statements, each alone between two Syncs, and the marks that are committed around them. */
#include <stdio.h>
#include <strings.h>

#include "pg_private.h"

/* Whoever the file's statements have become, what follows is ours: role, timeouts, witness. */
static bool submit_own(struct db *db, const struct db_step *step, bool witness, struct error *err)
{
    char timeout[PG_NUMBER_SIZE], lock[PG_NUMBER_SIZE], statement[PG_NUMBER_SIZE];
    bool first = step->application != NULL; /* the file may set its own later on */
    int statement_ms = step->statement_timeout_ms > 0 ? step->statement_timeout_ms : db->target.statement_timeout_ms;
    if (first)
        db->lock_ms = step->lock_timeout_ms > 0 ? step->lock_timeout_ms : db->target.lock_timeout_ms;
    struct pg_settings s;
    snprintf(timeout, sizeof timeout, "%d", PG_TRAILER_LOCK_MS);
    snprintf(lock, sizeof lock, "%d", db->lock_ms);
    snprintf(statement, sizeof statement, "%d", statement_ms);
    pg_settings_begin(&s, witness ? "pg_try_advisory_lock" : NULL, db->witness_key); /* the session's own witness again */
    /* For the file's statements; then for ours. */
    pg_settings_add(&s, "application_name", step->application, false);
    pg_settings_add(&s, "lock_timeout", first && db->lock_ms > 0 ? lock : NULL, false);
    pg_settings_add(&s, "statement_timeout", first && statement_ms > 0 ? statement : NULL, false);
    pg_settings_add(&s, "lock_timeout", timeout, true);
    pg_settings_add(&s, "statement_timeout", "0", true);
    return pg_send_own(db, QUERY_PLAIN, false, PG_OWN_SESSION, 0, NULL, err) && pg_send_own(db, QUERY_PLAIN, false, PG_OWN_ROLE, 0, NULL, err) &&
           pg_settings_send(db, QUERY_WITNESS, false, &s, err);
}

static bool submit_start(struct db *db, const struct db_step *step, struct error *err)
{
    char statements[PG_NUMBER_SIZE], number[PG_NUMBER_SIZE];
    const char *values[] = { step->process_id, step->record->next_file, statements, number, step->record->prefix };
    const char *earlier[] = { step->record->next_file, step->record->resolution, step->record->resolved_by, step->process_id };
    snprintf(statements, sizeof statements, "%d", step->record->next_statements);
    snprintf(number, sizeof number, "%u", step->statement);
    return pg_send_own(db, QUERY_PLAIN, false, PG_BEGIN, 0, NULL, err) && submit_own(db, step, pg_holds_witness(db, step), err) &&
           pg_send_own(db, QUERY_START, false, PG_START, 5, values, err) && (!step->record->resolution || pg_send_own(db, QUERY_PLAIN, false, PG_SUPERSEDE, 4, earlier, err)) &&
           pg_send_own(db, QUERY_COMMIT, false, PG_COMMIT, 0, NULL, err) && pg_submit_sync(db, true, err);
}

static bool submit_done(struct db *db, const struct db_step *step, struct error *err)
{
    char number[PG_NUMBER_SIZE];
    const char *values[] = { step->process_id, number, step->record->prefix };
    snprintf(number, sizeof number, "%u", step->statement);
    return pg_send_own(db, QUERY_PLAIN, false, PG_BEGIN, 0, NULL, err) && submit_own(db, step, false, err) && pg_send_own(db, QUERY_RUN, false, PG_DONE, 3, values, err) &&
           pg_send_own(db, QUERY_COMMIT, false, PG_COMMIT, 0, NULL, err) && pg_submit_sync(db, true, err);
}

static bool submit_seal(struct db *db, const struct db_step *step, struct error *err)
{
    char number[PG_NUMBER_SIZE];
    const char *values[] = { step->process_id, number, step->record->prefix };
    snprintf(number, sizeof number, "%u", step->statement);
    return submit_own(db, step, false, err) && pg_send_own(db, QUERY_FENCE, false, PG_FENCE, 1, values, err) && pg_send_own(db, QUERY_RUN, false, PG_SEAL_RUN, 3, values, err) &&
           pg_submit_sync(db, true, err);
}

/* What is sent is UTF-8. The server reports what it takes it for; SQL_ASCII means that nothing is converted. */
static bool readable(const struct db *db, const struct db_step *step, struct error *err)
{
    const char *encoding = PQparameterStatus(db->conn, "client_encoding");
    if (!encoding || strcasecmp(encoding, "UTF8") == 0 || strcasecmp(encoding, "SQL_ASCII") == 0)
        return true;
    for (size_t i = 0; i < step->len; i++) {
        if ((unsigned char)step->sql[i] < 0x80)
            continue;
        char name[64];
        pg_visible(db, name, sizeof name, encoding);
        error_set(err, ERR_REFUSED, "the file has set client_encoding to %s, and this statement holds characters beyond ASCII: it was not sent", name);
        error_hint(err, "Take that setting out: a migration file is read and sent as UTF-8.");
        err->place = step->at;
        place_show(err, step->sql, step->len, 0);
        return false;
    }
    return true;
}

bool pg_submit_outside(struct db *db, const struct db_step *step, struct error *err)
{
    PGTransactionStatusType wanted = step->kind == STEP_SEAL || (step->kind == STEP_ALONE && (step->block == BLOCK_INSIDE || step->block == BLOCK_COMMIT)) ? PQTRANS_INTRANS : PQTRANS_IDLE;
    db->outside = true;
    /* What is still on its way would share a transaction, or a message, with it. */
    if (db->steps.count > 1 || db->unsynced)
        return error_set(err, ERR_INTERNAL, "a step outside a transaction was submitted behind others");
    /* In pipeline mode the library calls an idle pipeline ACTIVE until its end was read: it was, by the Sync's answer. */
    if (PQtransactionStatus(db->conn) != wanted)
        return error_set(err, ERR_INTERNAL, wanted == PQTRANS_IDLE ? "a step outside a transaction was submitted inside one" : "the file's own transaction is not open");
    if (step->kind == STEP_ALONE && !readable(db, step, err))
        return false;
    switch (step->kind) {
    case STEP_START:
        return submit_start(db, step, err);
    case STEP_DONE:
        return submit_done(db, step, err);
    case STEP_SEAL:
        return submit_seal(db, step, err);
    default:
        return pg_send(db, (struct pg_query){ .kind = QUERY_ALONE, .of_step = true }, step->sql, 0, NULL, err) && pg_submit_sync(db, true, err);
    }
}
