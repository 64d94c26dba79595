/* pg_judge.c: is an answer good? What the server calls a success is not always one to us. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pg_private.h"
#include "text.h"

/* The next word of a statement, past blanks and comments; *len 0 at its end. */
static const char *word(const char *at, size_t *len)
{
    unsigned depth = 0;
    for (;;) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (depth > 0 && at[0] == '*' && at[1] == '/') {
            depth--;
            at += 2;
        } else if (depth == 0 && at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\r\n");
        } else if (*at && (depth > 0 || strchr(" \t\r\n\f\v", *at))) {
            at++;
        } else {
            break;
        }
    }
    *len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    return at;
}

static bool is_word(const char *at, size_t len, const char *wanted)
{
    return len == strlen(wanted) && strncasecmp(at, wanted, len) == 0;
}

/* ROLLBACK TO a savepoint has the same tag as a ROLLBACK of it all. */
static bool rolls_back_to(const char *sql)
{
    size_t len;
    const char *at = word(sql, &len);
    if (!is_word(at, len, "ROLLBACK"))
        return false;
    at = word(at + len, &len);
    if (is_word(at, len, "WORK") || is_word(at, len, "TRANSACTION"))
        at = word(at + len, &len);
    return is_word(at, len, "TO");
}

static bool ends_transaction(const char *tag, const char *sql)
{
    static const char *const tags[] = { "BEGIN", "START TRANSACTION", "COMMIT", "PREPARE TRANSACTION", "COMMIT PREPARED", "ROLLBACK PREPARED" };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (strcmp(tag, tags[i]) == 0)
            return true;
    return strcmp(tag, "ROLLBACK") == 0 && !rolls_back_to(sql);
}

static const char *doing(enum db_step_kind kind)
{
    switch (kind) {
    case STEP_HEAD:
        return "the migration could not begin";
    case STEP_RESET:
        return "at the end of the file";
    case STEP_FENCE:
        return "the lock could not be checked before COMMIT";
    case STEP_RECORD:
        return "the migration could not be recorded";
    case STEP_COMMIT:
        return "at COMMIT";
    case STEP_PROGRESS:
        return "the run could not be noted in jetbase_runs";
    case STEP_START:
        return "that the statement starts could not be noted, so it was not sent";
    case STEP_SEAL:
        return "the lock could not be checked before the file's own COMMIT";
    case STEP_DONE:
        return "that the statement is done could not be noted";
    case STEP_SQL:
    case STEP_ALONE:
    case STEP_BARRIER:
        break;
    }
    return NULL;
}

/* Places a fault in its statement: where the server points, else at its beginning. */
static void place(const struct db_step *step, const PGresult *res, struct error *err)
{
    const char *position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
    size_t chars = position ? (size_t)strtoul(position, NULL, 10) : 1;
    chars -= chars > 0;
    place_advance(&step->at, step->sql, step->len, chars, &err->place);
    place_show(err, step->sql, step->len, chars);
}

/* The fence's own error carries this mark; a file can't raise it here, its statements are over. */
static bool fence_raised(const struct db_step *step, const PGresult *res)
{
    char mark[sizeof "jetbase-lock-lost:" + DB_ID_SIZE];
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(mark, sizeof mark, "jetbase-lock-lost:%s", step->process_id);
    return strcmp(pg_state(res), "22P02") == 0 && message && strstr(message, mark);
}

static bool lost(struct db *db, const char *message)
{
    db->result.lost = true;
    return error_set(&db->result_err, ERR_LOCK_LOST, "%s", message);
}

/* A value that ALTER TYPE … ADD VALUE has added in this transaction (55P04; https://www.postgresql.org/docs/current/sql-altertype.html, Notes): the server's hint says that it must be committed first, not how. */
static void enum_hint(const struct db_step *step, struct error *err)
{
    char said[sizeof err->hint];
    const char *how = step->kind == STEP_ALONE ? "Put COMMIT behind the ALTER TYPE, before what uses the value."
                                               : "Move what uses the value to a file after this one; or write `-- jetbase: no-transaction` at the head of this one: its statements then run one by one, and a failure leaves it half applied.";
    text_copy(said, sizeof said, err->hint);
    error_hint(err, "%s%s%s", said, said[0] ? " " : "", how);
}

