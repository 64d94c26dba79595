/* mend.c: a project with applied migrations to be mended. */
#include "mend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void mend_open(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__users.sql", "CREATE TABLE users (id INTEGER);\n");
    sandbox_file(sb, "V2__items.sql", "CREATE TABLE items (id INTEGER);\n");
    sandbox_file(sb, "V10__orders.sql", "CREATE TABLE orders (id INTEGER);\n");
    sandbox_file(sb, "RA__seed.sql", "INSERT INTO users VALUES (1);\n");
    sandbox_file(sb, "ROC__v.sql", "INSERT INTO users VALUES (2);\n");
    run_has(sb, "upgrade", 0, "Migrations completed successfully.", "");
}

void mend_remove(const struct sandbox *sb, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/migrations/%s", sb->dir, name);
    assert_int_equal(unlink(path), 0);
}

void mend_change_first(const struct sandbox *sb)
{
    sandbox_file(sb, "V1__users.sql", "CREATE TABLE users (id BIGINT);\n");
}

char *mend_history(const struct sandbox *sb)
{
    static const char row[] = "order_executed || '|' || COALESCE(version, '-') || '|' || description || '|' || filename || '|' || migration_type || '|' || applied_at || '|' || checksum";
    char sql[800];
    if (sb->kind == SANDBOX_SQLITE)
        snprintf(sql, sizeof sql, "SELECT group_concat(line, '\n') FROM (SELECT %s AS line FROM jetbase_migrations ORDER BY order_executed)", row);
    else
        snprintf(sql, sizeof sql, "SELECT string_agg(%s, E'\\n' ORDER BY order_executed) FROM jetbase_migrations", row);
    return sandbox_text(sb, sql);
}

void mend_unchanged(const struct sandbox *sb, char *before)
{
    char *now = mend_history(sb);
    assert_string_equal(now, before);
    free(now);
    free(before);
}

void mend_lock_by_other(const struct sandbox *sb)
{
    sandbox_sql(sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = '2025-12-25 14:30:22.123456', process_id = '" MEND_OTHER "'");
}

int64_t mend_runs(const struct sandbox *sb, const char *command, const char *outcome)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_runs WHERE command = '%s' AND outcome = '%s' AND released_at IS NOT NULL", command, outcome);
    return sandbox_number(sb, sql);
}
