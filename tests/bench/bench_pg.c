/* bench_pg.c: how near runs on PostgreSQL are to what the database and the line to it allow (`make bench`).
 *
 * Each case compares the program with a limit program of its own (bench_pg_limit.c) in interleaved rounds: for upgrade one that sends the same statements, and one that leaves out what only keeps one file from the next (head and reset), on databases that are made anew for every run from one of two templates: our tables with the lock held for the limit, our tables with an empty history.
 * MIGRATIONS (100), APPLIED (1000), SIZES_MOST (10000) and ROUNDS (11) of the environment set the sizes; FILTER names the cases (upgrade, nothing, sizes). PG_FSYNC=on: on a server that waits for its disk, as users have it; else what the server and the line do is all there is.
 */
#include "bench/bench_pg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "bench/bench.h"
#include "bench/line.h"
#include "bench/others.h"
#include "support/pg_server.h"
#include "support/sandbox.h"

enum { ROUND_TRIP_MS = 10 };

/* One thing that is measured: a program on a database of its own. */
struct subject {
    const char *dir;          /* the project folder, or NULL for the folder of the bench */
    char database[40];
    const char *made_from;    /* template database; NULL: the database stays as it is */
    char conninfo[200], variable[240], in[300], number[16];
    const char *argv[10], *env[5];
    struct line *line;        /* MAY be NULL */
};

/* ---- databases ---- */

