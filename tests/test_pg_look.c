/* test_pg_look.c: what the PostgreSQL driver says of history, runs and sessions. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "support/pg_case.h"

static const struct db_driver *const driver = &db_postgres;

static void looks_change_nothing(void **state)
{
    (void)state;
    struct pg_case c;
    struct db_tables tables;
    struct error err = { 0 };
    pg_case_make(&c);
    pg_case_connect(&c, DB_LOOK);
    struct db_lock_row row = pg_case_look(&c);
    assert_false(row.table || row.row || row.locked);
    assert_true(driver->tables_read(c.db, &tables, &err));
    assert_false(tables.migrations || tables.lock || tables.lock_row || tables.runs || tables.version_index);
    assert_true(driver->history_read(c.db, NULL, NULL, NULL, &err));
    assert_true(driver->runs_read(c.db, NULL, 0, NULL, NULL, &err));
    assert_false(driver->tables_prepare(c.db, &tables, &err)); /* its transaction may not write */
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    pg_case_close(&c);
}

struct seen {
    int rows, most;
    char text[1024];
};

static bool see_history(void *user, const struct history_row *row)
{
    struct seen *seen = user;
    char line[256];
    snprintf(line, sizeof line, "%d %s %s %s %s %s %s\n", (int)row->order, row->version ? row->version : "-", row->description, row->file, row->type, row->checksum, row->applied_at);
    strncat(seen->text, line, sizeof seen->text - strlen(seen->text) - 1);
    return ++seen->rows < seen->most;
}

static bool see_run(void *user, const struct run_row *row)
{
    struct seen *seen = user;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%c%s", row->process_id[0], run_outcome_name(row->outcome));
    return ++seen->rows < seen->most;
}

static void reads_history(void **state)
{
    (void)state;
    struct pg_case c;
    struct error err = { 0 };
    struct seen seen = { .most = 9 };
    pg_case_open(&c);
    pg_case_sql(&c, "SET DateStyle = 'German'; INSERT INTO jetbase_migrations (version, description, filename, migration_type, applied_at, checksum) VALUES"
                    " ('2', 'b', 'V2__b.sql', 'VERSIONED', '2026-01-03 00:00:00', 'x'), (NULL, 'r', 'RA__r.sql', 'RUNS_ALWAYS', '2026-01-02 01:02:03.5', 'y'),"
                    " ('1', 'a', 'V1__a.sql', 'VERSIONED', '2026-01-02 01:02:03.5', 'z')");
    pg_case_sql(&c, "ALTER ROLE postgres SET DateStyle = 'German'");
    struct pg_case d;
    pg_case_join(&d, &c, DB_LOOK, NULL, 0);
    pg_case_sql(&c, "ALTER ROLE postgres RESET ALL");
    assert_true(driver->history_read(d.db, NULL, see_history, &seen, &err));
    assert_string_equal(seen.text, "2 - r RA__r.sql RUNS_ALWAYS y 2026-01-02 01:02:03.500000\n3 1 a V1__a.sql VERSIONED z 2026-01-02 01:02:03.500000\n"
                                   "1 2 b V2__b.sql VERSIONED x 2026-01-03 00:00:00.000000\n");
    seen = (struct seen){ .most = 1 };
    assert_true(driver->history_read(d.db, NULL, see_history, &seen, &err));
    assert_int_equal(seen.rows, 1);
    pg_case_sql(&c, "INSERT INTO jetbase_runs (process_id, acquired_at, outcome) SELECT i::text || 'x', '2026-01-01'::timestamptz + i * interval '1h', CASE i WHEN 2 THEN 'failed' ELSE 'died' END FROM generate_series(1, 4) i");
    seen = (struct seen){ .most = 9 };
    assert_true(driver->runs_read(d.db, NULL, 3, see_run, &seen, &err));
    assert_string_equal(seen.text, "4died3died2failed");
    seen = (struct seen){ .most = 9 };
    assert_true(driver->runs_read(d.db, "1x", 0, see_run, &seen, &err));
    assert_string_equal(seen.text, "1died");
    assert_string_equal(pg_case_look(&d).last.process_id, "4x");
    assert_string_equal(pg_case_look(&d).last.acquired_at + 4, "-01-01T04:00:00.000Z");
    pg_case_sql(&c, "DROP TABLE jetbase_runs, jetbase_migrations, jetbase_lock"); /* under a connection that has seen them */
    seen = (struct seen){ .most = 9 };
    assert_true(driver->runs_read(d.db, NULL, 3, see_run, &seen, &err));
    bool table = true;
    assert_true(driver->history_read(d.db, &table, see_history, &seen, &err));
    assert_int_equal(seen.rows, 0);
    assert_false(table);
    assert_false(pg_case_look(&d).table);
    pg_case_close(&c);
    pg_case_close(&d);
}

