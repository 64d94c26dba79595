/* test_story_run.c: long migrations run by the console itself: of many statements, of slow ones, of one that takes its time. Progress moves, a cancel leaves nothing behind. Real databases. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/stage.h"

/* The number that stands behind the words on the screen, -1 where they do not stand there. */
static int number_after(struct term *term, const char *words, int rows)
{
    for (int i = 0; i < rows; i++) {
        const char *at = strstr(term_row(term, i), words);
        if (at)
            return (int)strtol(at + strlen(words), NULL, 10);
    }
    return -1;
}

/* Waits until the number behind the words has grown `times` times. */
static void grows(struct stage *s, const char *words, int times)
{
    int last = -1;
    for (int seen = 0; seen <= times;) {
        int now;
        term_wait_for(s->term, words);
        now = number_after(s->term, words, 24);
        seen += now > last;
        last = now > last ? now : last;
        if (seen <= times)
            term_wait_bytes(s->term, 100);
    }
}

static void confirm_upgrade(struct stage *s)
{
    term_wait_for(s->term, "2 Pending 2");
    term_key(s->term, "u");
    term_wait_for(s->term, "y  upgrade");
    term_key(s->term, "y");
}

/* c, y: V2 is gone without a trace, V1 stays, the lock is free. */
static void cancel(struct stage *s)
{
    term_key(s->term, "c");
    term_wait_for(s->term, "y  cancel it");
    term_key(s->term, "y");
    term_wait_for(s->term, "upgrade cancelled: V2 rolled back, V1 stays");
    term_wait_for(s->term, "UNLOCKED   last run");
    term_wait_for(s->term, "2 Pending 1");
    assert_int_equal(sandbox_check_steps(&s->sb, 1), 1);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_migrations"), 1);
    assert_int_equal(sandbox_number(&s->sb, s->sb.kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = 'long'" : "SELECT count(*) FROM pg_class WHERE relname = 'long'"), 0);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'cancelled'"), 1);
    stage_lock_is_free(s);
}

/* V2 with a table and n statements, each as `sql` has it. */
static void long_file(const struct sandbox *sb, int n, const char *sql)
{
    char path[700];
    FILE *file;
    snprintf(path, sizeof path, "%s/migrations/V2__long.sql", sb->dir);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs("CREATE TABLE long (n INTEGER);\n", file);
    for (int i = 1; i < n; i++)
        fprintf(file, "%s;\n", sql);
    assert_int_equal(fclose(file), 0);
}

/* 5,000 statements, a few milliseconds each: how far it is moves, and a look goes on beside it; cancelled on the way. */
static void many_statements(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    long_file(&s.sb, 5000, kind == SANDBOX_POSTGRES ? "INSERT INTO long SELECT 1 FROM pg_sleep(0.005)" : "INSERT INTO long WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT count(*) FROM c");
    stage_console(&s, NULL, "--refresh=100ms");
    confirm_upgrade(&s);
    term_wait_for(s.term, " of 5000");
    grows(&s, "statement ", 5);
    cancel(&s);
    stage_quit(&s);
    stage_close(&s);
}

/* The same to the end: none is missing. */
static void many_statements_to_the_end(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    long_file(&s.sb, 5000, "INSERT INTO long VALUES (1)");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "V2   long             5000 stmts");
    confirm_upgrade(&s);
    term_wait_for(s.term, "upgrade done: 2 applied");
    term_wait_for(s.term, "V2 applied, 5000 stmts");
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM long"), 4999);
    stage_lock_is_free(&s);
    stage_quit(&s);
    stage_close(&s);
}

/* Ten statements of a second (PostgreSQL), or one long one (SQLite): what runs, and for how long, ticks. */
static void slow_statements(enum sandbox_kind kind)
{
    struct stage s;
    stage_open(&s, kind, 1);
    if (kind == SANDBOX_POSTGRES)
        long_file(&s.sb, 11, "SELECT pg_sleep(1)");
    else
        long_file(&s.sb, 2, "INSERT INTO long WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 9000000000) SELECT count(*) FROM c");
    stage_console(&s, NULL, NULL);
    confirm_upgrade(&s);
    term_wait_for(s.term, kind == SANDBOX_POSTGRES ? " of 11" : "statement 2 of 2");
    grows(&s, kind == SANDBOX_POSTGRES ? "statement " : "LOCKED ", 2);
    cancel(&s);
    stage_quit(&s);
    stage_close(&s);
}

STAGE_ON_BOTH(many_statements)
STAGE_ON_BOTH(many_statements_to_the_end)
STAGE_ON_BOTH(slow_statements)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(many_statements),
        STAGE_BOTH(many_statements_to_the_end),
        STAGE_BOTH(slow_statements),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("story_run", tests, NULL, NULL);
}
