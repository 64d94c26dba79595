/* bench_sqlite.c: how near an upgrade on SQLite is to a bare loop of transactions (`make bench`).
 *
 * The limit program is this bench with arguments: for each file BEGIN IMMEDIATE, its statements, the history row, COMMIT, in the same journal mode and with the same `synchronous`; and one transaction before and one behind them, as a lock taken and released needs. A second one asks the lock's row and writes the run's too, as the protocol wants it of each migration.
 * MIGRATIONS (1000), SIZES_MOST (10000) and ROUNDS (11) of the environment set the sizes. Syncs are counted by strace, where it is installed, in runs of their own that are not timed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "bench/bench.h"
#include "bench/files.h"
#include "support/sandbox.h"

/* ---- the limit program ---- */

static void must(sqlite3 *db, const char *sql)
{
    char *said = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &said) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, said);
        exit(1);
    }
}

/* Whether the lock is ours; what the run has done. */
static void protocol(sqlite3 *db, bool begins, int i)
{
    char sql[300];
    snprintf(sql, sizeof sql, begins ? "SELECT 1 FROM main.jetbase_lock WHERE id = 1 AND is_locked AND process_id = 'limit'" :
                                       "UPDATE main.jetbase_runs SET last_done = '%d V%d__step_%d.sql', file = 'V%d__step_%d.sql', statements = 6, no_transaction = 0, started_statement = NULL, done_statement = NULL WHERE process_id = 'limit'", i, i, i, i + 1, i + 1);
    must(db, sql);
}

