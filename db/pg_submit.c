/* pg_submit.c: turns the steps of a run into queries of the pipeline. Nothing here waits. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

enum { APPLICATION_MAX = 63 }; /* NAMEDATALEN - 1: the server cuts there, and shows other bytes than ASCII as '?' */

static bool no_memory(struct db *db, struct error *err)
{
    if (PQstatus(db->conn) != CONNECTION_OK)
        return pg_lost(db, err);
    return error_set(err, ERR_NO_MEMORY, "out of memory while a statement was sent");
}

bool pg_send(struct db *db, struct pg_query query, const char *sql, int count, const char *const *values, struct error *err)
{
    if (!pg_queries_push(&db->queries, query))
        return no_memory(db, err);
    if (!PQsendQueryParams(db->conn, sql, count, NULL, values, NULL, NULL, 0)) {
        db->queries.count--;
        return no_memory(db, err);
    }
    db->unflushed = db->unsynced = true;
    db->heard_ms = 0;
    return true;
}

bool pg_submit_sync(struct db *db, bool of_step, struct error *err)
{
    if (!pg_queries_push(&db->queries, (struct pg_query){ .kind = QUERY_SYNC, .of_step = of_step, .ends_step = of_step }))
        return no_memory(db, err);
    if (!PQpipelineSync(db->conn)) {
        db->queries.count--;
        return no_memory(db, err);
    }
    db->unflushed = db->unsynced = false;
    return true;
}

bool pg_send_own(struct db *db, enum pg_query_kind kind, bool ends, enum pg_sql sql, int count, const char *const *values, struct error *err)
{
    return pg_send(db, (struct pg_query){ .kind = kind, .of_step = true, .ends_step = ends }, db->sql[sql], count, values, err);
}

bool pg_holds_witness(const struct db *db, const struct db_step *step)
{
    return db->witnessed && !db->about.pooler && (!step->process_id || strcmp(step->process_id, db->witness_id) == 0);
}

static const char *begin_text(enum db_isolation isolation, bool deferrable)
{
    static const char *const texts[][2] = {
        [ISOLATION_DEFAULT] = { "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE DEFERRABLE" },
        [ISOLATION_READ_COMMITTED] = { "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE DEFERRABLE" },
        [ISOLATION_REPEATABLE_READ] = { "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE", "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE DEFERRABLE" },
        [ISOLATION_SERIALIZABLE] = { "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE", "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE DEFERRABLE" },
    };
    return texts[isolation][deferrable];
}

static void application_cut(const char *name, char to[APPLICATION_MAX + 1])
{
    size_t n = 0;
    for (const char *c = name ? name : "jetbase"; *c && n < APPLICATION_MAX; c++)
        if (((unsigned char)*c & 0xC0) != 0x80) /* one '?' for a whole character */
            to[n++] = isascii((unsigned char)*c) && isprint((unsigned char)*c) ? *c : '?';
    to[n] = '\0';
}

static const char *timeout_text(int ms, char to[PG_NUMBER_SIZE])
{
    snprintf(to, PG_NUMBER_SIZE, "%d", ms);
    return ms > 0 ? to : NULL;
}

