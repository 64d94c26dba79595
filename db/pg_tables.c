/* pg_tables.c: which of our tables are there, and making those that are missing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

enum {
    CREATE_TRIES = 5        /* a Python Jetbase that creates the same tables knows nothing of the creation lock */
};

Oid pg_facts_number(const PGresult *facts, enum pg_facts_table column)
{
    return PQgetisnull(facts, 0, (int)column) ? InvalidOid : (Oid)strtoul(PQgetvalue(facts, 0, (int)column), NULL, 10);
}

bool pg_tables_learn(struct db *db, const PGresult *facts, struct error *err)
{
    enum { SCHEMA = 7, OPEN, LOCK = 10, INDEX, WIDE = 13 };
    bool wide = pg_true(facts, WIDE), runs = pg_facts_number(facts, PG_FACTS_RUNS) != 0;
    /* A column that was dropped and made again has another number: the table is looked at itself. */
    if (PQserverVersion(db->conn) < PG_COLUMNS_TELL || (pg_true(facts, SCHEMA) && !pg_true(facts, OPEN)) || (runs && !wide))
        return pg_tables_refresh(db, err);
    db->about.schema_missing = db->target.schema && !pg_true(facts, SCHEMA);
    db->has_migrations = pg_facts_number(facts, PG_FACTS_MIGRATIONS) != 0;
    db->has_lock = pg_true(facts, LOCK);
    db->has_index = pg_true(facts, INDEX);
    db->has_runs = runs;
    db->runs_narrow = false;
    return true;
}

static void note_tables(struct db *db, const PGresult *res)
{
    db->has_migrations = db->has_lock = db->has_runs = db->has_index = db->runs_narrow = false;
    db->about.schema_missing = db->target.schema && PQntuples(res) == 0;
    for (int i = 0; i < PQntuples(res); i++) {
        const char *name = PQgetvalue(res, i, 0);
        if (strcmp(name, "jetbase_migrations") == 0)
            db->has_migrations = true;
        else if (strcmp(name, "jetbase_lock") == 0)
            db->has_lock = true;
        else if (strcmp(name, "jetbase_migrations_version_key") == 0)
            db->has_index = true;
        else if (strcmp(name, "jetbase_runs") == 0) {
            db->has_runs = atoi(PQgetvalue(res, i, 1)) >= PG_RUNS_COLUMNS;
            db->runs_narrow = !db->has_runs;
        }
    }
}

bool pg_tables_refresh(struct db *db, struct error *err)
{
    const char *schema[] = { db->about.schema };
    struct pg_ask ask = { .sql = PG_TABLES, .count = 1, .values = schema };
    if (!pg_batch(db, &ask, 1, err))
        return false;
    bool ok = pg_good(ask.res);
    if (ok)
        note_tables(db, ask.res);
    else
        pg_fault(db, ask.res, "our tables could not be looked for", err);
    pg_batch_free(&ask, 1);
    return ok;
}

bool pg_tables_read(struct db *db, struct db_tables *out, struct error *err)
{
    const char *schema[] = { db->about.schema };
    struct pg_ask asks[] = { { .sql = PG_TABLES, .count = 1, .values = schema }, { .sql = PG_LOOK_LOCK } };
    bool had_lock = db->has_lock, ok = true;
    memset(out, 0, sizeof *out);
    if (!pg_batch(db, asks, had_lock ? 2 : 1, err))
        return false;
    if (!pg_good(asks[0].res))
        ok = pg_fault(db, asks[0].res, "our tables could not be looked for", err);
    else
        note_tables(db, asks[0].res);
    if (ok && db->has_lock && !had_lock) {
        PQclear(asks[1].res);
        ok = pg_batch(db, &asks[1], 1, err);
    }
    if (ok && db->has_lock && !pg_good(asks[1].res))
        ok = pg_fault_ours(db, asks[1].res, "jetbase_lock could not be read", err);
    if (ok)
        *out = (struct db_tables){ .migrations = db->has_migrations, .lock = db->has_lock, .lock_row = db->has_lock && PQntuples(asks[1].res) > 0,
                                   .runs = db->has_runs, .version_index = db->has_index };
    pg_batch_free(asks, 2);
    return ok;
}

