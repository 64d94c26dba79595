/* python.c: what Jetbase 0.18.1 sends to a database, as seen on PostgreSQL (one connection, BEGIN before each group) and through Python's SQLite driver. */
#include "python.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif
#ifdef JETBASE_SQLITE
#include <sqlite3.h>
#endif

#include "db.h"
#include "sha256.h"

enum { DRIVER_TIMEOUT_MS = 5000 }; /* of Python's sqlite3 */

/* One of its statements on PostgreSQL and on SQLite. */
struct words {
    const char *postgres, *sqlite;
};

static const struct words create_migrations = {
    "CREATE TABLE IF NOT EXISTS jetbase_migrations ( order_executed INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version VARCHAR(255), description VARCHAR(500) NOT NULL, filename VARCHAR(512) NOT NULL, "
    "migration_type VARCHAR(32) NOT NULL, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL, checksum VARCHAR(64) NOT NULL )",
    "CREATE TABLE IF NOT EXISTS jetbase_migrations ( order_executed INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT, description TEXT, filename TEXT NOT NULL, migration_type TEXT NOT NULL, "
    "applied_at TEXT DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')), checksum TEXT )",
};
static const struct words create_lock = {
    "CREATE TABLE IF NOT EXISTS jetbase_lock ( id INTEGER PRIMARY KEY CHECK (id = 1), is_locked BOOLEAN NOT NULL DEFAULT FALSE, locked_at TIMESTAMP, process_id VARCHAR(36) )",
    "CREATE TABLE IF NOT EXISTS jetbase_lock ( id INTEGER PRIMARY KEY CHECK (id = 1), is_locked BOOLEAN NOT NULL DEFAULT 0, locked_at TEXT DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')), process_id TEXT )",
};
static const struct words create_lock_row = {
    "INSERT INTO jetbase_lock (id, is_locked) SELECT 1, FALSE WHERE NOT EXISTS (SELECT 1 FROM jetbase_lock WHERE id = 1)",
    "INSERT OR IGNORE INTO jetbase_lock (id, is_locked) VALUES (1, 0)",
};
static const struct words lock = {
    "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = '%s' WHERE id = 1 AND is_locked = FALSE",
    "UPDATE jetbase_lock SET is_locked = 1, locked_at = STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW'), process_id = '%s' WHERE id = 1 AND is_locked = 0",
};
static const struct words unlock = {
    "UPDATE jetbase_lock SET is_locked = FALSE, locked_at = NULL, process_id = NULL WHERE id = 1 AND process_id = '%s'",
    "UPDATE jetbase_lock SET is_locked = 0, locked_at = NULL, process_id = NULL WHERE id = 1 AND process_id = '%s'",
};

static const char *word(const struct python *py, const struct words *w)
{
    return py->sb->kind == SANDBOX_SQLITE ? w->sqlite : w->postgres;
}

#ifdef JETBASE_POSTGRES
static void say_nothing(void *arg, const PGresult *res)
{
    (void)arg, (void)res;
}

static long postgres_say(struct python *py, const char *sql, bool number)
{
    PGresult *res = PQexec(py->connection, sql);
    bool rows = PQresultStatus(res) == PGRES_TUPLES_OK;
    long count = -1;
    py->fault[0] = '\0';
    if (!rows && PQresultStatus(res) != PGRES_COMMAND_OK) {
        const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
        snprintf(py->fault, sizeof py->fault, "%s", state ? state : "lost");
        snprintf(py->message, sizeof py->message, "%s", PQerrorMessage(py->connection));
    } else if (number) {
        count = PQntuples(res) > 0 && !PQgetisnull(res, 0, 0) ? strtol(PQgetvalue(res, 0, 0), NULL, 10) : -1;
    } else {
        count = rows ? PQntuples(res) : strtol(PQcmdTuples(res), NULL, 10);
    }
    PQclear(res);
    return count;
}
#endif

