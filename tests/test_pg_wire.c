/* test_pg_wire.c: the PostgreSQL driver on the wire: how often it waits, and what it says when the link dies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pg_case.h"
#include "support/pg_server.h"
#include "support/proxy.h"

#define SQL(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define HISTORY "SELECT count(*) FROM jetbase_migrations"

static const struct db_driver *const driver = &db_postgres;

static void good(struct pg_answers a)
{
    if (!a.committed)
        print_error("%s %s\n", a.err.sqlstate, a.err.message);
    assert_true(a.committed);
    assert_int_equal(a.end, DB_DRAINED);
}

static void round_trips(void **state)
{
    (void)state;
    enum { FILES = 100 };
    struct pg_case c, d;
    struct proxy *proxy;
    unsigned before;
    pg_case_open(&d);
    proxy = proxy_start(pg_server_port());
    pg_case_join(&c, &d, DB_RUN, NULL, proxy_port(proxy));
    pg_case_acquire(&c);
    before = proxy_waits(proxy);
    for (uint32_t i = 1; i <= FILES; i++) {
        char make[64], drop[64];
        snprintf(make, sizeof make, "CREATE TABLE t%u (id int)", i);
        snprintf(drop, sizeof drop, "DROP TABLE t%u", i);
        if (i > 1)
            pg_case_commit(&c, i - 1);
        pg_case_submit(&c, i, SQL(make, "SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", drop));
        struct pg_answers a = pg_case_answers(&c);
        assert_int_equal(a.bad, 0);
        assert_int_equal(a.results, i > 1 ? 11 : 10);
    }
    pg_case_commit(&c, FILES);
    pg_case_barrier(&c);
    good(pg_case_answers(&c));
    print_message("%d migrations of 6 statements: %u waits\n", FILES, proxy_waits(proxy) - before);
    assert_in_range(proxy_waits(proxy) - before, FILES, FILES + 1);
    assert_int_equal(pg_case_number(&c, HISTORY), FILES);
    pg_case_close(&c);
    pg_case_close(&d);
    proxy_stop(proxy);
}

/* Both sides would fill up and wait for each other, if sending ever kept us from reading. */
static void much_both_ways(void **state)
{
    (void)state;
    enum { EACH = 1 << 20, TIMES = 24 };
    struct pg_case c;
    const char *statements[TIMES + 1] = { NULL };
    char *big = malloc(EACH + 128);
    size_t n;
    assert_non_null(big);
    pg_case_open(&c);
    pg_case_acquire(&c);
    n = (size_t)sprintf(big, "SELECT repeat('y', 3000000), '");
    memset(big + n, 'x', EACH);
    memcpy(big + n + EACH, "'", 2);
    for (int i = 0; i < TIMES; i++)
        statements[i] = big;
    good(pg_case_migrate(&c, 1, statements));
    free(big);
    pg_case_close(&c);
}

/* The link dies at COMMIT: down, and the answer is missing; `arrives` tells whether the server committed. */
static void link_lost(enum proxy_side side, const char *words, bool arrives)
{
    struct pg_case c, d;
    struct error err = { 0 };
    struct proxy *proxy;
    pg_case_open(&d);
    proxy = proxy_start(pg_server_port());
    pg_case_join(&c, &d, DB_RUN, NULL, proxy_port(proxy));
    pg_case_acquire(&c);
    pg_case_submit(&c, 1, SQL("CREATE TABLE a (id int)"));
    assert_int_equal(pg_case_answers(&c).bad, 0);
    proxy_cut(proxy, side, NULL, words, 1);
    pg_case_commit(&c, 1);
    pg_case_barrier(&c);
    struct pg_answers a = pg_case_answers(&c);
    assert_int_equal(a.end, DB_DOWN);
    assert_false(a.committed);
    assert_int_equal(a.err.code, ERR_NO_CONNECTION);
    assert_non_null(strstr(a.err.message, "127.0.0.1"));
    assert_false(driver->rollback(c.db, &err));
    assert_false(driver->submit(c.db, &(struct db_step){ .kind = STEP_BARRIER }, &err));
    pg_case_until(&d, "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND locktype = 'advisory'", 0); /* its session ends */
    assert_int_equal(pg_case_number(&d, HISTORY), arrives);
    assert_int_equal(pg_case_look(&d).witness, WITNESS_ABSENT);
    pg_case_close(&c);
    pg_case_close(&d);
    proxy_stop(proxy);
}

static void link_lost_at_commit(void **state)
{
    (void)state;
    link_lost(PROXY_CLIENT, "COMMIT", false);
    link_lost(PROXY_SERVER, "COMMIT", true);
}

static void server_gone(void **state)
{
    (void)state;
    struct pg_case c;
    bool changed;
    struct error err = { 0 };
    pg_case_open(&c);
    assert_true(driver->wait_change(c.db, 0, -1, &changed, &err));
    pg_server_crash();
    assert_false(driver->wait_change(c.db, 10000, -1, &changed, &err));
    assert_int_equal(err.code, ERR_NO_CONNECTION);
    pg_server_start_again();
    pg_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips), cmocka_unit_test(much_both_ways), cmocka_unit_test(link_lost_at_commit), cmocka_unit_test(server_gone),
    };
    return cmocka_run_group_tests_name("pg_wire", tests, NULL, NULL);
}