/* One transaction of up to four statements under the creation lock. *bad: the SQLSTATE of what failed, "" where all went well. False: the connection is lost. */
static bool create(struct db *db, const enum pg_sql *what, size_t count, char bad[6], struct error *err)
{
    char timeout[PG_NUMBER_SIZE];
    const char *local[] = { timeout };
    struct pg_ask asks[8] = { { .sql = PG_BEGIN }, { .sql = PG_LOCAL_TIMEOUT, .count = 1, .values = local }, { .sql = PG_CREATION_LOCK } };
    size_t n = 3;
    snprintf(timeout, sizeof timeout, "%d", PG_CREATE_LOCK_MS);
    for (size_t i = 0; i < count; i++)
        asks[n++].sql = what[i];
    asks[n++].sql = PG_COMMIT;
    bad[0] = '\0';
    if (!pg_batch(db, asks, n, err))
        return false;
    const PGresult *fault = pg_batch_bad(asks, n);
    if (fault) {
        text_copy(bad, 6, pg_state(fault));
        pg_fault(db, fault, "jetbase's tables could not be made", err);
    }
    pg_batch_free(asks, n);
    return true;
}

static bool is_race(const char *state)
{
    static const char *const races[] = { "23505", "42P07", "42710", "40P01", "XX000" };
    for (size_t i = 0; i < sizeof races / sizeof races[0]; i++)
        if (strcmp(state, races[i]) == 0)
            return true;
    return false;
}

void pg_tables_dba(const struct db *db, struct text *make)
{
    char *role = PQescapeIdentifier(db->conn, db->about.user, strlen(db->about.user));
    if (!db->has_migrations)
        text_printf(make, "%s; %s; ", db->sql[PG_CREATE_MIGRATIONS], db->sql[PG_CREATE_INDEX]);
    if (!db->has_lock)
        text_printf(make, "%s; %s; ", db->sql[PG_CREATE_LOCK], db->sql[PG_CREATE_LOCK_ROW]);
    if (!db->has_runs)
        text_printf(make, "%s; ", db->sql[db->runs_narrow ? PG_ALTER_RUNS : PG_CREATE_RUNS]);
    text_printf(make, "%s%s;", db->sql[PG_GRANT], role ? role : db->about.user);
    PQfreemem(role);
}

/* The two tables of Jetbase: no run without them. */
static bool no_rights(struct db *db, struct error *err)
{
    char why[512];
    struct text make = { 0 };
    text_copy(why, sizeof why, err->message);
    pg_tables_dba(db, &make);
    error_set(err, ERR_RIGHTS, "%s", why);
    text_copy(err->sqlstate, sizeof err->sqlstate, "42501");
    error_detail(err, "The role %s needs SELECT, INSERT, UPDATE and DELETE on them. Nothing was changed.", db->about.user);
    error_hint(err, "A DBA can run: %s", text_string(&make));
    text_free(&make);
    return false;
}

static bool make_base(struct db *db, struct db_tables *out, struct error *err)
{
    char bad[6] = "";
    for (int i = 0; i < CREATE_TRIES && !(out->migrations && out->lock && out->lock_row); i++) {
        enum pg_sql what[3];
        size_t count = 0;
        if (!out->migrations)
            what[count++] = PG_CREATE_MIGRATIONS;
        if (!out->lock)
            what[count++] = PG_CREATE_LOCK;
        if (!out->lock_row)
            what[count++] = PG_CREATE_LOCK_ROW;
        if (!create(db, what, count, bad, err))
            return false;
        if (!bad[0]) {
            out->migrations = out->lock = out->lock_row = db->has_migrations = db->has_lock = true;
            break;
        }
        struct error fault = *err;
        if (!pg_tables_read(db, out, err))
            return false;
        *err = fault;
        if (!is_race(bad))
            break;
    }
    if (out->migrations && out->lock && out->lock_row)
        return true;
    return strcmp(bad, "42501") == 0 ? no_rights(db, err) : false;
}