struct listing {
    PGresult *wanted; /* the server's own order and words */
    int rows;
};

static bool compare_row(void *user, const struct history_row *row)
{
    struct listing *l = user;
    int i = l->rows++;
    assert_true(i < PQntuples(l->wanted));
    assert_int_equal(row->order, atoi(PQgetvalue(l->wanted, i, 0)));
    assert_string_equal(row->applied_at, PQgetvalue(l->wanted, i, 1));
    return true;
}

/* Rows are put in order, and times into words, on this side: as the server would. */
static void orders_as_the_server(void **state)
{
    (void)state;
    struct pg_case c;
    struct error err = { 0 };
    pg_case_open(&c);
    pg_case_sql(&c, "ALTER TABLE jetbase_migrations ALTER applied_at DROP NOT NULL");
    pg_case_sql(&c, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, applied_at, checksum)"
                    " SELECT NULL, 'r', 'RA__r' || i || '.sql', 'RUNS_ALWAYS', CASE WHEN i % 97 = 0 THEN NULL WHEN i % 5 = 0 THEN timestamp '2026-02-28 23:59:59.5' + i % 4 * interval '1 day'"
                    " ELSE date_trunc(CASE WHEN i % 2 = 0 THEN 'microseconds' ELSE 'day' END, timestamp '1000-01-01' + sin(i) * sin(i) * interval '8999 years' + interval '1 microsecond' * (i % 3)) END, 'x' FROM generate_series(1, 3000) i");
    pg_case_sql(&c, "INSERT INTO jetbase_migrations (version, description, filename, migration_type, applied_at, checksum) SELECT NULL, 'r', 'RA__s' || i || '.sql', 'RUNS_ALWAYS', t, 'x' FROM"
                    " unnest(ARRAY['infinity', '-infinity', '0044-03-15 BC', '1999-12-31 23:59:59.999999', '2000-01-01', '1900-02-28 12:00:00', '2000-02-29', '1600-02-29 23:59:59', '0001-01-01']::timestamp[]) WITH ORDINALITY a(t, i)");
    PGconn *conn = PQconnectdb(c.text);
    struct listing l = { .wanted = PQexec(conn, "SELECT order_executed, COALESCE(to_char(applied_at, 'YYYY-MM-DD HH24:MI:SS.US'), '') FROM jetbase_migrations ORDER BY applied_at, order_executed") };
    assert_int_equal(PQntuples(l.wanted), 3009);
    assert_true(driver->history_read(c.db, NULL, compare_row, &l, &err));
    assert_int_equal(l.rows, 3009);
    /* Numbers of another type are numbers. */
    pg_case_sql(&c, "ALTER TABLE jetbase_migrations ALTER order_executed DROP IDENTITY; ALTER TABLE jetbase_migrations ALTER order_executed TYPE numeric");
    l.rows = 0;
    assert_true(driver->history_read(c.db, NULL, compare_row, &l, &err));
    assert_int_equal(l.rows, 3009);
    PQclear(l.wanted);
    PQfinish(conn);
    pg_case_close(&c);
}

