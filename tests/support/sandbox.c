/* sandbox.c: a project folder with a fresh database for one test, and an oracle that reads that database by itself. */
#include "sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef JETBASE_SQLITE
#include <sqlite3.h>
#endif
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>

#include "pg_server.h"
#endif

enum { MAX_ARGS = 24 };

bool sandbox_has(enum sandbox_kind kind)
{
#ifndef JETBASE_SQLITE
    if (kind == SANDBOX_SQLITE)
        return false;
#endif
#ifndef JETBASE_POSTGRES
    if (kind == SANDBOX_POSTGRES)
        return false;
#endif
    (void)kind;
    return true;
}

static void new_database(struct sandbox *sb)
{
    if (sb->kind == SANDBOX_SQLITE) {
        snprintf(sb->path, sizeof sb->path, "%s/app.db", sb->dir);
        snprintf(sb->url, sizeof sb->url, "sqlite:///%s", sb->path);
        return;
    }
#ifdef JETBASE_POSTGRES
    pg_server_new_database(sb->url, sizeof sb->url);
    snprintf(sb->conninfo, sizeof sb->conninfo, "%s", sb->url);
#endif
}

void sandbox_open(struct sandbox *sb, enum sandbox_kind kind)
{
    char folder[300];
    memset(sb, 0, sizeof *sb);
    sb->kind = kind;
    snprintf(sb->dir, sizeof sb->dir, "/tmp/jetbase-test-XXXXXX");
    assert_non_null(mkdtemp(sb->dir));
    snprintf(folder, sizeof folder, "%s/migrations", sb->dir);
    assert_int_equal(mkdir(folder, 0755), 0);
    new_database(sb);
    snprintf(sb->variable, sizeof sb->variable, "JETBASE_SQLALCHEMY_URL=%s", sb->url);
}

void sandbox_close(struct sandbox *sb)
{
    const char *const argv[] = { "/bin/rm", "-rf", sb->dir, NULL };
    struct process p;
    process_run(&p, "/", argv, NULL);
    process_free(&p);
}

void sandbox_file(const struct sandbox *sb, const char *name, const char *format, ...)
{
    char path[700];
    FILE *file;
    va_list args;
    snprintf(path, sizeof path, "%s/migrations/%s", sb->dir, name);
    file = fopen(path, "we");
    assert_non_null(file);
    va_start(args, format);
    assert_true(vfprintf(file, format, args) >= 0);
    va_end(args);
    assert_int_equal(fclose(file), 0);
}

void sandbox_steps(const struct sandbox *sb, int n, int rows)
{
    for (int i = 1; i <= n; i++) {
        char name[64];
        snprintf(name, sizeof name, "V%d__step_%d.sql", i, i);
        sandbox_file(sb, name,
                     "-- upgrade\nCREATE TABLE t%d (id INTEGER PRIMARY KEY, x TEXT);\nCREATE INDEX i%d ON t%d (x);\n"
                     "INSERT INTO t%d WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n, 'row' FROM c;\n"
                     "INSERT INTO applied_log VALUES (%d);\n\n-- rollback\nDELETE FROM applied_log WHERE v = %d;\nDROP TABLE t%d;\n",
                     i, i, i, i, rows, i, i, i);
    }
    sandbox_sql(sb, "CREATE TABLE applied_log (v INTEGER)");
}

#ifdef JETBASE_SQLITE
static char *sqlite_text(const struct sandbox *sb, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    char *text = NULL;
    int rc;
    assert_int_equal(sqlite3_open(sb->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 60000);
    rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0))
        text = strdup((const char *)sqlite3_column_text(stmt, 0));
    rc = rc == SQLITE_OK ? sqlite3_finalize(stmt) : rc;
    if (rc != SQLITE_OK)
        print_error("%s: %s\n", sql, sqlite3_errmsg(db));
    assert_int_equal(rc, SQLITE_OK);
    sqlite3_close(db);
    return text ? text : strdup("");
}
#endif

