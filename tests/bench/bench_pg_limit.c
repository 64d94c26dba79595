/* bench_pg_limit.c: the least that a fenced run can do on PostgreSQL, in C with libpq, and nothing else: what the program is measured against. */
#include "bench/bench_pg.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "checksum.h"

#define FENCE                                                                                                                                              \
    "WITH l AS MATERIALIZED (SELECT 1 FROM public.jetbase_lock WHERE id = 1 AND is_locked AND process_id::text = $1::text FOR UPDATE),"                    \
    " n AS MATERIALIZED (SELECT count(*) AS held FROM l)"                                                                                                  \
    " SELECT CASE WHEN n.held = 1 THEN 1 ELSE CAST('jetbase-lock-lost:' || $1::text || ':' || n.held::text AS int4) END FROM n"
#define HISTORY "INSERT INTO public.jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ($1::text, $2::text, $3::text, $4::text, $5::text)"
#define RUN                                                                                                                                                \
    "UPDATE public.jetbase_runs SET last_done = $2::text, file = $3::text, statements = $4::int4, no_transaction = FALSE, started_statement = NULL, done_statement = NULL" \
    " WHERE process_id::text = $1::text"
#define SET(name, value, local) ", pg_catalog.set_config('" name "', '" value "', " local ")"
#define SETTINGS                                                                                                                                           \
    "SELECT pg_catalog.pg_try_advisory_lock(77)" SET("lock_timeout", "4000", "true") SET("client_connection_check_interval", "2000", "false")              \
    SET("tcp_keepalives_idle", "10", "false") SET("tcp_keepalives_interval", "5", "false") SET("tcp_keepalives_count", "3", "false") SET("tcp_user_timeout", "20000", "false")
#define READ "SELECT version, migration_type, filename, description, checksum, applied_at FROM public.jetbase_migrations ORDER BY applied_at"

void bench_pg_statement(char *to, size_t size, int n, int s, bool tables)
{
    static const char *const made[BENCH_PG_STATEMENTS] = {
        "CREATE TABLE t%1$d (id INTEGER PRIMARY KEY, name TEXT NOT NULL, made TIMESTAMP DEFAULT now())",
        "CREATE INDEX i%1$d ON t%1$d (name)",
        "INSERT INTO t%1$d (id, name) VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four'), (5, 'five')",
        "ALTER TABLE t%1$d ADD COLUMN note TEXT",
        "UPDATE t%1$d SET note = 'row ' || id WHERE id > 2",
        "COMMENT ON TABLE t%1$d IS 'step %1$d'",
    };
    if (tables)
        snprintf(to, size, made[s], n);
    else
        snprintf(to, size, "INSERT INTO bench (step, part, word) VALUES (%d, %d, 'a row of step %d')", n, s, n);
}

static int complain(PGconn *conn)
{
    fprintf(stderr, "limit: %s\n", PQerrorMessage(conn));
    PQfinish(conn);
    return 1;
}

static int flush_all(PGconn *conn)
{
    for (;;) {
        struct pollfd fd = { PQsocket(conn), POLLIN | POLLOUT, 0 };
        int left = PQflush(conn);
        if (left <= 0)
            return left == 0;
        poll(&fd, 1, -1);
        if (fd.revents & POLLIN && !PQconsumeInput(conn))
            return 0;
    }
}

/* Reads the answers to so many queries; all must be good. */
static int answers(PGconn *conn, int count)
{
    while (count > 0) {
        PGresult *res = PQgetResult(conn);
        ExecStatusType status = PQresultStatus(res);
        if (!res) {
            count--;
            continue;
        }
        PQclear(res);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            return 0;
    }
    return 1;
}

static int send_one(PGconn *conn, const char *sql, int count, const char *const *values)
{
    return PQsendQueryParams(conn, sql, count, NULL, values, NULL, NULL, 0);
}