static void records_change_history(void **state)
{
    (void)state;
    struct pg_case c;
    struct error err = { 0 };
    struct db_record records[] = {
        { .kind = RECORD_UPDATE, .file = "RA__r.sql", .type = "RUNS_ALWAYS", .checksum = "new", .expect_rows = 1, .last_done = "1 RA__r.sql", .next_file = "V1__a.sql", .next_statements = 4 },
        { .kind = RECORD_DELETE, .version = "1", .file = "V1__a.sql", .type = "VERSIONED", .expect_rows = 2, .last_done = "2 V1__a.sql" },
        { .kind = RECORD_DELETE, .version = "1", .file = "V1__a.sql", .type = "VERSIONED", .expect_rows = 1, .last_done = "3 V1__a.sql" },
    };
    pg_case_open(&c);
    pg_case_acquire(&c);
    pg_case_sql(&c, "DROP INDEX jetbase_migrations_version_key; INSERT INTO jetbase_migrations (version, description, filename, migration_type, applied_at, checksum) VALUES"
                    " ('1', 'a', 'V1__a.sql', 'VERSIONED', '2026-01-03', 'x'), ('1', 'a', 'V1__a.sql', 'VERSIONED', '2026-01-03', 'x'), ('1', 'r', 'RA__r.sql', 'RUNS_ALWAYS', '2026-01-02', 'y')");
    for (int i = 0; i < 3; i++) {
        struct db_step steps[] = { { .kind = STEP_HEAD }, { .kind = STEP_FENCE }, { .kind = STEP_RECORD, .record = &records[i] }, { .kind = STEP_COMMIT }, { .kind = STEP_BARRIER } };
        for (int s = 0; s < 3; s++) {
            steps[s].process_id = c.id;
            steps[s].has_run = true;
            assert_true(driver->submit(c.db, &steps[s], &err));
        }
        struct pg_answers a = pg_case_answers(&c);
        assert_int_equal(a.bad, i == 2);
        if (i == 2) {
            assert_int_equal(a.err.code, ERR_HISTORY);
            assert_true(driver->rollback(c.db, &err));
            break;
        }
        assert_true(driver->submit(c.db, &steps[3], &err) && driver->submit(c.db, &steps[4], &err));
        assert_true(pg_case_answers(&c).committed);
        if (i == 0)
            assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs WHERE last_done = '1 RA__r.sql' AND file = 'V1__a.sql' AND statements = 4"), 1);
    }
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_migrations WHERE checksum = 'new' AND applied_at > '2026-01-02'"), 1);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_migrations"), 1);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM jetbase_runs WHERE last_done = '2 V1__a.sql' AND file IS NULL"), 1);
    struct db_record next = { .next_file = "V9__z.sql", .next_statements = 7 };
    struct db_step progress = { .kind = STEP_PROGRESS, .process_id = c.id, .has_run = true, .record = &next };
    assert_true(driver->submit(c.db, &progress, &err));
    assert_int_equal(pg_case_answers(&c).bad, 0);
    assert_int_equal(pg_case_number(&c, "SELECT statements FROM jetbase_runs WHERE file = 'V9__z.sql'"), 7);
    pg_case_look(&c); /* no Sync yet since: still an idle connection */
    progress.process_id = "00000000-0000-4000-8000-000000000000";
    assert_true(driver->submit(c.db, &progress, &err));
    struct pg_answers a = pg_case_answers(&c);
    assert_int_equal(a.err.code, ERR_LOCK_LOST);
    assert_true(driver->rollback(c.db, &err));
    pg_case_close(&c);
}

