/* test_rehearse_log.c: the server's own log of a rehearsal: one transaction, rolled back, and not one COMMIT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/pg_server.h"
#include "support/run.h"

/* What the server was told in this database. */
struct said {
    int statements, begins, rollbacks, commits, changes;
};

static const char *database(const struct sandbox *sb)
{
    return strrchr(sb->conninfo, '/') + 1;
}

static void watch_statements(const struct sandbox *sb)
{
    static const char *const settings[] = { "log_min_messages = 'log'", "log_statement = 'all'" };
    char sql[300];
    sandbox_sql(sb, "ALTER SYSTEM SET log_line_prefix = '@%d@ '");
    sandbox_sql(sb, "SELECT pg_reload_conf()");
    while (sandbox_number(sb, "SELECT count(*) FROM pg_settings WHERE name = 'log_line_prefix' AND setting = '@%d@ '") == 0)
        continue;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        snprintf(sql, sizeof sql, "ALTER DATABASE %s SET %s", database(sb), settings[i]);
        sandbox_sql(sb, sql);
    }
}

static long log_end(char path[300])
{
    struct stat st;
    snprintf(path, 300, "%s/log", pg_server_socket_dir());
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

static bool is_word(const char *statement, const char *word)
{
    size_t len = strlen(word);
    return strncasecmp(statement, word, len) == 0 && strchr(" ;\r\n", statement[len]) != NULL;
}

static void count(struct said *said, const char *statement)
{
    said->statements++;
    said->begins += is_word(statement, "BEGIN") || is_word(statement, "START");
    said->rollbacks += (is_word(statement, "ROLLBACK") && !is_word(statement, "ROLLBACK TO")) || is_word(statement, "ABORT");
    said->commits += is_word(statement, "COMMIT") || is_word(statement, "END") || is_word(statement, "PREPARE TRANSACTION");
    said->changes += is_word(statement, "ALTER") || is_word(statement, "UPDATE") || is_word(statement, "INSERT");
}

static struct said said_since(const struct sandbox *sb, const char *path, long from)
{
    struct said said = { 0 };
    char line[8192], mark[100];
    FILE *log = fopen(path, "re");
    assert_non_null(log);
    assert_int_equal(fseek(log, from, SEEK_SET), 0);
    snprintf(mark, sizeof mark, "@%s@", database(sb));
    while (fgets(line, sizeof line, log)) {
        const char *at = strstr(line, "statement: "), *execute = strstr(line, "execute ");
        if (!strstr(line, mark))
            continue;
        if (at)
            count(&said, at + strlen("statement: "));
        else if (execute && (at = strstr(execute, ": ")) != NULL)
            count(&said, at + 2);
    }
    fclose(log);
    return said;
}

static void one_transaction_and_no_commit(void **state)
{
    struct sandbox sb;
    char path[300];
    (void)state;
    sandbox_open(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE orders (id integer PRIMARY KEY)");
    sandbox_file(&sb, "V1__a.sql", "ALTER TABLE orders ADD COLUMN note text;\nUPDATE orders SET note = 'x';\n-- rollback\nALTER TABLE orders DROP COLUMN note;\n");
    sandbox_file(&sb, "V2__b.sql", "INSERT INTO orders VALUES (1);\n-- rollback\nDELETE FROM orders;\n");
    watch_statements(&sb);

    long from = log_end(path);
    run_has(&sb, "rehearse", 0, "V2__b.sql: ran", NULL);
    struct said rehearsal = said_since(&sb, path, from);
    assert_int_equal(rehearsal.changes, 4);
    assert_int_equal(rehearsal.commits, 0);
    assert_int_equal(rehearsal.begins, 1);
    assert_int_equal(rehearsal.rollbacks, 1);

    /* A run does commit, and the log shows it. */
    from = log_end(path);
    run_has(&sb, "upgrade", 0, "Migration applied successfully: V2__b.sql\n", NULL);
    struct said run = said_since(&sb, path, from);
    assert_true(run.commits >= 2);
    assert_true(run.begins >= 2);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_transaction_and_no_commit),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("rehearse_log", tests, NULL, NULL);
}