static void judge_bad(struct db *db, enum pg_query_kind kind, const struct db_step *step, const PGresult *res)
{
    struct error *err = &db->result_err;
    const char *state = pg_state(res);
    if (kind == QUERY_FENCE && fence_raised(step, res)) {
        lost(db, "the lock no longer names this run; the migration was not committed");
        return;
    }
    pg_fault(db, res, kind == QUERY_CONSTRAINTS || (kind == QUERY_SYNC && step->kind == STEP_ALONE) ? "at COMMIT, where deferred constraints are checked" : doing(step->kind), err);
    if (kind == QUERY_FENCE && strcmp(state, "55P03") == 0)
        error_hint(err, "Somebody keeps the row of jetbase_lock locked. `jetbase lock-status` tells who holds the lock.");
    else if (kind == QUERY_FENCE && strcmp(state, "40001") == 0)
        error_set(err, ERR_SQL, "the lock row was changed while the migration ran in its own snapshot; look again who holds the lock");
    else if (kind == QUERY_FENCE && strcmp(state, "25006") == 0) {
        error_set(err, ERR_SQL, "the file made its transaction READ ONLY: that it was applied can't be recorded");
        error_hint(err, "Take READ ONLY (transaction_read_only) out of the file.");
    } else if (step->kind == STEP_SQL || step->kind == STEP_ALONE) {
        place(step, res, err);
        if (strcmp(state, "55P04") == 0)
            enum_hint(step, err);
    }
    if (strcmp(state, "55P03") == 0)
        pg_onlooker_tell(db, step, res, err);
    text_copy(err->sqlstate, sizeof err->sqlstate, state);
    if (db->cancelled && strcmp(state, "57014") == 0) {
        db->result.cancelled = true;
        err->code = ERR_CANCELLED;
    }
}

static void judge_statement(struct db *db, const struct db_step *step, PGresult *res)
{
    const char *tag = PQcmdStatus(res), *rows = PQcmdTuples(res);
    if (rows[0])
        db->result.rows = strtoll(rows, NULL, 10);
    if (!ends_transaction(tag, step->sql))
        return;
    error_set(&db->result_err, ERR_UNKNOWN_END, "a statement of the file ended or began a transaction (%s) that jetbase keeps; what stood before it may be committed", tag);
    error_hint(&db->result_err, "Take transaction control out of the file, and look at what this file did.");
    db->result_err.place = step->at;
    place_show(&db->result_err, step->sql, step->len, 0);
}

/* What is sent is UTF-8; SQL_ASCII means that nothing is converted. */
static void judge_encoding(struct db *db, PGresult *res)
{
    char name[64];
    const char *encoding = PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "";
    if (strcasecmp(encoding, "UTF8") == 0 || strcasecmp(encoding, "SQL_ASCII") == 0)
        return;
    pg_visible(db, name, sizeof name, encoding);
    error_set(&db->result_err, ERR_REFUSED, "the file sets client_encoding to %s, and holds characters beyond ASCII: they were sent as UTF-8, so the server took them for others", name);
    error_hint(&db->result_err, "Take that setting out: a migration file is read and sent as UTF-8.");
}

/* The lock row and our run row, as they were when the mark was written. */
static void judge_start(struct db *db, const PGresult *res)
{
    if (pg_number(res, 0) != 1)
        lost(db, "the lock no longer names this run; the statement was not sent");
    else if (pg_number(res, 1) != 1)
        error_set(&db->result_err, ERR_LOCK_LOST, "jetbase_runs no longer has the row of this run; the statement was not sent");
}