static void ask(const char *database, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void ask(const char *database, const char *format, ...)
{
    char conninfo[200], sql[1000];
    PGconn *conn;
    PGresult *res;
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    snprintf(conninfo, sizeof conninfo, "postgresql://postgres@127.0.0.1:%d/%s", pg_server_port(), database);
    conn = PQconnectdb(conninfo);
    res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
    PQfinish(conn);
}

static void make_again(void *user)
{
    const struct subject *s = user;
    if (!s->made_from)
        return;
    ask("postgres", "DROP DATABASE IF EXISTS %s WITH (FORCE)", s->database);
    ask("postgres", "CREATE DATABASE %s TEMPLATE %s", s->database, s->made_from);
    ask("postgres", "CHECKPOINT"); /* else it falls into one run or another */
}

static void run(void *user, struct bench_cost *cost)
{
    const struct subject *s = user;
    unsigned before = s->line ? line_turns(s->line) : 0;
    bench_run(cost, s->dir, s->argv, s->env[0] ? s->env : NULL, s->in[0] ? s->in : NULL, 0);
    cost->count = s->line ? (double)(line_turns(s->line) - before) : -1;
}

static void subject_init(struct subject *s, const char *database, const char *made_from, struct line *line)
{
    memset(s, 0, sizeof *s);
    snprintf(s->database, sizeof s->database, "%s", database);
    snprintf(s->conninfo, sizeof s->conninfo, "postgresql://postgres@127.0.0.1:%d/%s", line ? line_port(line) : pg_server_port(), database);
    s->made_from = made_from;
    s->line = line;
}

static void subject_jetbase(struct subject *s, const struct sandbox *sb, const char *command)
{
    s->dir = sb->dir;
    snprintf(s->variable, sizeof s->variable, "JETBASE_SQLALCHEMY_URL=%s", s->conninfo);
    s->env[0] = s->variable;
    s->argv[0] = process_jetbase();
    s->argv[1] = command;
}

static void subject_limit(struct subject *s, const char *what, int count, bool tables)
{
    snprintf(s->number, sizeof s->number, "%d", count);
    s->argv[0] = bench_self();
    s->argv[1] = what;
    s->argv[2] = s->conninfo;
    if (count > 0) {
        s->argv[3] = s->number;
        s->argv[4] = tables ? "tables" : "rows";
    }
}

/* ---- the project ---- */

static void write_files(const struct sandbox *sb, int from, int to, bool tables)
{
    for (int n = from; n <= to; n++) {
        char name[40], text[4000];
        size_t len = (size_t)snprintf(text, sizeof text, "-- upgrade\n");
        for (int i = 0; i < BENCH_PG_STATEMENTS; i++) {
            char sql[400];
            bench_pg_statement(sql, sizeof sql, n, i, tables);
            len += (size_t)snprintf(text + len, sizeof text - len, "%s;\n", sql);
        }
        snprintf(name, sizeof name, "V%d__step_%d.sql", n, n);
        sandbox_file(sb, name, "%s", text);
    }
}

/* The same for psql: one transaction each, with its history row. */
static void write_script(const struct sandbox *sb, int count, bool tables, char path[300])
{
    FILE *file;
    snprintf(path, 300, "%s/all.psql", sb->dir);
    file = fopen(path, "we");
    assert_non_null(file);
    for (int n = 1; n <= count; n++) {
        fprintf(file, "BEGIN;\n");
        for (int i = 0; i < BENCH_PG_STATEMENTS; i++) {
            char sql[400];
            bench_pg_statement(sql, sizeof sql, n, i, tables);
            fprintf(file, "%s;\n", sql);
        }
        fprintf(file, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum) VALUES ('%d', 'step %d', 'V%d__step_%d.sql', 'VERSIONED', 'x');\nCOMMIT;\n", n, n, n, n);
    }
    assert_int_equal(fclose(file), 0);
}

/* Databases that others are made from: `blank` holds our tables and no history, `held` the same with the limit's lock and run row. */
static void make_templates(void)
{
    struct sandbox sb;
    struct subject s;
    struct bench_cost cost;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_file(&sb, "V1__first.sql", "-- upgrade\nCREATE TABLE bench (step int4, part int4, word text);\n");
    ask("postgres", "CREATE DATABASE blank");
    subject_init(&s, "blank", NULL, NULL);
    subject_jetbase(&s, &sb, "upgrade");
    run(&s, &cost);
    ask("blank", "TRUNCATE jetbase_migrations, jetbase_runs");
    ask("postgres", "CREATE DATABASE held TEMPLATE blank");
    ask("held", "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = now(), process_id = '%s'", BENCH_PG_LIMIT_ID);
    ask("held", "INSERT INTO jetbase_runs (process_id, host, pid, acquired_at, witness) VALUES ('%s', 'limit', 1, now(), 'pg')", BENCH_PG_LIMIT_ID);
    sandbox_close(&sb);
}

/* ---- the cases ---- */

static void statement_of_table(char *to, size_t size, int n, int part)
{
    bench_pg_statement(to, size, n, part, true);
}

/* Another tool with a project of its own, where it is installed and runs here. */
static void beside(struct bench_entry *e, enum other which, const struct sandbox *sb, struct subject *s, struct other_command *command, struct line *line)
{
    enum { ROUNDS_MOST = 3 }; /* they take seconds */
    char database[40];
    snprintf(database, sizeof database, "as_%s", other_name(which));
    subject_init(s, database, "template0", line);
    other_command(which, sb->dir, s->conninfo, command);
    s->dir = command->dir;
    memcpy(s->argv, command->argv, sizeof s->argv);
    memcpy(s->env, command->env, sizeof s->env);
    *e = (struct bench_entry){ .name = other_name(which), .missing = bench_missing(other_name(which)), .before = make_again, .run = run, .user = s, .rounds = ROUNDS_MOST };
    if (e->missing)
        return;
    make_again(s);
    if (!bench_works(s->dir, s->argv, s->env))
        e->missing = "installed, but does not run here";
}

static void compare_upgrade(const struct sandbox *sb, const char *where, struct line *line, int count)
{
    enum { OWN = 5 };
    struct subject limit, bare, ours, first, psql, other[OTHERS];
    struct other_command commands[OTHERS];
    char title[120];
    subject_init(&limit, "as_limit", "held", line);
    subject_limit(&limit, "upgrade", count, true);
    subject_init(&bare, "as_bare", "held", line);
    subject_limit(&bare, "bare", count, true);
    subject_init(&ours, "as_ours", "blank", line);
    subject_jetbase(&ours, sb, "upgrade");
    subject_init(&first, "as_first", "template0", line);
    subject_jetbase(&first, sb, "upgrade");
    subject_init(&psql, "as_psql", "blank", line);
    write_script(sb, count, true, psql.in);
    memcpy(psql.argv, ((const char *[]){ "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", psql.conninfo }), 6 * sizeof psql.argv[0]);
    struct bench_entry entries[OWN + OTHERS] = {
        { .name = "limit: the same statements", .before = make_again, .run = run, .user = &limit },
        { .name = "limit without head and reset", .before = make_again, .run = run, .user = &bare },
        { .name = "jetbase upgrade", .before = make_again, .run = run, .user = &ours },
        { .name = "jetbase upgrade, makes its tables too", .before = make_again, .run = run, .user = &first },
        { .name = "psql -f, no lock, no fence", .missing = bench_missing("psql"), .before = make_again, .run = run, .user = &psql },
    };
    for (enum other which = 0; which < OTHERS; which++)
        beside(&entries[OWN + which], which, sb, &other[which], &commands[which], line);
    snprintf(title, sizeof title, "PostgreSQL, fsync %s, upgrade, %d migrations of %d statements, %s", pg_server_durable() ? "on" : "off", count, BENCH_PG_STATEMENTS, where);
    bench_compare(title, line ? "trips" : NULL, entries, OWN + OTHERS, bench_rounds());
}

static void upgrade(void **state)
{
    int count = (int)sandbox_setting("MIGRATIONS", 100);
    struct line *line = line_start(pg_server_port(), ROUND_TRIP_MS);
    struct sandbox sb;
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    write_files(&sb, 1, count, true);
    for (enum other which = 0; which < OTHERS; which++)
        other_write(which, sb.dir, count, BENCH_PG_STATEMENTS, statement_of_table);
    compare_upgrade(&sb, "loopback", NULL, count);
    compare_upgrade(&sb, "10 ms round trip", line, count);
    sandbox_close(&sb);
    line_stop(line);
}

static void compare_nothing(const struct sandbox *sb, const char *where, struct line *line, int applied)
{
    struct subject limit, read, one, ours, status, psql;
    char title[120], folder[300];
    subject_init(&limit, "as_done", NULL, line);
    subject_limit(&limit, "history", 0, false);
    subject_init(&read, "as_done", NULL, line);
    subject_limit(&read, "files", 0, false);
    snprintf(folder, sizeof folder, "%s/migrations", sb->dir);
    read.argv[3] = folder;
    subject_init(&one, "as_done", NULL, line);
    subject_limit(&one, "one", 0, false);
    subject_init(&ours, "as_done", NULL, line);
    subject_jetbase(&ours, sb, "upgrade");
    subject_init(&status, "as_done", NULL, line);
    subject_jetbase(&status, sb, "status");
    subject_init(&psql, "as_done", NULL, line);
    memcpy(psql.argv, ((const char *[]){ "psql", "-X", "-q", "-c", "SELECT 1", psql.conninfo }), 6 * sizeof psql.argv[0]);
    struct bench_entry entries[] = {
        { .name = "limit: connect, read the history", .run = run, .user = &limit },
        { .name = "limit, and the files hashed", .run = run, .user = &read },
        { .name = "connect, SELECT 1", .run = run, .user = &one },
        { .name = "jetbase upgrade, nothing to do", .run = run, .user = &ours },
        { .name = "jetbase status", .run = run, .user = &status },
        { .name = "psql -c 'SELECT 1'", .missing = bench_missing("psql"), .run = run, .user = &psql },
    };
    snprintf(title, sizeof title, "PostgreSQL, nothing to do, %d applied, %s", applied, where);
    bench_compare(title, line ? "trips" : NULL, entries, sizeof entries / sizeof entries[0], bench_rounds());
}

/* A project of `count` files of rows, all applied in database as_done. */
static void apply_all(struct sandbox *sb, int count)
{
    struct subject s;
    struct bench_cost cost;
    sandbox_open(sb, SANDBOX_POSTGRES);
    write_files(sb, 1, count, false);
    subject_init(&s, "as_done", "blank", NULL);
    subject_jetbase(&s, sb, "upgrade");
    make_again(&s);
    run(&s, &cost);
    ask("as_done", "VACUUM ANALYZE");
    bench_settle();
}

static void nothing(void **state)
{
    int applied = (int)sandbox_setting("APPLIED", 1000);
    struct line *line = line_start(pg_server_port(), ROUND_TRIP_MS);
    struct sandbox sb;
    (void)state;
    apply_all(&sb, applied);
    compare_nothing(&sb, "loopback", NULL, applied);
    compare_nothing(&sb, "10 ms round trip", line, applied);
    line_stop(line);
    sandbox_close(&sb);
}

/* ---- how cost grows ---- */

static void size(int count, double per_migration[4])
{
    struct subject limit, ours, again, status;
    struct sandbox sb;
    char title[120];
    apply_all(&sb, count);
    subject_init(&limit, "as_limit", "held", NULL);
    subject_limit(&limit, "upgrade", count, false);
    subject_init(&ours, "as_ours", "blank", NULL);
    subject_jetbase(&ours, &sb, "upgrade");
    subject_init(&again, "as_done", NULL, NULL);
    subject_jetbase(&again, &sb, "upgrade");
    subject_init(&status, "as_done", NULL, NULL);
    subject_jetbase(&status, &sb, "status");
    struct bench_entry entries[] = {
        { .name = "limit: the same statements", .before = make_again, .run = run, .user = &limit },
        { .name = "jetbase upgrade", .before = make_again, .run = run, .user = &ours },
        { .name = "jetbase upgrade, nothing to do", .run = run, .user = &again },
        { .name = "jetbase status", .run = run, .user = &status },
    };
    snprintf(title, sizeof title, "PostgreSQL, how cost grows: %d migrations of %d rows", count, BENCH_PG_STATEMENTS);
    bench_compare(title, NULL, entries, sizeof entries / sizeof entries[0], count > 1000 && bench_rounds() > 3 ? 3 : bench_rounds());
    for (size_t i = 0; i < 4; i++)
        per_migration[i] = bench_wall(i) * 1000 / count;
    sandbox_close(&sb);
}

static void sizes(void **state)
{
    int most = (int)sandbox_setting("SIZES_MOST", 10000), counts[3], used = 0;
    double per[3][4];
    (void)state;
    for (int count = 100; count <= most && used < 3; count *= 10) {
        size(count, per[used]);
        counts[used++] = count;
    }
    printf("PostgreSQL, wall time for each migration, µs\n  %10s %10s %10s %10s %10s\n", "migrations", "limit", "upgrade", "nothing", "status");
    for (int i = 0; i < used; i++)
        printf("  %10d %10.1f %10.1f %10.1f %10.1f\n", counts[i], per[i][0], per[i][1], per[i][2], per[i][3]);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(upgrade), cmocka_unit_test(nothing), cmocka_unit_test(sizes) };
    int failed;
    if (argc > 1)
        return bench_pg_limit(argc, argv);
    bench_begin("pg");
    make_templates();
    cmocka_set_test_filter(getenv("FILTER"));
    failed = cmocka_run_group_tests_name("bench_pg", tests, NULL, NULL);
    bench_end();
    return failed;
}
