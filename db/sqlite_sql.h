/* sqlite_sql.h: every SQL text of the SQLite driver. The two Jetbase tables are Jetbase's to the letter; jetbase_runs is ours. */
#ifndef JETBASE_DB_SQLITE_SQL_H
#define JETBASE_DB_SQLITE_SQL_H

#define SQL_BEGIN "BEGIN IMMEDIATE"
#define SQL_COMMIT "COMMIT"
#define SQL_ROLLBACK "ROLLBACK"
#define SQL_VERSION "PRAGMA main.data_version"
#define SQL_PROBE "SELECT 1 FROM main.sqlite_master LIMIT 1"

/* ---- tables ---- */

#define SQL_HAS_TABLE "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE"
#define SQL_HAS_INDEX "SELECT 1 FROM main.sqlite_master WHERE type = 'index' AND name = 'jetbase_migrations_version_key' AND tbl_name = 'jetbase_migrations' COLLATE NOCASE"
#define SQL_HAS_COLUMN "SELECT 1 FROM pragma_table_info('jetbase_runs', 'main') WHERE name = ?1 COLLATE NOCASE"
#define SQL_HAS_LOCK_ROW "SELECT 1 FROM main.jetbase_lock WHERE id = 1"

#define SQL_CREATE_MIGRATIONS                                                  \
    "CREATE TABLE IF NOT EXISTS main.jetbase_migrations (\n"                   \
    "    order_executed INTEGER PRIMARY KEY AUTOINCREMENT,\n"                  \
    "    version TEXT,\n"                                                      \
    "    description TEXT,\n"                                                  \
    "    filename TEXT NOT NULL,\n"                                            \
    "    migration_type TEXT NOT NULL,\n"                                      \
    "    applied_at TEXT DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')),\n"    \
    "    checksum TEXT\n"                                                      \
    ")"

#define SQL_CREATE_LOCK                                                        \
    "CREATE TABLE IF NOT EXISTS main.jetbase_lock (\n"                         \
    "    id INTEGER PRIMARY KEY CHECK (id = 1),\n"                             \
    "    is_locked BOOLEAN NOT NULL DEFAULT 0,\n"                              \
    "    locked_at TEXT DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')),\n"     \
    "    process_id TEXT\n"                                                    \
    ")"

#define SQL_CREATE_LOCK_ROW "INSERT OR IGNORE INTO main.jetbase_lock (id, is_locked) VALUES (1, 0)"

#define SQL_CREATE_RUNS                                                        \
    "CREATE TABLE IF NOT EXISTS main.jetbase_runs (\n"                         \
    "    process_id TEXT PRIMARY KEY NOT NULL,\n"                              \
    "    host TEXT,\n"                                                         \
    "    pid INTEGER,\n"                                                       \
    "    os_user TEXT,\n"                                                      \
    "    program TEXT,\n"                                                      \
    "    command TEXT,\n"                                                      \
    "    session_pid INTEGER,\n"                                               \
    "    witness TEXT,\n"                                                      \
    "    acquired_at TEXT,\n"                                                  \
    "    file TEXT,\n"                                                         \
    "    no_transaction BOOLEAN,\n"                                            \
    "    statements INTEGER,\n"                                                \
    "    started_statement INTEGER,\n"                                         \
    "    done_statement INTEGER,\n"                                            \
    "    last_done TEXT,\n"                                                    \
    "    released_at TEXT,\n"                                                  \
    "    outcome TEXT,\n"                                                      \
    "    detail TEXT,\n"                                                       \
    "    unlocked_by TEXT,\n"                                                  \
    "    unlocked_at TEXT,\n"                                                  \
    "    unlock_reason TEXT,\n"                                                \
    "    resolution TEXT,\n"                                                   \
    "    resolved_by TEXT,\n"                                                  \
    "    resolved_at TEXT,\n"                                                  \
    "    prefix TEXT\n"                                                        \
    ")"

/* Columns that may be missing from an older table, with the statement that adds each. Never another name or type for one that is there. */
#define SQL_ADD(column, type) { column, "ALTER TABLE main.jetbase_runs ADD COLUMN " column " " type }
#define SQL_RUNS_ADD                                                                                                       \
    SQL_ADD("host", "TEXT"), SQL_ADD("pid", "INTEGER"), SQL_ADD("os_user", "TEXT"), SQL_ADD("program", "TEXT"),            \
    SQL_ADD("command", "TEXT"), SQL_ADD("session_pid", "INTEGER"), SQL_ADD("witness", "TEXT"),                             \
    SQL_ADD("acquired_at", "TEXT"), SQL_ADD("file", "TEXT"), SQL_ADD("no_transaction", "BOOLEAN"),                         \
    SQL_ADD("statements", "INTEGER"), SQL_ADD("started_statement", "INTEGER"), SQL_ADD("done_statement", "INTEGER"),       \
    SQL_ADD("last_done", "TEXT"), SQL_ADD("released_at", "TEXT"), SQL_ADD("outcome", "TEXT"), SQL_ADD("detail", "TEXT"),   \
    SQL_ADD("unlocked_by", "TEXT"), SQL_ADD("unlocked_at", "TEXT"), SQL_ADD("unlock_reason", "TEXT"),                      \
    SQL_ADD("resolution", "TEXT"), SQL_ADD("resolved_by", "TEXT"), SQL_ADD("resolved_at", "TEXT"), SQL_ADD("prefix", "TEXT")

