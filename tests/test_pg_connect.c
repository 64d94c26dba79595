/* test_pg_connect.c: connecting to PostgreSQL: what is said when it fails, what is known afterwards, standbys, poolers, schemas. */
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

/* Should a server ever repeat the password, it is taken out. */
static void repeats_the_password(void **state)
{
    (void)state;
    struct pg_case c, d;
    char text[300];
    struct error err = { 0 };
    pg_case_open(&c);
    pg_case_aim(&d, &c, NULL, 0);
    url_free(&d.url);
    snprintf(text, sizeof text, "postgresql://postgres:%s@127.0.0.1:%d%s", SECRET, pg_server_port(), strrchr(c.text, '/'));
    assert_true(url_parse(text, &d.url, &err));
    pg_case_connect(&d, DB_RUN);
    pg_case_acquire(&d);
    struct pg_answers a = pg_case_migrate(&d, 1, (const char *const[]){ "DO $$BEGIN RAISE EXCEPTION 'x " SECRET " y " SECRET "' USING DETAIL = '" SECRET "'; END$$", NULL });
    assert_string_equal(a.err.message, "x *** y ***");
    assert_string_equal(a.err.detail, "***");
    pg_case_close(&c);
    pg_case_close(&d);
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
    const char *unset = "DO $$BEGIN IF current_setting('client_connection_check_interval') <> '0' THEN RAISE EXCEPTION 'it stays'; END IF; END$$";
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
    assert_true(pg_case_migrate(&c, 1, (const char *const[]){ unset, "CREATE TABLE a (id int)", "SET search_path = nowhere", NULL }).committed);
    assert_int_equal(pg_case_migrate(&c, 2, (const char *const[]){ "SELECT 1/0", NULL }).bad, 1);
    assert_true(pg_case_migrate(&c, 3, (const char *const[]){ unset, NULL }).committed);
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
        cmocka_unit_test(cannot_connect), cmocka_unit_test(repeats_the_password), cmocka_unit_test(stops_connecting), cmocka_unit_test(facts), cmocka_unit_test(by_socket),
        cmocka_unit_test(session_settings), cmocka_unit_test(uses_a_schema), cmocka_unit_test(on_a_standby), cmocka_unit_test(behind_a_pooler),
    };
    return cmocka_run_group_tests_name("pg_connect", tests, NULL, NULL);
}