/* A fresh database: everything in one message. Where that fails, whatever the reason, the tables are made one after the other. */
static bool make_all(struct db *db, struct db_tables *out, struct error *err)
{
    static const enum pg_sql what[] = { PG_CREATE_MIGRATIONS, PG_CREATE_LOCK, PG_CREATE_LOCK_ROW, PG_CREATE_RUNS };
    char bad[6] = "";
    if (!create(db, what, sizeof what / sizeof what[0], bad, err))
        return false;
    if (!bad[0])
        out->migrations = out->lock = out->lock_row = out->runs = db->has_migrations = db->has_lock = db->has_runs = true;
    return true;
}

/* What is worth a note and no more. */
static void note(struct db_tables *out, struct text *said)
{
    struct text all = { 0 };
    text_printf(&all, "%s%s%s", out->note, out->note[0] ? " " : "", text_string(said));
    text_copy(out->note, sizeof out->note, text_string(&all));
    text_free(&all);
    text_free(said);
}

static bool make_runs(struct db *db, struct db_tables *out, struct error *err)
{
    char bad[6] = "";
    enum pg_sql what = db->runs_narrow ? PG_ALTER_RUNS : PG_CREATE_RUNS;
    for (int i = 0; i < CREATE_TRIES && !out->runs; i++) {
        if (!create(db, &what, 1, bad, err))
            return false;
        if (!bad[0]) {
            out->runs = db->has_runs = true;
            db->runs_narrow = false;
            break;
        }
        struct error fault = *err;
        if (!pg_tables_read(db, out, err))
            return false;
        *err = fault;
        if (!is_race(bad))
            break;
    }
    if (!out->runs) {
        struct text said = { 0 };
        text_printf(&said, "jetbase_runs can't be made (%s), so this run has no witness. A DBA can run: ", strcmp(bad, "42501") == 0 ? "no right to" : err->message);
        pg_tables_dba(db, &said);
        note(out, &said);
    }
    return true;
}

static bool make_index(struct db *db, struct db_tables *out, struct error *err)
{
    char bad[6] = "";
    enum pg_sql what = PG_CREATE_INDEX;
    if (!create(db, &what, 1, bad, err))
        return false;
    out->version_index = db->has_index = bad[0] == '\0' || strcmp(bad, "42P07") == 0;
    if (!out->version_index) {
        struct text said = { 0 };
        text_printf(&said, "no unique index on the versions of jetbase_migrations could be made: %s",
                    strcmp(bad, "42501") == 0 ? "the role does not own the table" : strcmp(bad, "23505") == 0 ? "it holds a version twice" : err->message);
        note(out, &said);
    }
    return true;
}

bool pg_tables_prepare(struct db *db, struct db_tables *out, struct error *err)
{
    if (!pg_may_change(db, err))
        return false;
    if (!db->about.schema[0]) {
        error_set(err, ERR_CONFIG, "no schema of the search path exists, so there is no place for jetbase's tables");
        return error_hint(err, "Create one, or set postgres_schema to a schema that exists.");
    }
    bool seen = db->tables_seen && db->has_migrations && db->has_lock && db->has_runs && db->has_index;
    db->tables_seen = false;
    if (seen) { /* whether the lock's row is there, the acquire tells */
        *out = (struct db_tables){ .migrations = true, .lock = true, .lock_row = true, .runs = true, .version_index = true };
        error_clear(err);
        return true;
    }
    if (!pg_tables_read(db, out, err))
        return false;
    if (!out->migrations && !out->lock && !out->runs && !db->runs_narrow && !make_all(db, out, err))
        return false;
    if (!(out->migrations && out->lock && out->lock_row) && !make_base(db, out, err))
        return false;
    if (!out->runs && !make_runs(db, out, err))
        return false;
    if (!out->version_index && !make_index(db, out, err))
        return false;
    error_clear(err);
    return true;
}
