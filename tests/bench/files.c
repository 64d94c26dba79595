/* files.c: projects with SQLite databases that the benches measure on. */
#include "bench/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "bench/bench.h"

const char *files_program(void)
{
    const char *program = getenv("JETBASE");
    return program ? program : "./jetbase";
}

static FILE *new_file(const struct files *f, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    return file;
}

void files_open(struct files *f)
{
    const char *tmp = getenv("TMPDIR");
    char path[240];
    *f = (struct files){ 0 };
    snprintf(f->dir, sizeof f->dir, "%.150s/jetbase-bench-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(path, sizeof path, "%s/migrations", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(f->database, sizeof f->database, "%s/app.db", f->dir);
    snprintf(f->kept, sizeof f->kept, "%s/kept.db", f->dir);
    FILE *env = new_file(f, "env.py");
    fprintf(env, "sqlalchemy_url = \"sqlite:///%s\"\n", f->database);
    fclose(env);
}

void files_write(const struct files *f, int n, bool tables)
{
    char name[80];
    FILE *file = new_file(f, "migrations/V0__base.sql");
    fprintf(file, "CREATE TABLE account (id INTEGER PRIMARY KEY, step INTEGER, name TEXT NOT NULL, at TEXT);\n\n-- rollback\nDROP TABLE account;\n");
    fclose(file);
    for (int i = 1; i <= n; i++) {
        snprintf(name, sizeof name, "migrations/V%d__step_%d.sql", i, i);
        file = new_file(f, name);
        if (tables)
            fprintf(file, "CREATE TABLE t%d (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT);\nCREATE INDEX t%d_name ON t%d (name);\n", i, i, i);
        else
            fprintf(file, "INSERT INTO account (step, name) VALUES (%d, 'third');\nINSERT INTO account (step, name) VALUES (%d, 'fourth');\n", i, i);
        fprintf(file, "INSERT INTO account (id, step, name, at) VALUES (%d, %d, 'first', '2024-01-01');\n", 10 * i, i);
        fprintf(file, "INSERT INTO account (id, step, name, at) VALUES (%d, %d, 'second', '2024-01-02');\n", 10 * i + 1, i);
        fprintf(file, "UPDATE account SET name = 'changed' WHERE id = %d;\nDELETE FROM account WHERE id = %d;\n\n-- rollback\nDELETE FROM account WHERE step = %d;\n", 10 * i, 10 * i + 1, i);
        if (tables)
            fprintf(file, "DROP TABLE t%d;\n", i);
        fclose(file);
    }
}

void files_jetbase(const struct files *f, const char *command)
{
    struct bench_cost cost;
    bench_run(&cost, f->dir, (const char *const[]){ files_program(), command, NULL }, NULL, NULL, 0);
}

static void copy(const char *from, const char *to)
{
    struct bench_cost cost;
    bench_run(&cost, NULL, (const char *const[]){ "cp", from, to, NULL }, NULL, NULL, 0);
}

void files_keep(struct files *f, const char *journal_mode)
{
    sqlite3 *db;
    char sql[80];
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", journal_mode);
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    copy(f->database, f->kept);
}

void files_again(const struct files *f)
{
    static const char *const beside[] = { "", "-journal", "-wal", "-shm" };
    char path[300];
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(path, sizeof path, "%s%s", f->database, beside[i]);
        unlink(path);
    }
    if (access(f->kept, R_OK) == 0)
        copy(f->kept, f->database);
}

void files_close(struct files *f)
{
    struct bench_cost cost;
    bench_run(&cost, NULL, (const char *const[]){ "rm", "-rf", f->dir, NULL }, NULL, NULL, 0);
}
