/* test_screens_half.c: whole screens of half-applied files, their ways out and repairs of the history: tests/screens/. See support/golden_screen.h. */
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

#include "support/golden_screen.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

static const char *const upgrade[] = { "upgrade", NULL };

static void drop_file(const struct stage *s, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/migrations/%s", s->sb.dir, name);
    assert_int_equal(unlink(path), 0);
}

/* A run is killed before the second of V14's five statements is sent. */
static void kill_in_v14(struct stage *s)
{
    struct process run;
    sandbox_start(&s->sb, &run, true, "started:2=kill", upgrade);
    process_wait(&run);
    assert_int_equal(run.exit, 128 + SIGKILL);
    process_free(&run);
}

#ifdef JETBASE_POSTGRES
/* An index of that name whose build failed. */
static void leave_invalid(const struct stage *s)
{
    PGconn *conn = PQconnectdb(s->sb.conninfo);
    PGresult *res;
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    res = PQexec(conn, "CREATE UNIQUE INDEX CONCURRENTLY orders_total ON orders (total)");
    assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "23505");
    PQclear(res);
    PQfinish(conn);
}
#endif

static void resolve_screens(struct stage *s)
{
    term_key(s->term, "w");
    term_wait_for(s->term, "Tab  choose a way");
    golden_screen(s->term, "80x24-resolve", 24);
    term_key(s->term, "\t");
    term_wait_for(s->term, "Type the number of that statement");
    golden_screen(s->term, "80x24-resolve-from", 24);
    term_key(s->term, "\tbla");
    term_wait_for(s->term, "[bla    ]");
    golden_screen(s->term, "80x24-resolve-applied", 24);
    term_resize(s->term, 16, 60);
    term_wait_for(s->term, "[bla    ]");
    golden_screen(s->term, "60x16-resolve", 16);
    term_resize(s->term, 24, 80);
    term_wait_for(s->term, "5  VACUUM ANALYZE orders");
    term_key(s->term, "\033");
    term_wait_gone(s->term, "mark as applied");
}

static void half_applied(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    (void)state;
    golden_short_names();
    golden_shop(&s, SANDBOX_POSTGRES, true);
    drop_file(&s, "V14__orders_lookup.sql");
    sandbox_sql(&s.sb, "ALTER TABLE orders ADD COLUMN created date, ADD COLUMN total integer, ADD COLUMN old integer");
    sandbox_sql(&s.sb, "INSERT INTO orders (total) VALUES (1), (1)");
    sandbox_file(&s.sb, "V14__orders_index.sql",
                 "-- jetbase: no-transaction\nCREATE INDEX CONCURRENTLY orders_created ON orders (created);\nCREATE UNIQUE INDEX CONCURRENTLY orders_total ON orders (total);\n"
                 "CREATE INDEX CONCURRENTLY orders_id ON orders (id);\nDROP INDEX CONCURRENTLY IF EXISTS orders_old;\nVACUUM ANALYZE orders;\n-- rollback\nDROP INDEX orders_created;\n");
    leave_invalid(&s);
    kill_in_v14(&s);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "may have run");
    golden_screen(s.term, "80x24-half-applied", 24);
    term_key(s.term, "F");
    term_wait_for(s.term, "y  unlock");
    golden_screen(s.term, "80x24-force-unlock-half", 24);
    term_key(s.term, "y");
    term_wait_for(s.term, "unlocked; it was held by");
    term_key(s.term, "z");
    term_wait_gone(s.term, "unlocked; it was held by");
    term_key(s.term, "z");
    term_wait_for(s.term, "4 V14__orders_index.sql");
    golden_screen(s.term, "80x24-half-unlocked", 24);
    term_key(s.term, "v");
    term_wait_for(s.term, "and the three ways out (jetbase resolve)");
    golden_screen(s.term, "80x24-verify-half", 24);
    resolve_screens(&s);
    /* Dropped by hand, as the dialog says: the history is as it was, and it is named no longer. */
    term_wait_for(s.term, "index public.orders_total is invalid");
    sandbox_sql(&s.sb, "DROP INDEX orders_total");
    term_wait_gone(s.term, "index public.orders_total is invalid");
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

static void half_applied_sqlite(void **state)
{
#ifdef JETBASE_SQLITE
    struct stage s;
    (void)state;
    golden_short_names();
    golden_shop(&s, SANDBOX_SQLITE, true);
    drop_file(&s, "V14__orders_lookup.sql");
    sandbox_file(&s.sb, "V14__orders_index.sql", "-- jetbase: no-transaction\nCREATE INDEX orders_id ON orders (id);\nVACUUM;\nCREATE INDEX products_id ON products (id);\n");
    kill_in_v14(&s);
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "DEAD: its");
    term_wait_for(s.term, "may have run");
    golden_screen(s.term, "80x24-half-applied-sqlite", 24);
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

/* The lock of another program on PostgreSQL: who holds locks on tables may be the holder. */
static void unknown_with_sessions(void **state)
{
#ifdef JETBASE_POSTGRES
    struct stage s;
    PGconn *conn;
    (void)state;
    golden_shop(&s, SANDBOX_POSTGRES, true);
    conn = PQconnectdb(s.sb.conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQclear(PQexec(conn, "SET application_name = 'python3'"));
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "INSERT INTO orders VALUES (7)"));
    sandbox_sql(&s.sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = 'c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab'");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "\"python3\", idle in transaction");
    term_wait_for(s.term, "rollback  1 statement");
    golden_screen(s.term, "80x24-locked-unknown-sessions", 24);
    PQfinish(conn);
    term_wait_gone(s.term, "python3");
    stage_quit(&s);
    stage_close(&s);
#else
    (void)state;
    skip();
#endif
}

static void repairs(void **state)
{
    struct stage s;
    (void)state;
    golden_shop(&s, golden_any(), true);
    sandbox_file(&s.sb, "V2__products.sql", "CREATE TABLE products (id bigint);\n-- rollback\nDROP TABLE products;\n");
    stage_console(&s, NULL, NULL);
    term_wait_for(s.term, "file CHANGED");
    term_key(s.term, "v");
    term_wait_for(s.term, "Changed: put the file back");
    golden_screen(s.term, "80x24-verify-changed", 24);
    term_key(s.term, "f");
    term_wait_for(s.term, "y  record these checksums");
    golden_screen(s.term, "80x24-fix-checksums", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  record these checksums");
    drop_file(&s, "V2__products.sql");
    term_wait_for(s.term, "file MISSING");
    term_key(s.term, "m");
    term_wait_for(s.term, "y  delete these rows");
    golden_screen(s.term, "80x24-fix-files", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "y  delete these rows");
    stage_quit(&s);
    stage_console(&s, NULL, "--read-only");
    term_wait_for(s.term, "file MISSING");
    term_key(s.term, "v");
    term_wait_for(s.term, "(m forget missing)");
    golden_screen(s.term, "80x24-verify-read-only", 24);
    term_key(s.term, "\033");
    term_wait_gone(s.term, "(m forget missing)");
    stage_quit(&s);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_applied),
        cmocka_unit_test(half_applied_sqlite),
        cmocka_unit_test(unknown_with_sessions),
        cmocka_unit_test(repairs),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("screens_half", tests, NULL, NULL);
}
