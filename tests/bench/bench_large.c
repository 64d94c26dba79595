/* bench_large.c: a large file of INSERTs, beside the databases' own shells with the same file in one transaction (`make bench`).
 *
 * SIZE of the environment is the file's size in MB (64; the figures of a release are taken with 1000), ROUNDS (11) the rounds, FILTER the database (sqlite, postgres).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/bench.h"
#include "bench/files.h"
#include "support/pg_server.h"
#include "support/sandbox.h"

struct subject {
    const struct files *files;
    char url[300], variable[340], in[300];
    const char *argv[10], *env[2];
};

/* Writes the file: with head and tail around it, a script for a shell. */
static void write_large(const char *path, long mb, const char *head, const char *tail)
{
    FILE *file = fopen(path, "w");
    int64_t written = 0;
    assert_non_null(file);
    fprintf(file, "%sCREATE TABLE large (id INTEGER PRIMARY KEY, name TEXT, note TEXT, amount NUMERIC);\n", head);
    for (int64_t i = 1; written < mb * 1000000; i++)
        written += fprintf(file, "INSERT INTO large (id, name, note, amount) VALUES (%lld, 'customer %lld', 'some words about it, number %lld, as they stand in a dump', %lld.%02lld);\n",
                           (long long)i, (long long)i, (long long)(i * 7919 % 1000003), (long long)(i % 1000), (long long)(i % 100));
    fputs(tail, file);
    assert_int_equal(fclose(file), 0);
}

static void run(void *user, struct bench_cost *cost)
{
    const struct subject *s = user;
    bench_run(cost, s->files->dir, s->argv, s->env[0] ? s->env : NULL, s->in[0] ? s->in : NULL, 0);
}

static void sqlite_again(void *user)
{
    files_again(((struct subject *)user)->files);
}

static void large_sqlite(long mb)
{
    char title[100], path[300];
    struct files files;
    files_open(&files);
    snprintf(path, sizeof path, "%s/migrations/V1__large.sql", files.dir);
    write_large(path, mb, "", "");
    struct subject shell = { .files = &files, .argv = { "sqlite3", files.database, NULL } }, ours = { .files = &files, .argv = { files_program(), "upgrade", NULL } };
    snprintf(shell.in, sizeof shell.in, "%s/large.sql", files.dir);
    write_large(shell.in, mb, "BEGIN;\n", "COMMIT;\n");
    const struct bench_entry entries[] = { { .name = "limit: sqlite3 db < file", .missing = bench_missing("sqlite3"), .before = sqlite_again, .run = run, .user = &shell }, { .name = "jetbase upgrade", .before = sqlite_again, .run = run, .user = &ours } };
    snprintf(title, sizeof title, "SQLite, a file of %ld MB of INSERTs", mb);
    bench_compare(title, NULL, entries, 2, bench_rounds());
    files_close(&files);
}

#ifdef JETBASE_POSTGRES
/* A database of its own for every run; the server keeps them until it is stopped. */
static void pg_again(void *user)
{
    struct subject *s = user;
    pg_server_new_database(s->url, sizeof s->url);
    snprintf(s->variable, sizeof s->variable, "JETBASE_SQLALCHEMY_URL=%s", s->url);
}

static void large_pg(long mb)
{
    char title[100], path[300];
    struct files files;
    files_open(&files);
    snprintf(path, sizeof path, "%s/env.py", files.dir);
    unlink(path); /* the database is named by a variable */
    snprintf(path, sizeof path, "%s/migrations/V1__large.sql", files.dir);
    write_large(path, mb, "", "");
    struct subject shell = { .files = &files }, ours = { .files = &files, .argv = { files_program(), "upgrade", NULL } };
    memcpy(shell.argv, (const char *[]){ "psql", "-X", "-1", "-q", "-f", path, shell.url, NULL }, 8 * sizeof *shell.argv);
    ours.env[0] = ours.variable;
    const struct bench_entry entries[] = { { .name = "limit: psql -1 -q -f file", .missing = bench_missing("psql"), .before = pg_again, .run = run, .user = &shell }, { .name = "jetbase upgrade", .before = pg_again, .run = run, .user = &ours } };
    snprintf(title, sizeof title, "PostgreSQL, a file of %ld MB of INSERTs", mb);
    bench_compare(title, NULL, entries, 2, bench_rounds());
    files_close(&files);
}
#endif

static void all(void **state)
{
    const char *filter = getenv("FILTER");
    long mb = sandbox_setting("SIZE", 64);
    (void)state;
    bench_begin("large");
    if (!filter || strstr("sqlite", filter))
        large_sqlite(mb);
#ifdef JETBASE_POSTGRES
    if (!filter || strstr("postgres", filter)) {
        large_pg(mb);
        pg_server_stop();
    }
#endif
    bench_end();
}

int main(void)
{
    const struct CMUnitTest benches[] = { cmocka_unit_test(all) };
    return cmocka_run_group_tests(benches, NULL, NULL);
}