#define SQL_SAVE_RUNS "SAVEPOINT jetbase_runs_made"
#define SQL_KEEP_RUNS "RELEASE jetbase_runs_made"
#define SQL_UNDO_RUNS "ROLLBACK TO jetbase_runs_made"

#define SQL_CREATE_INDEX "CREATE UNIQUE INDEX IF NOT EXISTS main.jetbase_migrations_version_key ON jetbase_migrations (version) WHERE migration_type = 'VERSIONED'"

/* ---- reading ---- */

#define SQL_LOCK_ROW "SELECT is_locked, locked_at, process_id FROM main.jetbase_lock WHERE id = 1"

#define SQL_HISTORY                                                                                                        \
    "SELECT order_executed, version, description, filename, checksum, migration_type, applied_at"                          \
    " FROM main.jetbase_migrations ORDER BY applied_at, order_executed"

/* Ages are the database's own: julianday of both ends by its clock. */
#define SQL_RUN_COLUMNS                                                                                                    \
    "SELECT process_id, host, os_user, program, command, pid, session_pid, witness, acquired_at,"                          \
    " (julianday('now') - julianday(acquired_at)) * 86400.0,"                                                              \
    " (julianday(released_at) - julianday(acquired_at)) * 86400.0,"                                                        \
    " file, no_transaction, statements, started_statement, done_statement, last_done, released_at, outcome, detail,"      \
    " unlocked_by, unlocked_at, unlock_reason, resolution"
#define SQL_RUN_SELECT SQL_RUN_COLUMNS " FROM main.jetbase_runs "
#define SQL_RUN_ONE SQL_RUN_SELECT "WHERE process_id = ?1"
#define SQL_RUN_LAST SQL_RUN_SELECT "WHERE outcome IS NOT NULL ORDER BY acquired_at DESC, rowid DESC LIMIT 1"
#define SQL_RUN_ALL SQL_RUN_SELECT "WHERE ?1 IS NULL OR process_id = ?1 ORDER BY acquired_at DESC, rowid DESC LIMIT ?2"

/* A run with a file outside a transaction that is started, not ended, not resolved. Its end clears the numbers; last_done is not asked: another file of that name may have been done before. */
#define SQL_IS_UNFINISHED "r.no_transaction AND r.started_statement IS NOT NULL AND r.resolution IS NULL"
#define SQL_UNFINISHED                                                                                                     \
    SQL_RUN_COLUMNS ", jetbase_witness_held(process_id, witness), prefix FROM main.jetbase_runs AS r WHERE " SQL_IS_UNFINISHED     \
    " ORDER BY acquired_at DESC, rowid DESC"

/* ---- changing the lock ---- */

#define SQL_NOW "STRFTIME('%Y-%m-%dT%H:%M:%fZ', 'NOW')"

/* Such a witnessed run that can still go on. */
#define SQL_NO_UNFENCED                                                                                                    \
    " AND NOT EXISTS (SELECT 1 FROM main.jetbase_runs AS r WHERE " SQL_IS_UNFINISHED                                       \
    " AND r.witness IS NOT NULL AND jetbase_witness_held(r.process_id, r.witness))"

#define SQL_ACQUIRE                                                                                                        \
    "UPDATE main.jetbase_lock SET is_locked = 1, locked_at = STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW'), process_id = ?1"        \
    " WHERE id = 1 AND NOT is_locked"
#define SQL_TAKE_OVER                                                                                                      \
    "UPDATE main.jetbase_lock SET is_locked = 1, locked_at = STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW'), process_id = ?1"        \
    " WHERE id = 1 AND is_locked AND process_id = ?2"
#define SQL_FREE                                                                                                           \
    "UPDATE main.jetbase_lock SET is_locked = 0, locked_at = NULL, process_id = NULL"                                      \
    " WHERE id = 1 AND is_locked AND COALESCE(process_id, '') = ?1"
#define SQL_FREE_ANY "UPDATE main.jetbase_lock SET is_locked = 0, locked_at = NULL, process_id = NULL WHERE id = 1"

#define SQL_RUN_INSERT                                                                                                     \
    "INSERT INTO main.jetbase_runs (process_id, host, pid, os_user, program, command, session_pid, witness, acquired_at,"  \
    " file, no_transaction, statements) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, " SQL_NOW ", ?9, ?10, ?11)"
#define SQL_RUN_DIED                                                                                                       \
    "UPDATE main.jetbase_runs SET outcome = 'died', released_at = COALESCE(released_at, " SQL_NOW ")"                      \
    " WHERE process_id = ?1 AND outcome IS NULL"