static bool submit_head(struct db *db, const struct db_step *step, struct error *err)
{
    char application[APPLICATION_MAX + 1], lock[PG_NUMBER_SIZE], statement[PG_NUMBER_SIZE];
    struct pg_settings s;
    application_cut(step->application, application);
    db->lock_ms = step->lock_timeout_ms > 0 ? step->lock_timeout_ms : db->target.lock_timeout_ms;
    pg_settings_begin(&s, pg_holds_witness(db, step) ? "pg_try_advisory_xact_lock" : NULL, db->witness_key);
    pg_settings_add(&s, "application_name", application, true);
    pg_settings_add(&s, "lock_timeout", timeout_text(db->lock_ms, lock), true);
    pg_settings_add(&s, "statement_timeout", timeout_text(step->statement_timeout_ms > 0 ? step->statement_timeout_ms : db->target.statement_timeout_ms, statement), true);
    pg_settings_add(&s, "search_path", db->search_path, true);
    db->open_heads++;
    db->beyond_ascii = false;
    db->outside = false;
    return pg_send(db, (struct pg_query){ .kind = QUERY_PLAIN, .of_step = true }, begin_text(step->isolation, step->deferrable), 0, NULL, err) &&
           pg_settings_send(db, QUERY_WITNESS, true, &s, err);
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

static bool submit_sql(struct db *db, const struct db_step *step, struct error *err)
{
    db->beyond_ascii = db->beyond_ascii || !is_ascii(step->sql, step->len);
    return pg_send(db, (struct pg_query){ .kind = QUERY_SQL, .of_step = true, .ends_step = true }, step->sql, 0, NULL, err);
}

static bool submit_reset(struct db *db, const struct db_step *step, struct error *err)
{
    static const enum pg_sql before[] = { PG_RESET_CONSTRAINTS, PG_RESET_AUTHORIZATION, PG_RESET_ROLE, PG_RESET_ALL };
    static const enum pg_sql after[] = { PG_RESET_CURSORS, PG_RESET_PREPARED, PG_RESET_LISTEN, PG_RESET_PLANS, PG_RESET_TEMP };
    char timeout[PG_NUMBER_SIZE];
    struct pg_settings s;
    pg_settings_begin(&s, pg_holds_witness(db, step) ? "pg_try_advisory_lock" : NULL, db->witness_key); /* the session's own witness again */
    pg_settings_add(&s, "lock_timeout", timeout_text(PG_TRAILER_LOCK_MS, timeout), true);
    pg_settings_watch(db, &s);
    /* At session level it would stay with a shared session. */
    pg_settings_add(&s, "search_path", db->about.pooler ? NULL : db->search_path, false);
    if (db->beyond_ascii && !pg_send_own(db, QUERY_ENCODING, false, PG_ENCODING, 0, NULL, err))
        return false;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        if (!pg_send_own(db, before[i] == PG_RESET_CONSTRAINTS ? QUERY_CONSTRAINTS : QUERY_PLAIN, false, before[i], 0, NULL, err))
            return false;
    if (!pg_settings_send(db, QUERY_WITNESS, false, &s, err))
        return false;
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++)
        if (!pg_send_own(db, QUERY_PLAIN, false, after[i], 0, NULL, err))
            return false;
    return pg_send_own(db, QUERY_PLAIN, true, PG_RESET_SEQUENCES, 0, NULL, err);
}

static bool submit_history(struct db *db, const struct db_record *r, bool ends, struct error *err)
{
    const char *insert[] = { r->version, r->description, r->file, r->type, r->checksum }, *update[] = { r->checksum, r->file, r->type };
    const char *checksum[] = { r->checksum, r->version }, *forget[] = { r->file, r->type };
    switch (r->kind) {
    case RECORD_INSERT:
        return pg_send_own(db, QUERY_HISTORY, ends, PG_RECORD_INSERT, 5, insert, err);
    case RECORD_BASELINE:
        return pg_send_own(db, QUERY_HISTORY, ends, PG_RECORD_BASELINE, 5, insert, err);
    case RECORD_UPDATE:
        return pg_send_own(db, QUERY_HISTORY, ends, PG_RECORD_UPDATE, 3, update, err);
    case RECORD_DELETE:
        return pg_send_own(db, QUERY_HISTORY, ends, PG_RECORD_DELETE, 1, &r->version, err);
    case RECORD_CHECKSUM:
        return pg_send_own(db, QUERY_HISTORY, ends, PG_RECORD_CHECKSUM, 2, checksum, err);
    case RECORD_FORGET:
        return pg_send_own(db, QUERY_HISTORY, ends, PG_RECORD_FORGET, 2, forget, err);
    case RECORD_KEEP:
        return !ends || pg_send_own(db, QUERY_PLAIN, true, PG_NOTHING, 0, NULL, err);
    }
    return error_set(err, ERR_INTERNAL, "unknown kind of record %d", (int)r->kind);
}