/* A run that waits for somebody who is idle in transaction, and somebody who waits behind it. */
static void tells_who_blocks(void **state)
{
    (void)state;
    struct pg_case c, d, e, f;
    struct error err = { 0 };
    struct db_session session;
    struct db_step head = { .kind = STEP_HEAD, .application = "jetbase 1/1 V1__it.sql" }, sql = { .kind = STEP_SQL };
    pg_case_open(&c);
    pg_case_sql(&c, "CREATE TABLE orders (id int)");
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_join(&e, &c, DB_LOOK, NULL, 0);
    pg_case_join(&f, &c, DB_RUN, NULL, 0);
    sql.sql = "SELECT * FROM orders";
    sql.len = strlen(sql.sql);
    assert_true(driver->submit(d.db, &head, &err) && driver->submit(d.db, &sql, &err));
    assert_int_equal(pg_case_answers(&d).bad, 0);
    pg_case_acquire(&c);
    pg_case_submit(&c, 1, (const char *const[]){ "ALTER TABLE orders ADD COLUMN total int", NULL });
    struct db_result r;
    while (driver->next(c.db, 0, &r, &err) != DB_TIMEOUT)
        continue;
    char waits[200];
    int pid = driver->about(c.db)->session_pid;
    snprintf(waits, sizeof waits, "SELECT count(*) FROM pg_locks WHERE pid = %d AND NOT granted", pid);
    pg_case_until(&c, waits, 1);
    assert_true(driver->submit(f.db, &head, &err) && driver->submit(f.db, &sql, &err));
    assert_int_equal(driver->next(f.db, -1, &r, &err), DB_RESULT);
    assert_int_equal(driver->next(f.db, 0, &r, &err), DB_TIMEOUT);
    snprintf(waits, sizeof waits, "SELECT count(*) FROM pg_locks WHERE pid = %d AND NOT granted", driver->about(f.db)->session_pid);
    pg_case_until(&c, waits, 1);
    assert_true(driver->session_read(e.db, pid, &session, &err));
    assert_true(session.found);
    assert_int_equal(session.pid, pid);
    assert_string_equal(session.user, "postgres");
    assert_string_equal(session.address, "127.0.0.1");
    assert_string_equal(session.state, "active");
    assert_string_equal(session.wait, "Lock/relation");
    assert_string_equal(session.awaited, "table orders (AccessExclusiveLock)");
    assert_string_equal(session.query, "ALTER TABLE orders ADD COLUMN total int");
    assert_string_equal(session.application, "V1__it.sql");
    assert_true(session.state_age_s >= 0);
    assert_int_equal(session.blockers, 1);
    assert_int_equal(session.blocked_by[0].pid, driver->about(d.db)->session_pid);
    assert_string_equal(session.blocked_by[0].query, "SELECT * FROM orders");
    assert_string_equal(session.blocked_by[0].application, "jetbase 1/1 V1__it.sql");
    assert_int_equal(session.waiting_behind, 1);
    assert_true(driver->rollback(d.db, &err));
    assert_int_equal(pg_case_answers(&c).bad, 0);
    assert_true(driver->session_read(e.db, 2147483647, &session, &err));
    assert_false(session.found);
    pg_case_close(&c);
    pg_case_close(&d);
    pg_case_close(&e);
    pg_case_close(&f);
}