static void one_file(sqlite3 *db, int i, bool fenced)
{
    char path[80], text[4096], version[16];
    sqlite3_stmt *stmt = NULL;
    snprintf(path, sizeof path, "migrations/V%d__step_%d.sql", i, i);
    snprintf(version, sizeof version, "%d", i);
    FILE *file = fopen(path, "r");
    if (!file)
        exit(1);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    char *end = strstr(text, "-- rollback");
    if (!end)
        exit(1);
    *end = '\0';
    must(db, "BEGIN IMMEDIATE");
    if (fenced)
        protocol(db, true, i);
    must(db, text);
    if (sqlite3_prepare_v2(db, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum, applied_at) VALUES (?1, 'step', ?2, 'VERSIONED', 'none', STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW'))", -1, &stmt, NULL) != SQLITE_OK)
        exit(1);
    sqlite3_bind_text(stmt, 1, version, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, path, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        exit(1);
    sqlite3_finalize(stmt);
    if (fenced)
        protocol(db, false, i);
    must(db, "COMMIT");
}

static int limit(const char *path, int n, bool fenced)
{
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        return 1;
    must(db, "BEGIN IMMEDIATE; UPDATE jetbase_lock SET is_locked = 1, process_id = 'limit' WHERE id = 1; INSERT INTO jetbase_runs (process_id) VALUES ('limit'); COMMIT");
    for (int i = 1; i <= n; i++)
        one_file(db, i, fenced);
    must(db, "BEGIN IMMEDIATE; UPDATE jetbase_lock SET is_locked = 0, process_id = NULL WHERE id = 1; COMMIT");
    return sqlite3_close(db) != SQLITE_OK;
}

/* ---- what is measured ---- */

struct subject {
    struct files *files;
    char number[16];
    const char *argv[8];
    double syncs;
};

static void again(void *user)
{
    files_again(((struct subject *)user)->files);
}

static void run(void *user, struct bench_cost *cost)
{
    const struct subject *s = user;
    bench_run(cost, s->files->dir, s->argv, NULL, NULL, 0);
    cost->count = s->syncs;
}

/* The sum of strace's table: its last line says "total", and how many calls before that. */
static double sum_of(const char *path)
{
    char line[300];
    double total = -1;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        double share, seconds;
        long each, calls;
        if (strstr(line, "total") && sscanf(line, "%lf %lf %ld %ld", &share, &seconds, &each, &calls) == 4)
            total = (double)calls;
    }
    fclose(file);
    return total;
}

static void count_syncs(struct subject *s)
{
    char path[300];
    const char *argv[16] = { "strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", path };
    struct bench_cost cost;
    s->syncs = -1;
    if (bench_missing("strace"))
        return;
    snprintf(path, sizeof path, "%s/strace.txt", s->files->dir);
    for (size_t i = 0; s->argv[i]; i++)
        argv[7 + i] = s->argv[i];
    again(s);
    bench_run(&cost, s->files->dir, argv, NULL, NULL, 0);
    s->syncs = sum_of(path);
}

static void upgrade(const char *mode)
{
    char title[100];
    int n = (int)sandbox_setting("MIGRATIONS", 1000);
    struct files files;
    files_open(&files);
    files_write(&files, 0, true);
    files_jetbase(&files, "upgrade");
    files_keep(&files, mode);
    files_write(&files, n, true);
    struct subject bare = { .files = &files }, fenced = { .files = &files }, ours = { .files = &files };
    snprintf(bare.number, sizeof bare.number, "%d", n);
    memcpy(bare.argv, (const char *[]){ bench_self(), "limit", files.database, bare.number, NULL }, 5 * sizeof *bare.argv);
    memcpy(fenced.argv, (const char *[]){ bench_self(), "fenced", files.database, bare.number, NULL }, 5 * sizeof *fenced.argv);
    memcpy(ours.argv, (const char *[]){ files_program(), "upgrade", NULL }, 3 * sizeof *ours.argv);
    count_syncs(&bare);
    count_syncs(&fenced);
    count_syncs(&ours);
    bench_settle();
    const struct bench_entry entries[] = { { .name = "limit: a bare loop", .before = again, .run = run, .user = &bare }, { .name = "limit with fence and run row", .before = again, .run = run, .user = &fenced }, { .name = "jetbase upgrade", .before = again, .run = run, .user = &ours } };
    snprintf(title, sizeof title, "SQLite, journal mode %s, %d migrations of 6 statements", mode, n);
    bench_compare(title, bare.syncs >= 0 ? "syncs" : NULL, entries, 3, bench_rounds());
    files_close(&files);
}

/* The cost of each size, a migration: it is the same where it grows linearly. */
static void sizes(void)
{
    long most = sandbox_setting("SIZES_MOST", 10000);
    json_t *rows = json_array();
    printf("SQLite, wall ms of upgrade, upgrade with nothing to do, status (and µs a migration)\n");
    for (int n = 100; n <= most; n *= 10) {
        static const char *const commands[] = { "upgrade", "upgrade", "status" };
        struct files files;
        double ms[3];
        files_open(&files);
        files_write(&files, n, false);
        bench_settle();
        for (size_t i = 0; i < 3; i++) {
            struct bench_cost cost;
            bench_run(&cost, files.dir, (const char *const[]){ files_program(), commands[i], NULL }, NULL, NULL, 0);
            ms[i] = cost.wall_ms;
        }
        printf("  %6d %10.1f (%7.1f) %10.1f (%7.1f) %10.1f (%7.1f)\n", n, ms[0], 1000 * ms[0] / n, ms[1], 1000 * ms[1] / n, ms[2], 1000 * ms[2] / n);
        json_array_append_new(rows, json_pack("{s:i, s:f, s:f, s:f}", "migrations", n, "upgrade_ms", ms[0], "nothing_ms", ms[1], "status_ms", ms[2]));
        files_close(&files);
    }
    bench_note("sizes", rows);
}

static void all(void **state)
{
    (void)state;
    bench_begin("sqlite");
    upgrade("delete");
    upgrade("wal");
    sizes();
    bench_end();
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return limit(argv[2], atoi(argv[3]), strcmp(argv[1], "fenced") == 0);
    const struct CMUnitTest benches[] = { cmocka_unit_test(all) };
    return cmocka_run_group_tests(benches, NULL, NULL);
}
