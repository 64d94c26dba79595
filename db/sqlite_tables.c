/* sqlite_tables.c: looks for our three tables, and makes what is missing. */
#include <stdio.h>
#include <string.h>

#include "sqlite_private.h"
#include "sqlite_sql.h"

static const struct {
    const char *name, *add;
} run_columns[] = { SQL_RUNS_ADD };

int sqlite_has_table(struct db *db, const char *name, bool *there)
{
    int64_t ignored;
    return sqlite_number(db, SQL_HAS_TABLE, &ignored, there, "t", name);
}

static int read_all(struct db *db, struct db_tables *out)
{
    int64_t ignored;
    int rc = sqlite_has_table(db, "jetbase_migrations", &out->migrations);
    if (rc == SQLITE_OK)
        rc = sqlite_has_table(db, "jetbase_lock", &out->lock);
    if (rc == SQLITE_OK)
        rc = sqlite_has_table(db, "jetbase_runs", &out->runs);
    if (rc == SQLITE_OK)
        rc = sqlite_number(db, SQL_HAS_INDEX, &ignored, &out->version_index, "");
    if (rc == SQLITE_OK && out->lock)
        rc = sqlite_number(db, SQL_HAS_LOCK_ROW, &ignored, &out->lock_row, "");
    return rc;
}

bool sqlite_tables_read(struct db *db, struct db_tables *out, struct error *err)
{
    bool empty = false, ok = true;
    int rc;
    memset(out, 0, sizeof *out);
    sqlite_wait_at_most(db, SQLITE_LOOK_WAIT_MS, true);
    if (!sqlite_look_begin(db, &empty, err))
        return false;
    rc = empty ? SQLITE_OK : read_all(db, out);
    if (rc != SQLITE_OK)
        ok = sqlite_fault(db, rc, "looking for jetbase's tables", err);
    if (!sqlite_look_end(db) && ok)
        return error_set(err, ERR_LOCK_BUSY, "the database file was changed while it was read; try again");
    return ok;
}

/* Are all columns of jetbase_runs there? Adds those that are not, where add is set. */
static int run_columns_see(struct db *db, bool add, bool *complete)
{
    int rc = SQLITE_OK;
    *complete = true;
    for (size_t i = 0; i < sizeof run_columns / sizeof *run_columns && rc == SQLITE_OK; i++) {
        int64_t ignored;
        bool there;
        rc = sqlite_number(db, SQL_HAS_COLUMN, &ignored, &there, "t", run_columns[i].name);
        if (rc != SQLITE_OK || there)
            continue;
        *complete = false;
        if (add)
            rc = sqlite_do(db, run_columns[i].add, NULL, "");
    }
    return rc;
}

/* jetbase_runs may fail without taking the others with it. */
static int make_runs(struct db *db, struct db_tables *out)
{
    char why[256];
    bool complete;
    int undo, rc = sqlite_do(db, SQL_SAVE_RUNS, NULL, "");
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite_do(db, SQL_CREATE_RUNS, NULL, "");
    if (rc == SQLITE_OK)
        rc = run_columns_see(db, true, &complete);
    out->runs = rc == SQLITE_OK;
    if (rc == SQLITE_OK)
        return sqlite_do(db, SQL_KEEP_RUNS, NULL, "");
    text_visible(why, sizeof why, sqlite3_errmsg(db->handle));
    snprintf(out->note, sizeof out->note, "jetbase_runs could not be made or completed (%s): this run goes on without a witness, nobody will be able to tell whether it lives", why);
    /* The fault itself, where the transaction did not survive it. */
    if (sqlite3_get_autocommit(db->handle))
        return rc;
    undo = sqlite_do(db, SQL_UNDO_RUNS, NULL, "");
    return undo == SQLITE_OK ? sqlite_do(db, SQL_KEEP_RUNS, NULL, "") : undo;
}

static int make_tables(struct db *db, struct db_tables *out)
{
    int rc = sqlite_do(db, SQL_BEGIN, NULL, "");
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_CREATE_MIGRATIONS, NULL, "");
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_CREATE_LOCK, NULL, "");
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_CREATE_LOCK_ROW, NULL, "");
    if (rc == SQLITE_OK)
        rc = make_runs(db, out);
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_COMMIT, NULL, "");
    return rc;
}

/* In a transaction of its own: rows that are doubled already must not keep the tables from being made. */
static void make_index(struct db *db, struct db_tables *out)
{
    char why[200];
    int rc = sqlite_do(db, SQL_BEGIN, NULL, "");
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_CREATE_INDEX, NULL, "");
    if (rc == SQLITE_OK)
        rc = sqlite_do(db, SQL_COMMIT, NULL, "");
    out->version_index = rc == SQLITE_OK;
    if (rc == SQLITE_OK)
        return;
    text_visible(why, sizeof why, sqlite3_errmsg(db->handle));
    sqlite_undo(db);
    if (!out->note[0])
        snprintf(out->note, sizeof out->note, "jetbase_migrations has no unique index on its versions (%s): Python Jetbase started at the same moment could apply a migration again", why);
}

static bool prepare_fault(struct db *db, int rc, struct error *err)
{
    sqlite_fault(db, rc, "creating jetbase's tables", err);
    sqlite_undo(db);
    if (err && err->code == ERR_RIGHTS)
        error_hint(err, "Nothing was created. As a user who may write the file, run: CREATE TABLE jetbase_lock (id INTEGER PRIMARY KEY CHECK (id = 1), is_locked BOOLEAN NOT NULL DEFAULT 0, "
                        "locked_at TEXT DEFAULT (STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')), process_id TEXT); CREATE TABLE jetbase_migrations (order_executed INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT, "
                        "description TEXT, filename TEXT NOT NULL, migration_type TEXT NOT NULL, applied_at TEXT DEFAULT (STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')), checksum TEXT);");
    return false;
}

bool sqlite_tables_prepare(struct db *db, struct db_tables *out, struct error *err)
{
    bool complete = false;
    int rc;
    memset(out, 0, sizeof *out);
    if (db->mode != DB_RUN)
        return error_set(err, ERR_INTERNAL, "tables were to be made over a connection that only reads");
    if (!sqlite_refresh(db, err))
        return false;
    sqlite_wait_at_most(db, SQLITE_HEAD_WAIT_MS, true);
    rc = read_all(db, out);
    if (rc == SQLITE_OK && out->runs)
        rc = run_columns_see(db, false, &complete);
    /* Everything there: nothing is written, and nobody is waited for. */
    if (rc == SQLITE_OK && !(out->migrations && out->lock && out->lock_row && out->runs && complete))
        rc = make_tables(db, out);
    if (rc != SQLITE_OK)
        return prepare_fault(db, rc, err);
    out->migrations = out->lock = out->lock_row = true;
    if (!out->version_index)
        make_index(db, out);
    return true;
}