/* What keeps a file from the next one and from our tables, as the driver sends it: the head's witness and settings, and everything that a file may have left in the session taken back. */
static int send_apart(PGconn *conn, int head)
{
    static const char *const reset[] = { "SET CONSTRAINTS ALL IMMEDIATE", "RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL", SETTINGS, "CLOSE ALL", "DEALLOCATE ALL", "UNLISTEN *", "DISCARD PLANS", "DISCARD TEMP", "DISCARD SEQUENCES" };
    const char *head_values[] = { "77", "jetbase 1/100 V1__step_1.sql" };
    if (head)
        return send_one(conn, "SELECT pg_catalog.pg_try_advisory_xact_lock($1::pg_catalog.int8), pg_catalog.set_config('application_name', $2::pg_catalog.text, true)", 2, head_values);
    for (size_t i = 0; i < sizeof reset / sizeof reset[0]; i++)
        if (!send_one(conn, reset[i], 0, NULL))
            return 0;
    return 1;
}

static int send_migration(PGconn *conn, int n, int tables, int apart)
{
    static const char *id = BENCH_PG_LIMIT_ID;
    char version[16], file[40], done[60], sql[400], description[24];
    snprintf(version, sizeof version, "%d", n);
    snprintf(description, sizeof description, "step %d", n);
    snprintf(file, sizeof file, "V%d__step_%d.sql", n, n);
    snprintf(done, sizeof done, "%d %s", n, file);
    const char *history[] = { version, description, file, "VERSIONED", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }, *run[] = { id, done, file, "6" };
    int good = send_one(conn, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", 0, NULL);
    if (good && apart)
        good = send_apart(conn, 1);
    for (int s = 0; s < BENCH_PG_STATEMENTS && good; s++) {
        bench_pg_statement(sql, sizeof sql, n, s, tables);
        good = send_one(conn, sql, 0, NULL);
    }
    if (good && apart)
        good = send_apart(conn, 0);
    return good && send_one(conn, FENCE, 1, &id) && send_one(conn, HISTORY, 5, history) && send_one(conn, RUN, 4, run) && PQsendFlushRequest(conn) && flush_all(conn);
}

static int upgrade(PGconn *conn, int count, int tables, int apart)
{
    enum { QUERIES = 1 + BENCH_PG_STATEMENTS + 3, APART = 12 };
    PGresult *sync;
    if (!PQenterPipelineMode(conn) || PQsetnonblocking(conn, 1) != 0)
        return 0;
    for (int n = 1; n <= count; n++)
        if ((n > 1 && !send_one(conn, "COMMIT", 0, NULL)) || !send_migration(conn, n, tables, apart) || !answers(conn, QUERIES + (apart ? APART : 0) + (n > 1)))
            return 0;
    if (!send_one(conn, "COMMIT", 0, NULL) || !PQpipelineSync(conn) || !flush_all(conn) || !answers(conn, 1))
        return 0;
    sync = PQgetResult(conn);
    PQclear(sync);
    return sync != NULL;
}

/* SHA-256 of one file that is a few kilobytes long. */
static int hash_file(int dir, const char *name)
{
    char text[16384];
    char sum[CHECKSUM_SIZE];
    struct stat st;
    ssize_t len = -1;
    int file = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    if (fstat(file, &st) == 0)
        len = read(file, text, sizeof text);
    close(file);
    if (len != st.st_size)
        return 0;
    sha256_hex(text, (size_t)len, sum);
    return 1;
}

/* Whoever compares files with history must read them. */
static int hash_files(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int good = folder != NULL;
    while (good && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            good = hash_file(dirfd(folder), entry->d_name);
    if (folder)
        closedir(folder);
    return good;
}

int bench_pg_limit(int argc, char **argv)
{
    PGconn *conn = argc > 2 ? PQconnectdb(argv[2]) : NULL;
    PGresult *res;
    int good;
    if (!conn || PQstatus(conn) != CONNECTION_OK)
        return complain(conn);
    if (argc == 5) {
        if (!upgrade(conn, (int)strtol(argv[3], NULL, 10), strcmp(argv[4], "tables") == 0, strcmp(argv[1], "bare") != 0))
            return complain(conn);
        PQfinish(conn);
        return 0;
    }
    if (argc == 4 && !hash_files(argv[3])) {
        fprintf(stderr, "limit: can't read the files of %s\n", argv[3]);
        PQfinish(conn);
        return 1;
    }
    res = PQexec(conn, strcmp(argv[1], "one") != 0 ? READ : "SELECT 1");
    good = PQresultStatus(res) == PGRES_TUPLES_OK;
    PQclear(res);
    if (!good)
        return complain(conn);
    PQfinish(conn);
    return 0;
}