#define SQL_RUN_UNLOCKED                                                                                                   \
    "UPDATE main.jetbase_runs SET unlocked_by = ?2, unlocked_at = " SQL_NOW ", unlock_reason = ?3 WHERE process_id = ?1"
#define SQL_RUN_ENDED                                                                                                      \
    "UPDATE main.jetbase_runs SET outcome = ?2, detail = ?3, released_at = " SQL_NOW " WHERE process_id = ?1 AND outcome IS NULL"
#define SQL_RUN_WITNESS "SELECT witness FROM main.jetbase_runs WHERE process_id = ?1"

/* ?1 days: rows of runs that began longer ago by the database's clock, but for the run that the lock names, every row that names a half-applied file, and a run that can still go on. */
#define SQL_IS_OLD "julianday('now') - julianday(r.acquired_at) > ?1"
#define SQL_PRUNE                                                                                                          \
    "DELETE FROM main.jetbase_runs AS r WHERE " SQL_IS_OLD                                                                 \
    " AND NOT EXISTS (SELECT 1 FROM main.jetbase_lock AS k WHERE k.id = 1 AND k.is_locked AND k.process_id = r.process_id)"  \
    " AND (r.file IS NULL OR r.file NOT IN (SELECT r.file FROM main.jetbase_runs AS r WHERE r.file IS NOT NULL AND " SQL_IS_UNFINISHED "))"  \
    " AND NOT jetbase_witness_held(r.process_id, r.witness)"
#define SQL_PRUNE_KEPT "SELECT count(*) FROM main.jetbase_runs AS r WHERE " SQL_IS_OLD

/* ---- a run ---- */

/* The pragma does nothing inside a transaction. */
#define SQL_KEYS_OFF "PRAGMA foreign_keys = OFF"
/* table, rowid, parent */
#define SQL_KEYS_CHECK "PRAGMA main.foreign_key_check"

/* Forgets what is known of the schema and takes the right to write it away (since 3.22; an older SQLite reads OFF). */
#define SQL_SCHEMA_RESET "PRAGMA writable_schema = RESET"
#define SQL_FENCE "SELECT 1 FROM main.jetbase_lock WHERE id = 1 AND is_locked AND process_id = ?1"

/* ms since 1970 of the row that came last; no row, or NULL, where there is none or its text is no time */
#define SQL_RECORD_LAST "SELECT CAST(ROUND((julianday(applied_at) - 2440587.5) * 86400000.0) AS INTEGER) FROM main.jetbase_migrations ORDER BY order_executed DESC LIMIT 1"
#define SQL_RECORD_INSERT                                                                                                  \
    "INSERT INTO main.jetbase_migrations (version, description, filename, migration_type, checksum, applied_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
#define SQL_RECORD_UPDATE                                                                                                  \
    "UPDATE main.jetbase_migrations SET checksum = ?1, applied_at = STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')"                  \
    " WHERE filename = ?2 AND migration_type = ?3"
#define SQL_RECORD_DELETE "DELETE FROM main.jetbase_migrations WHERE version = ?1 AND migration_type = 'VERSIONED'"
#define SQL_RECORD_CHECKSUM "UPDATE main.jetbase_migrations SET checksum = ?1 WHERE version = ?2 AND migration_type = 'VERSIONED'"
#define SQL_RECORD_FORGET "DELETE FROM main.jetbase_migrations WHERE filename = ?1 AND migration_type = ?2"

#define SQL_RUN_DONE                                                                                                       \
    "UPDATE main.jetbase_runs SET last_done = ?2, file = ?3, statements = ?4, no_transaction = 0,"                         \
    " started_statement = NULL, done_statement = NULL WHERE process_id = ?1"
#define SQL_RUN_START                                                                                                      \
    "UPDATE main.jetbase_runs SET file = ?2, statements = ?3, no_transaction = 1, started_statement = ?4,"                 \
    " done_statement = ?4 - 1, prefix = ?5 WHERE process_id = ?1"
#define SQL_RUN_STATEMENT_DONE                                                                                             \
    "UPDATE main.jetbase_runs SET done_statement = ?2, prefix = ?3 WHERE process_id = ?1 AND no_transaction AND started_statement = ?2"
#define SQL_RUN_SEAL                                                                                                       \
    "UPDATE main.jetbase_runs SET started_statement = ?2, done_statement = ?2, prefix = ?3 WHERE process_id = ?1 AND no_transaction"
#define SQL_RESOLVE                                                                                                        \
    "UPDATE main.jetbase_runs AS r SET resolution = ?2, resolved_by = ?3, resolved_at = " SQL_NOW                          \
    " WHERE file = ?1 AND process_id <> ?4 AND " SQL_IS_UNFINISHED
#define SQL_RUN_PROGRESS                                                                                                   \
    "UPDATE main.jetbase_runs SET file = ?2, statements = ?3, no_transaction = 0, started_statement = NULL,"               \
    " done_statement = NULL WHERE process_id = ?1"

#endif
