/* others.c: the same migrations as projects of other tools, which the benches measure beside where they are installed. */
#include "bench/others.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef void statement_fn(char *to, size_t size, int n, int part);

static const char *const names[OTHERS] = { "dbmate", "sqitch", "alembic" };

static const char alembic_env[] =
    "import os\n"
    "from alembic import context\n"
    "from sqlalchemy import create_engine, pool\n"
    "\n"
    "with create_engine(os.environ[\"BENCH_URL\"], poolclass=pool.NullPool).connect() as connection:\n"
    "    context.configure(connection=connection, transaction_per_migration=True)\n"
    "    with context.begin_transaction():\n"
    "        context.run_migrations()\n";

const char *other_name(enum other which)
{
    return names[which];
}

static FILE *open_file(const char *dir, const char *name)
{
    char path[500];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    return file;
}

static void make_folder(const char *dir, const char *name)
{
    char path[500];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void put_statements(FILE *file, int n, int parts, statement_fn *statement)
{
    for (int part = 0; part < parts; part++) {
        char sql[400];
        statement(sql, sizeof sql, n, part);
        fprintf(file, "%s;\n", sql);
    }
}

static void write_dbmate(const char *dir, int count, int parts, statement_fn *statement)
{
    for (int n = 1; n <= count; n++) {
        char name[60];
        snprintf(name, sizeof name, "20240101%06d_step_%d.sql", n, n);
        FILE *file = open_file(dir, name);
        fputs("-- migrate:up\n", file);
        put_statements(file, n, parts, statement);
        fputs("\n-- migrate:down\nSELECT 1;\n", file);
        assert_int_equal(fclose(file), 0);
    }
}

static void write_sqitch(const char *dir, int count, int parts, statement_fn *statement)
{
    FILE *plan = open_file(dir, "sqitch.plan"), *conf = open_file(dir, "sqitch.conf");
    fputs("[core]\n\tengine = pg\n", conf);
    fputs("%syntax-version=1.0.0\n%project=bench\n\n", plan);
    make_folder(dir, "deploy");
    for (int n = 1; n <= count; n++) {
        char name[60];
        fprintf(plan, "step_%d 2024-01-01T00:00:00Z Bench <bench@example.org> # step %d\n", n, n);
        snprintf(name, sizeof name, "deploy/step_%d.sql", n);
        FILE *file = open_file(dir, name);
        fputs("BEGIN;\n", file);
        put_statements(file, n, parts, statement);
        fputs("COMMIT;\n", file);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(fclose(plan), 0);
    assert_int_equal(fclose(conf), 0);
}

static void write_alembic(const char *dir, int count, int parts, statement_fn *statement)
{
    FILE *ini = open_file(dir, "alembic.ini"), *env = open_file(dir, "env.py");
    fprintf(ini, "[alembic]\nscript_location = %s\n", dir);
    fputs(alembic_env, env);
    make_folder(dir, "versions");
    for (int n = 1; n <= count; n++) {
        char name[60], before[24] = "None";
        if (n > 1)
            snprintf(before, sizeof before, "\"%d\"", n - 1);
        snprintf(name, sizeof name, "versions/%d_step.py", n);
        FILE *file = open_file(dir, name);
        fprintf(file, "revision = \"%d\"\ndown_revision = %s\nfrom alembic import op\n\ndef upgrade():\n", n, before);
        for (int part = 0; part < parts; part++) {
            char sql[400];
            statement(sql, sizeof sql, n, part);
            fprintf(file, "    op.execute(\"\"\"%s\"\"\")\n", sql);
        }
        fputs("\ndef downgrade():\n    pass\n", file);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(fclose(ini), 0);
    assert_int_equal(fclose(env), 0);
}

void other_write(enum other which, const char *dir, int count, int parts, statement_fn *statement)
{
    static void (*const write[OTHERS])(const char *, int, int, statement_fn *) = { write_dbmate, write_sqitch, write_alembic };
    char project[300];
    make_folder(dir, names[which]);
    snprintf(project, sizeof project, "%s/%s", dir, names[which]);
    write[which](project, count, parts, statement);
}

static void set_argv(struct other_command *c, size_t count, const char *const argv[])
{
    memcpy(c->argv, argv, count * sizeof *argv);
}

void other_command(enum other which, const char *dir, const char *url, struct other_command *c)
{
    *c = (struct other_command){ 0 };
    snprintf(c->dir, sizeof c->dir, "%s/%s", dir, names[which]);
    switch (which) {
    case OTHER_DBMATE:
        snprintf(c->url, sizeof c->url, "%s?sslmode=disable", url);
        set_argv(c, 7, (const char *const[]){ "dbmate", "--url", c->url, "--migrations-dir", c->dir, "--no-dump-schema", "migrate" });
        break;
    case OTHER_SQITCH:
        snprintf(c->url, sizeof c->url, "db:%s", url);
        set_argv(c, 4, (const char *const[]){ "sqitch", "deploy", "--no-verify", c->url });
        c->env[0] = "SQITCH_FULLNAME=Bench";
        c->env[1] = "SQITCH_EMAIL=bench@example.org";
        c->env[2] = "TZ=UTC";
        break;
    case OTHER_ALEMBIC:
        snprintf(c->variable, sizeof c->variable, "BENCH_URL=%s", url);
        set_argv(c, 3, (const char *const[]){ "alembic", "upgrade", "head" });
        c->env[0] = c->variable;
        break;
    case OTHERS:
        break;
    }
}