/* What a role without rights may see: the witness, and that it is hidden what runs. */
static void seen_by_the_unprivileged(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct error err = { 0 };
    struct db_session session;
    pg_case_open(&c);
    pg_case_sql(&c, "DROP ROLE IF EXISTS viewer");
    pg_case_sql(&c, "CREATE ROLE viewer LOGIN");
    pg_case_sql(&c, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO viewer");
    pg_case_acquire(&c);
    pg_case_join(&d, &c, DB_LOOK, "viewer", 0);
    struct db_lock_row row = pg_case_look(&d);
    assert_int_equal(row.witness, WITNESS_HELD);
    assert_int_equal(row.session_pid, driver->about(c.db)->session_pid);
    assert_true(driver->session_read(d.db, row.session_pid, &session, &err));
    assert_true(session.found);
    assert_string_equal(session.query, "");
    assert_string_equal(session.application, "jetbase");
    bool ended;
    assert_false(driver->session_end(d.db, c.id, &ended, &err));
    assert_int_equal(err.code, ERR_RIGHTS);
    assert_false(ended);
    pg_case_sql(&c, "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM viewer");
    assert_false(driver->lock_read(d.db, &row, &err));
    assert_int_equal(err.code, ERR_RIGHTS);
    pg_case_close(&d);
    pg_case_sql(&c, "DROP OWNED BY viewer");
    pg_case_sql(&c, "DROP ROLE viewer");
    pg_case_close(&c);
}

static void ends_only_the_holder(void **state)
{
    (void)state;
    struct pg_case c, d, e;
    struct error err = { 0 };
    bool ended;
    char alive[200], stranger[200];
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&c);
    snprintf(alive, sizeof alive, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", driver->about(c.db)->session_pid);
    assert_true(driver->session_end(d.db, "00000000-0000-4000-8000-000000000000", &ended, &err) && !ended);
    /* The number in the run row belongs to another session now. */
    pg_case_join(&e, &c, DB_RUN, NULL, 0);
    snprintf(stranger, sizeof stranger, "UPDATE jetbase_runs SET session_pid = %d", driver->about(e.db)->session_pid);
    pg_case_sql(&c, stranger);
    assert_true(driver->session_end(d.db, c.id, &ended, &err) && !ended);
    pg_case_look(&e); /* it lives */
    snprintf(stranger, sizeof stranger, "UPDATE jetbase_runs SET session_pid = %d", driver->about(c.db)->session_pid);
    pg_case_sql(&c, stranger);
    pg_case_close(&e);
    /* The lock names nobody. */
    pg_case_sql(&c, "UPDATE jetbase_lock SET is_locked = false");
    assert_true(driver->session_end(d.db, c.id, &ended, &err) && !ended);
    pg_case_sql(&c, "UPDATE jetbase_lock SET is_locked = true");
    assert_int_equal(pg_case_number(&d, alive), 1);
    assert_true(driver->session_end(d.db, c.id, &ended, &err) && ended);
    pg_case_until(&d, alive, 0);
    assert_int_equal(pg_case_look(&d).witness, WITNESS_ABSENT);
    assert_true(driver->session_end(d.db, c.id, &ended, &err) && !ended);
    pg_case_close(&c);
    pg_case_close(&d);
}

static void *read_history(void *user)
{
    struct pg_case *c = user;
    struct error err = { 0 };
    struct seen seen = { .most = 9 };
    return driver->history_read(c->db, NULL, see_history, &seen, &err) ? c : NULL;
}

static void must(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
}

/* While a look waits for one of our tables it holds no other: whoever changes them in another order is not driven into a deadlock. */
static void waits_with_empty_hands(void **state)
{
    static const enum db_mode modes[] = { DB_LOOK, DB_RUN };
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct pg_case c, d;
        pthread_t thread;
        void *good;
        pg_case_open(&c);
        pg_case_join(&d, &c, modes[i], NULL, 0);
        PGconn *other = PQconnectdb(c.text);
        must(other, "BEGIN");
        must(other, "LOCK TABLE jetbase_runs");
        assert_int_equal(pthread_create(&thread, NULL, read_history, &d), 0);
        while (pg_case_number(&c, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jetbase_runs'::regclass") == 0)
            continue;
        must(other, "LOCK TABLE jetbase_migrations IN ACCESS EXCLUSIVE MODE NOWAIT");
        must(other, "ROLLBACK");
        assert_int_equal(pthread_join(thread, &good), 0);
        assert_non_null(good);
        PQfinish(other);
        pg_case_close(&d);
        pg_case_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_with_empty_hands), cmocka_unit_test(looks_change_nothing), cmocka_unit_test(reads_history), cmocka_unit_test(orders_as_the_server), cmocka_unit_test(records_change_history),
        cmocka_unit_test(tells_who_blocks), cmocka_unit_test(seen_by_the_unprivileged), cmocka_unit_test(ends_only_the_holder),
    };
    return cmocka_run_group_tests_name("pg_look", tests, NULL, NULL);
}