#ifdef JETBASE_POSTGRES
static char *postgres_text(const struct sandbox *sb, const char *sql)
{
    PGconn *conn = PQconnectdb(sb->conninfo);
    PGresult *res;
    char *text = NULL;
    bool good;
    if (PQstatus(conn) != CONNECTION_OK)
        print_error("%s\n", PQerrorMessage(conn));
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    res = PQexec(conn, sql);
    good = PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK;
    if (!good)
        print_error("%s: %s\n", sql, PQerrorMessage(conn));
    assert_true(good);
    if (PQntuples(res) > 0)
        text = strdup(PQgetvalue(res, 0, 0));
    PQclear(res);
    PQfinish(conn);
    return text ? text : strdup("");
}
#endif

char *sandbox_text(const struct sandbox *sb, const char *sql)
{
#ifdef JETBASE_SQLITE
    if (sb->kind == SANDBOX_SQLITE)
        return sqlite_text(sb, sql);
#endif
#ifdef JETBASE_POSTGRES
    if (sb->kind == SANDBOX_POSTGRES)
        return postgres_text(sb, sql);
#endif
    fail_msg("this build has no such database for: %s", sql);
    return NULL;
}

void sandbox_sql(const struct sandbox *sb, const char *sql)
{
    free(sandbox_text(sb, sql));
}

int64_t sandbox_number(const struct sandbox *sb, const char *sql)
{
    char *text = sandbox_text(sb, sql);
    int64_t number = strtoll(text, NULL, 10);
    free(text);
    return number;
}

/* Counts tables or indexes of that name. */
static int64_t objects(const struct sandbox *sb, char letter, int i)
{
    char sql[200];
    snprintf(sql, sizeof sql, sb->kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = '%c%d'" : "SELECT count(*) FROM pg_class WHERE relname = '%c%d'", letter, i);
    return sandbox_number(sb, sql);
}

static bool table_there(const struct sandbox *sb, const char *name)
{
    char sql[200];
    snprintf(sql, sizeof sql, sb->kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = '%s'" : "SELECT count(*) FROM pg_class WHERE relname = '%s'", name);
    return sandbox_number(sb, sql) > 0;
}

int sandbox_check_steps(const struct sandbox *sb, int n)
{
    int applied = 0;
    bool history = table_there(sb, "jetbase_migrations");
    for (int i = 1; i <= n; i++) {
        char sql[200];
        int64_t rows = 0;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%d'", i);
        if (history)
            rows = sandbox_number(sb, sql);
        assert_in_range(rows, 0, 1);
        assert_int_equal(objects(sb, 't', i), rows);
        assert_int_equal(objects(sb, 'i', i), rows);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM applied_log WHERE v = %d", i);
        assert_int_equal(sandbox_number(sb, sql), rows);
        applied += (int)rows;
    }
    return applied;
}

void sandbox_start(const struct sandbox *sb, struct process *p, bool faulty, const char *failpoint, const char *const args[])
{
    const char *argv[MAX_ARGS] = { faulty ? process_faulty() : process_jetbase() };
    char set[200];
    const char *env[] = { sb->variable, failpoint ? set : NULL, NULL };
    size_t i = 0;
    for (; args[i]; i++) {
        assert_true(i + 2 < MAX_ARGS);
        argv[i + 1] = args[i];
    }
    if (failpoint)
        snprintf(set, sizeof set, "JETBASE_FAILPOINT=%s", failpoint);
    process_start(p, sb->dir, argv, env);
}

int sandbox_run(const struct sandbox *sb, struct process *p, const char *const args[])
{
    struct process own;
    struct process *used = p ? p : &own;
    sandbox_start(sb, used, false, NULL, args);
    process_wait(used);
    if (!p)
        process_free(&own);
    return used->exit;
}

long sandbox_setting(const char *name, long fallback)
{
    const char *value = getenv(name);
    return value && *value ? strtol(value, NULL, 10) : fallback;
}