#ifdef JETBASE_SQLITE
static long sqlite_say(struct python *py, const char *sql, bool number)
{
    sqlite3 *db = py->connection;
    sqlite3_stmt *stmt = NULL;
    long count = -1, rows = 0;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), reads = rc == SQLITE_OK && sqlite3_column_count(stmt) > 0;
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (rows++ == 0 && number && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
            count = (long)sqlite3_column_int64(stmt, 0);
        rc = SQLITE_OK;
    }
    py->fault[0] = '\0';
    if (rc != SQLITE_DONE) {
        count = -1;
        snprintf(py->fault, sizeof py->fault, "%d", sqlite3_extended_errcode(db));
        snprintf(py->message, sizeof py->message, "%s", sqlite3_errmsg(db));
    } else if (!number) {
        count = reads ? rows : sqlite3_changes(db);
    }
    sqlite3_finalize(stmt);
    return count;
}
#endif

static long send(struct python *py, const char *sql, bool number)
{
#ifdef JETBASE_SQLITE
    if (py->sb->kind == SANDBOX_SQLITE)
        return sqlite_say(py, sql, number);
#endif
#ifdef JETBASE_POSTGRES
    if (py->sb->kind == SANDBOX_POSTGRES)
        return postgres_say(py, sql, number);
#endif
    (void)number;
    snprintf(py->message, sizeof py->message, "no such database in this build for: %s", sql);
    return -1;
}

bool python_open(struct python *py, const struct sandbox *sb)
{
    *py = (struct python){ .sb = sb, .schema = py->schema, .between = py->between, .user = py->user };
#ifdef JETBASE_SQLITE
    if (sb->kind == SANDBOX_SQLITE) {
        sqlite3 *db = NULL;
        bool ok = sqlite3_open(sb->path, &db) == SQLITE_OK && sqlite3_busy_timeout(db, DRIVER_TIMEOUT_MS) == SQLITE_OK;
        py->connection = db;
        return ok;
    }
#endif
#ifdef JETBASE_POSTGRES
    if (sb->kind == SANDBOX_POSTGRES) {
        py->connection = PQconnectdb(sb->conninfo);
        PQsetNoticeReceiver(py->connection, say_nothing, NULL);
        return PQstatus(py->connection) == CONNECTION_OK;
    }
#endif
    return false;
}

void python_close(struct python *py)
{
#ifdef JETBASE_SQLITE
    if (py->sb->kind == SANDBOX_SQLITE)
        sqlite3_close(py->connection);
#endif
#ifdef JETBASE_POSTGRES
    if (py->sb->kind == SANDBOX_POSTGRES)
        PQfinish(py->connection);
#endif
    py->connection = NULL;
}

/* Python's SQLite driver lets a transaction begin before these only; what comes first is committed by itself. */
static bool begins(const struct python *py, const char *sql)
{
    if (py->sb->kind == SANDBOX_POSTGRES)
        return true;
    return strncasecmp(sql, "INSERT", 6) == 0 || strncasecmp(sql, "UPDATE", 6) == 0 || strncasecmp(sql, "DELETE", 6) == 0;
}

static bool begin(struct python *py, const char *sql)
{
    char path[200];
    if (py->open || !begins(py, sql))
        return true;
    if (send(py, "BEGIN", false) < 0)
        return false;
    py->open = true;
    if (!py->schema)
        return true;
    snprintf(path, sizeof path, "SET search_path TO '%s'", py->schema);
    return send(py, path, false) >= 0;
}

long python_say(struct python *py, const char *sql)
{
    return begin(py, sql) ? send(py, sql, false) : -1;
}

bool python_end(struct python *py, bool commit)
{
    char fault[sizeof py->fault], message[sizeof py->message];
    bool ok;
    memcpy(fault, py->fault, sizeof fault);
    memcpy(message, py->message, sizeof message);
    if (!py->open)
        return true;
    ok = send(py, commit ? "COMMIT" : "ROLLBACK", false) >= 0;
    if (!ok && commit) {
        memcpy(fault, py->fault, sizeof fault);
        memcpy(message, py->message, sizeof message);
        send(py, "ROLLBACK", false);
    }
    memcpy(py->fault, fault, sizeof fault);
    memcpy(py->message, message, sizeof message);
    py->open = false;
    return ok;
}

long python_do(struct python *py, const char *sql)
{
    long rows = python_say(py, sql);
    return python_end(py, rows >= 0) ? rows : -1;
}

long python_number(struct python *py, const char *sql)
{
    long number = begin(py, sql) ? send(py, sql, true) : -1;
    return python_end(py, py->fault[0] == '\0') ? number : -1;
}

