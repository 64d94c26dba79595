/* test_pg_look.c: connecting, and what the PostgreSQL driver says of server, sessions, history and runs. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/pg_case.h"
#include "support/pg_server.h"
#include "support/proxy.h"
#include "text.h"

#define SECRET "s3cr3t-Pa55"

static const struct db_driver *const driver = &db_postgres;

/* Every word of an error. */
static void no_secret(const struct error *err)
{
    const char *all[] = { err->message, err->detail, err->hint, err->context, err->state, err->source };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_null(strstr(all[i], SECRET));
}

static void refused(const char *text, enum db_mode mode, enum error_code code, const char *says)
{
    struct url url;
    struct error err = { 0 };
    struct db *db = NULL;
    if (!url_parse(text, &url, &err))
        fail_msg("%s", err.message);
    struct db_target target = { .url = &url, .sys = &sys_real, .wake_fd = -1 };
    assert_false(driver->open(&target, mode, &db, &err));
    assert_null(db);
    if (!strstr(err.message, says))
        fail_msg("it says: %s", err.message);
    assert_int_equal(err.code, code);
    no_secret(&err);
    url_free(&url);
}

static int listener(int *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void cannot_connect(void **state)
{
    (void)state;
    char text[300], name[64];
    int port, fd = listener(&port);
    struct pg_case c;
    pg_case_make(&c);
    snprintf(name, sizeof name, "127.0.0.1 port %d", port);
    snprintf(text, sizeof text, "postgresql://u:%s@127.0.0.1:%d/db?connect_timeout=1", SECRET, port);
    refused(text, DB_LOOK, ERR_NO_CONNECTION, "no answer within 1 s"); /* it listens and says nothing */
    refused(text, DB_LOOK, ERR_NO_CONNECTION, name);
    close(fd);
    refused(text, DB_LOOK, ERR_NO_CONNECTION, name);
    snprintf(text, sizeof text, "postgresql://postgres:%s@127.0.0.1:%d/no_such_db", SECRET, pg_server_port());
    refused(text, DB_RUN, ERR_NO_CONNECTION, "no_such_db");
    snprintf(text, sizeof text, "postgresql://nobody_here:%s@127.0.0.1:%d/postgres", SECRET, pg_server_port());
    refused(text, DB_RUN, ERR_NO_CONNECTION, "nobody_here");
    snprintf(text, sizeof text, "postgresql://u:%s@/db?host=/no/such/folder", SECRET);
    refused(text, DB_RUN, ERR_NO_CONNECTION, "/no/such/folder");
    pg_case_close(&c);
}

static void stops_connecting(void **state)
{
    (void)state;
    char text[200];
    int port, fd = listener(&port), line[2];
    struct url url;
    struct error err = { 0 };
    struct db *db;
    atomic_int stop = 15;
    snprintf(text, sizeof text, "postgresql://u@127.0.0.1:%d/db", port);
    assert_true(url_parse(text, &url, &err));
    assert_int_equal(pipe(line), 0);
    struct db_target target = { .url = &url, .sys = &sys_real, .stop = &stop, .wake_fd = line[0] };
    assert_false(driver->open(&target, DB_RUN, &db, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    close(line[0]);
    close(line[1]);
    close(fd);
    url_free(&url);
}

static void facts(void **state)
{
    (void)state;
    struct pg_case c, d;
    pg_case_make(&c);
    pg_case_connect(&c, DB_RUN);
    const struct db_about *about = driver->about(c.db);
    assert_memory_equal(about->product, "PostgreSQL ", 11);
    assert_int_equal(strspn(about->product + 11, "0123456789.betarc"), strlen(about->product + 11));
    assert_string_equal(about->database, strrchr(c.text, '/') + 1);
    assert_string_equal(about->host, "127.0.0.1");
    assert_string_equal(about->schema, "public");
    assert_string_equal(about->user, "postgres");
    assert_true(about->session_pid > 0);
    assert_false(about->pooler || about->standby || about->read_only);
    assert_true(about->standard_strings);
    pg_case_sql(&c, "ALTER ROLE postgres SET search_path = '$user', nowhere; ALTER ROLE postgres SET standard_conforming_strings = off");
    pg_case_join(&d, &c, DB_LOOK, NULL, 0);
    assert_string_equal(driver->about(d.db)->schema, "");
    assert_false(driver->about(d.db)->standard_strings);
    pg_case_sql(&c, "ALTER ROLE postgres RESET ALL");
    pg_case_close(&d);
    pg_case_aim(&d, &c, NULL, 0);
    d.target.schema = "My \"App\"";
    pg_case_connect(&d, DB_LOOK);
    assert_string_equal(driver->about(d.db)->schema, "My \"App\"");
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Over the socket's folder, as a libpq parameter. */
static void by_socket(void **state)
{
    (void)state;
    struct pg_case c, d;
    char text[300];
    struct error err = { 0 };
    pg_case_make(&c);
    pg_case_aim(&d, &c, NULL, 0);
    url_free(&d.url);
    snprintf(text, sizeof text, "postgres+psycopg2://postgres@/%s?host=%s&port=%d", strrchr(c.text, '/') + 1, pg_server_socket_dir(), pg_server_port());
    if (!url_parse(text, &d.url, &err)) {
        snprintf(text, sizeof text, "postgresql+psycopg2://postgres@/%s?host=%s&port=%d", strrchr(c.text, '/') + 1, pg_server_socket_dir(), pg_server_port());
        assert_true(url_parse(text, &d.url, &err));
    }
    pg_case_connect(&d, DB_RUN);
    assert_string_equal(driver->about(d.db)->host, pg_server_socket_dir());
    pg_case_close(&c);
    pg_case_close(&d);
}

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
    strncat(seen->text, row->process_id, 1);
    strncat(seen->text, run_outcome_name(row->outcome), 10);
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
    struct pg_case c, d;
    struct error err = { 0 };
    bool ended;
    char alive[200];
    pg_case_open(&c);
    pg_case_join(&d, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&c);
    snprintf(alive, sizeof alive, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", driver->about(c.db)->session_pid);
    assert_true(driver->session_end(d.db, "00000000-0000-4000-8000-000000000000", &ended, &err) && !ended);
    /* The number in the run row belongs to another session now. */
    pg_case_sql(&c, "UPDATE jetbase_runs SET session_pid = session_pid + 1");
    assert_true(driver->session_end(d.db, c.id, &ended, &err) && !ended);
    pg_case_sql(&c, "UPDATE jetbase_runs SET session_pid = session_pid - 1");
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

/* The watch over the client is set, and again after each migration. */
static void session_settings(void **state)
{
    (void)state;
    struct pg_case c;
    const char *ask = "DO $$BEGIN IF current_setting('client_connection_check_interval') <> '2s' OR current_setting('tcp_user_timeout') = '0' THEN RAISE EXCEPTION 'unset'; END IF; END$$";
    pg_case_open(&c);
    pg_case_acquire(&c);
    for (uint32_t i = 1; i <= 2; i++)
        assert_true(pg_case_migrate(&c, i, (const char *const[]){ ask, "RESET ALL", "SET client_connection_check_interval = 0", NULL }).committed);
    assert_int_equal(pg_case_migrate(&c, 3, (const char *const[]){ "SET client_connection_check_interval = 0", "SELECT 1/0", NULL }).bad, 1);
    assert_true(pg_case_migrate(&c, 4, (const char *const[]){ ask, NULL }).committed);
    pg_case_close(&c);
}

static void uses_a_schema(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct db_tables tables;
    struct error err = { 0 };
    pg_case_make(&d);
    pg_case_aim(&c, &d, NULL, 0);
    c.target.schema = "My App";
    pg_case_connect(&c, DB_RUN);
    assert_false(driver->tables_prepare(c.db, &tables, &err)); /* no such schema */
    assert_string_equal(err.sqlstate, "3F000");
    pg_case_sql(&d, "CREATE SCHEMA \"My App\"");
    if (!driver->tables_prepare(c.db, &tables, &err))
        fail_msg("%s", err.message);
    pg_case_acquire(&c);
    assert_true(pg_case_migrate(&c, 1, (const char *const[]){ "CREATE TABLE a (id int)", "SET search_path = public", "CREATE TABLE b (id int)", NULL }).committed);
    assert_true(pg_case_migrate(&c, 2, (const char *const[]){ "CREATE TABLE b (id int)", NULL }).committed);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'My App'"), 5);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"), 1);
    assert_int_equal(pg_case_look(&c).witness, WITNESS_HELD);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Rows are replicated, locks are not: a standby can say who holds the lock, never that he is dead. */
static void on_a_standby(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct error err = { 0 };
    struct db_lock_row row;
    struct url url;
    char text[300];
    pg_case_open(&c);
    pg_case_acquire(&c);
    snprintf(text, sizeof text, "postgresql://postgres@127.0.0.1:%d%s", pg_server_standby_port(), strrchr(c.text, '/'));
    refused(text, DB_RUN, ERR_CONFIG, "standby");
    pg_case_join(&d, &c, DB_LOOK, NULL, pg_server_standby_port());
    assert_true(driver->about(d.db)->standby);
    row = pg_case_look(&d);
    assert_true(row.locked && row.has_run);
    assert_string_equal(row.process_id, c.id);
    assert_int_equal(row.witness, WITNESS_UNKNOWN);
    assert_int_equal(row.why, WHY_STANDBY);
    bool changed;
    assert_true(driver->wait_change(d.db, 0, -1, &changed, &err)); /* nobody tells there, and it is no fault */
    assert_false(changed);
    /* Two hosts: the one that takes writes is found. */
    snprintf(text, sizeof text, "postgresql://postgres@/%s?host=127.0.0.1,127.0.0.1&port=%d,%d&target_session_attrs=read-write", strrchr(c.text, '/') + 1, pg_server_standby_port(), pg_server_port());
    assert_true(url_parse(text, &url, &err));
    struct db_target target = { .url = &url, .sys = &sys_real, .wake_fd = -1 };
    struct db *db;
    if (!driver->open(&target, DB_RUN, &db, &err))
        fail_msg("%s", err.message);
    assert_false(driver->about(db)->standby);
    driver->close(db);
    url_free(&url);
    pg_case_close(&c);
    pg_case_close(&d);
}

/* Behind a pooler no session lock is taken, no setting stays, and nothing is said of witnesses. */
static void behind_a_pooler(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct proxy *proxy = proxy_start(pg_server_port());
    bool changed;
    struct error err = { 0 };
    pg_case_open(&d);
    pg_case_acquire(&d);
    proxy_pose_as_pooler(proxy);
    pg_case_join(&c, &d, DB_RUN, NULL, proxy_port(proxy));
    assert_true(driver->about(c.db)->pooler);
    assert_int_equal(pg_case_look(&c).why, WHY_POOLER);
    assert_int_equal(pg_case_change(&c, CHANGE_UNLOCK, d.id, true), CHANGE_CANNOT_TELL);
    assert_int_equal(pg_case_change(&d, CHANGE_RELEASE, d.id, false), CHANGE_DONE);
    driver->witness_drop(d.db, d.id);
    pg_case_acquire(&c);
    assert_string_equal(c.witness, "");
    assert_true(pg_case_migrate(&c, 1, (const char *const[]){ "CREATE TABLE a (id int)", "SET search_path = nowhere", NULL }).committed);
    assert_int_equal(pg_case_migrate(&c, 2, (const char *const[]){ "SELECT 1/0", NULL }).bad, 1);
    assert_true(pg_case_migrate(&c, 3, (const char *const[]){ "DO $$BEGIN IF current_setting('client_connection_check_interval') <> '0' THEN RAISE EXCEPTION 'it stays'; END IF; END$$", NULL }).committed);
    assert_int_equal(pg_case_number(&c, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
    assert_int_equal(pg_case_look(&d).why, WHY_UNWITNESSED);
    assert_true(driver->wait_change(c.db, 0, -1, &changed, &err));
    assert_false(changed);
    assert_int_equal(pg_case_change(&c, CHANGE_RELEASE, c.id, false), CHANGE_DONE);
    pg_case_close(&c);
    pg_case_close(&d);
    proxy_stop(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cannot_connect), cmocka_unit_test(stops_connecting), cmocka_unit_test(facts), cmocka_unit_test(by_socket), cmocka_unit_test(looks_change_nothing),
        cmocka_unit_test(reads_history), cmocka_unit_test(records_change_history), cmocka_unit_test(tells_who_blocks), cmocka_unit_test(seen_by_the_unprivileged),
        cmocka_unit_test(ends_only_the_holder), cmocka_unit_test(session_settings), cmocka_unit_test(uses_a_schema), cmocka_unit_test(on_a_standby), cmocka_unit_test(behind_a_pooler),
    };
    return cmocka_run_group_tests_name("pg_look", tests, NULL, NULL);
}