/* Not counted: whoever left it unfinished may have been resolved by nobody but us, under the lock. */
static bool submit_resolution(struct db *db, const struct db_step *step, struct error *err)
{
    const struct db_record *r = step->record;
    const char *values[] = { r->file, r->resolution, r->resolved_by, step->process_id };
    return pg_send_own(db, QUERY_PLAIN, false, PG_RESOLVE, 4, values, err);
}

static bool submit_record(struct db *db, const struct db_step *step, struct error *err)
{
    const struct db_record *r = step->record;
    char statements[PG_NUMBER_SIZE];
    const char *values[] = { step->process_id, r->last_done, r->next_file, r->next_file ? timeout_text(r->next_statements, statements) : NULL };
    return submit_history(db, r, !step->has_run, err) && (!step->has_run || !r->resolution || submit_resolution(db, step, err)) && (!step->has_run || pg_send_own(db, QUERY_RUN, true, PG_RECORD_RUN, 4, values, err));
}

static bool submit_progress(struct db *db, const struct db_step *step, struct error *err)
{
    char statements[PG_NUMBER_SIZE], timeout[PG_NUMBER_SIZE];
    const char *values[] = { step->process_id, step->record->next_file, timeout_text(step->record->next_statements, statements) }, *local[] = { timeout_text(PG_QUESTION_LOCK_MS, timeout) };
    return pg_send_own(db, QUERY_PLAIN, false, PG_BEGIN, 0, NULL, err) && pg_send_own(db, QUERY_PLAIN, false, PG_LOCAL_TIMEOUT, 1, local, err) && pg_send_own(db, QUERY_RUN, false, PG_PROGRESS, 3, values, err) && pg_send_own(db, QUERY_COMMIT, true, PG_COMMIT, 0, NULL, err);
}

/* Behind what somebody waits to see: a Flush costs the server a packet and this side a turn, a tenth of a run of small files. */
static bool flush_here(struct db *db, struct error *err)
{
    if (!PQsendFlushRequest(db->conn))
        return no_memory(db, err);
    db->unflushed = false;
    return true;
}

static bool submit_queries(struct db *db, const struct db_step *step, struct error *err)
{
    switch (step->kind) {
    case STEP_HEAD:
        return submit_head(db, step, err) && flush_here(db, err);
    case STEP_SQL:
        return submit_sql(db, step, err) && (!step->tell || flush_here(db, err));
    case STEP_RESET:
        return submit_reset(db, step, err);
    case STEP_FENCE:
        return pg_send_own(db, QUERY_FENCE, true, PG_FENCE, 1, &step->process_id, err);
    case STEP_RECORD:
        return submit_record(db, step, err);
    case STEP_COMMIT:
        return pg_send_own(db, QUERY_COMMIT, true, PG_COMMIT, 0, NULL, err);
    case STEP_PROGRESS:
        return submit_progress(db, step, err);
    case STEP_BARRIER:
        return pg_submit_sync(db, true, err);
    case STEP_START:
    case STEP_ALONE:
    case STEP_SEAL:
    case STEP_DONE:
        return pg_submit_outside(db, step, err);
    }
    return error_set(err, ERR_INTERNAL, "unknown kind of step %d", (int)step->kind);
}

bool pg_submit(struct db *db, const struct db_step *step, struct error *err)
{
    if (db->down)
        return pg_lost(db, err);
    if (!pg_may_change(db, err) || !pg_sets_submit(db, err))
        return false;
    if (!pg_steps_push(&db->steps, step))
        return no_memory(db, err);
    if (submit_queries(db, step, err))
        return true;
    /* Half a step may be queued: only rollback() or close() may follow, and both drain it. */
    return false;
}