bool python_prepare(struct python *py)
{
    if (python_do(py, word(py, &create_migrations)) < 0)
        return false;
    long rows = python_say(py, word(py, &create_lock));
    if (rows >= 0)
        rows = python_say(py, word(py, &create_lock_row));
    return python_end(py, rows >= 0) && rows >= 0;
}

long python_plan(struct python *py)
{
    long latest = python_number(py, "SELECT version FROM jetbase_migrations WHERE migration_type = 'VERSIONED' ORDER BY applied_at DESC LIMIT 1");
    return latest < 0 && !py->fault[0] ? 0 : latest;
}

long python_lock(struct python *py)
{
    char sql[400];
    if (!sys_uuid(&sys_real, py->id))
        return -1;
    snprintf(sql, sizeof sql, word(py, &lock), py->id);
    return python_do(py, sql);
}

long python_unlock(struct python *py)
{
    char sql[400];
    snprintf(sql, sizeof sql, word(py, &unlock), py->id);
    return python_do(py, sql);
}

#define STEP "INSERT INTO applied_log VALUES (%d)"

void python_files(const struct sandbox *sb, int from, int to, bool table)
{
    for (int i = from; i <= to; i++) {
        char name[64];
        snprintf(name, sizeof name, "V%d__step.sql", i);
        sandbox_file(sb, name, "-- upgrade\n" STEP ";\n\n-- rollback\nDELETE FROM applied_log WHERE v = %d;\n", i, i);
    }
    if (table)
        sandbox_sql(sb, "CREATE TABLE applied_log (v INTEGER)");
}

void python_checksum(int version, char to[65])
{
    char sql[64];
    snprintf(sql, sizeof sql, STEP, version);
    sha256_hex(sql, strlen(sql), to);
}

bool python_apply(struct python *py, int version)
{
    char sql[400], checksum[65];
    snprintf(sql, sizeof sql, STEP, version);
    bool ok = python_say(py, sql) == 1;
    python_checksum(version, checksum);
    snprintf(sql, sizeof sql, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('%d', 'step', 'V%d__step.sql', 'VERSIONED', '%s')", version, version, checksum);
    ok = ok && python_say(py, sql) == 1;
    return python_end(py, ok) && ok;
}

bool python_roll_back(struct python *py, int version)
{
    char sql[200];
    snprintf(sql, sizeof sql, "DELETE FROM applied_log WHERE v = %d", version);
    bool ok = python_say(py, sql) >= 0;
    snprintf(sql, sizeof sql, "DELETE FROM jetbase_migrations WHERE version = '%d' AND migration_type = 'VERSIONED'", version);
    ok = ok && python_say(py, sql) >= 0;
    return python_end(py, ok) && ok;
}

static void pause_at(struct python *py, const char *where)
{
    if (py->between)
        py->between(py, where);
}

enum python_end python_upgrade(struct python *py, int to)
{
    char fault[sizeof py->fault], message[sizeof py->message];
    long latest, held;
    bool ok = true;
    py->applied = 0;
    if (!python_prepare(py) || (latest = python_plan(py)) < 0)
        return PYTHON_FAILED;
    pause_at(py, "planned");
    held = python_lock(py);
    if (held <= 0)
        return held == 0 ? PYTHON_HELD : PYTHON_FAILED;
    for (int version = (int)latest + 1; ok && version <= to; version++) {
        ok = python_apply(py, version);
        py->applied += ok;
        if (ok)
            pause_at(py, "applied");
    }
    memcpy(fault, py->fault, sizeof fault);
    memcpy(message, py->message, sizeof message);
    held = python_unlock(py);
    if (!ok) {
        memcpy(py->fault, fault, sizeof fault);
        memcpy(py->message, message, sizeof message);
    }
    return ok && held >= 0 ? PYTHON_DONE : PYTHON_FAILED;
}

void python_check_once(const struct sandbox *sb, int n)
{
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM applied_log"), n);
    assert_int_equal(sandbox_number(sb, "SELECT count(DISTINCT v) FROM applied_log"), n);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_migrations WHERE migration_type = 'VERSIONED'"), n);
    assert_int_equal(sandbox_number(sb, "SELECT count(DISTINCT version) FROM jetbase_migrations WHERE migration_type = 'VERSIONED'"), n);
}

void python_check_free(const struct sandbox *sb)
{
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL AND locked_at IS NULL"), 1);
}