/* COMMIT of a transaction that failed has the tag ROLLBACK. */
static void judge_alone(struct db *db, const struct db_step *step, PGresult *res)
{
    const char *rows = PQcmdTuples(res);
    if (rows[0])
        db->result.rows = strtoll(rows, NULL, 10);
    if (step->block != BLOCK_COMMIT || strcmp(PQcmdStatus(res), "COMMIT") == 0)
        return;
    error_set(&db->result_err, ERR_SQL, "the server answered COMMIT with %s: nothing of this transaction was committed", PQcmdStatus(res));
    db->result_err.place = step->at;
    place_show(&db->result_err, step->sql, step->len, 0);
}

/* After the Sync: is a transaction open exactly where the file has one open? */
static void judge_block(struct db *db, const struct db_step *step)
{
    bool inside = step->block == BLOCK_BEGIN || step->block == BLOCK_INSIDE, open = PQtransactionStatus(db->conn) != PQTRANS_IDLE;
    if (step->kind != STEP_ALONE || inside == open)
        return;
    error_set(&db->result_err, ERR_SQL, inside ? "the statement ended the file's own transaction" : "the statement left a transaction open");
    db->result_err.place = step->at;
    place_show(&db->result_err, step->sql, step->len, 0);
}

static void judge_history(struct db *db, const struct db_step *step, PGresult *res)
{
    int64_t rows = strtoll(PQcmdTuples(res), NULL, 10);
    db->result.rows = rows;
    if (rows == step->record->expect_rows)
        return;
    error_set(&db->result_err, ERR_HISTORY, "jetbase_migrations has %" PRId64 " rows for this migration where the plan saw %" PRId64 "; it was not committed", rows, step->record->expect_rows);
    error_hint(&db->result_err, "Somebody changed the history meanwhile, or a rule or trigger stands on the table. Look at `jetbase history`, then run the command again.");
}

static void judge_good(struct db *db, enum pg_query_kind kind, const struct db_step *step, PGresult *res)
{
    switch (kind) {
    case QUERY_WITNESS:
        if (!pg_true(res, 0))
            lost(db, step->kind == STEP_START ? "another session holds this run's witness; the statement was not sent" : "another session holds this run's witness; the migration was not committed");
        break;
    case QUERY_SQL:
        judge_statement(db, step, res);
        break;
    case QUERY_ENCODING:
        judge_encoding(db, res);
        break;
    case QUERY_ALONE:
        judge_alone(db, step, res);
        break;
    case QUERY_START:
        judge_start(db, res);
        break;
    case QUERY_FENCE:
        if (PQntuples(res) != 1)
            lost(db, "the lock could not be checked; the migration was not committed");
        break;
    case QUERY_HISTORY:
        judge_history(db, step, res);
        break;
    case QUERY_RUN:
        if (strcmp(PQcmdTuples(res), "1") != 0)
            error_set(&db->result_err, ERR_LOCK_LOST, "jetbase_runs no longer has the row of this run; nothing was recorded");
        break;
    case QUERY_COMMIT:
        if (strcmp(PQcmdStatus(res), "COMMIT") != 0)
            error_set(&db->result_err, ERR_SQL, "the server answered COMMIT with %s: nothing of it was committed", PQcmdStatus(res));
        break;
    case QUERY_PLAIN:
    case QUERY_CONSTRAINTS:
    case QUERY_SETS:
    case QUERY_SYNC:
        break;
    }
}

void pg_judge(struct db *db, enum pg_query_kind kind, const struct db_step *step, PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    if (db->result_err.code != ERR_NONE)
        return; /* the first fault of a step is its fault */
    if (status == PGRES_PIPELINE_ABORTED) {
        db->result.skipped = true;
        return;
    }
    if (status == PGRES_PIPELINE_SYNC) {
        judge_block(db, step);
        return;
    }
    if (status == PGRES_EMPTY_QUERY)
        return;
    if (pg_good(res))
        judge_good(db, kind, step, res);
    else
        judge_bad(db, kind, step, res);
}

void pg_judge_copy(struct db *db, const struct db_step *step)
{
    error_set(&db->result_err, ERR_REFUSED, "COPY from or to the client can't run in a migration");
    error_hint(&db->result_err, "Put the rows into INSERT statements, or name a file on the server.");
    db->result_err.place = step->at;
    place_show(&db->result_err, step->sql, step->len, 0);
}
