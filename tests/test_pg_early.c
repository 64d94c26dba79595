/* test_pg_early.c: the history that a far server is asked for while the connection is made: the same is read, with a wait less. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "support/bouncer.h"
#include "support/pg_case.h"
#include "support/pg_server.h"
#include "support/proxy.h"

static const struct db_driver *const driver = &db_postgres;

/* What a look at the clock says that has passed since the one before: while the link is made, and from then on. So a server next door seems far away, or near however slow the machine is. */
static struct {
    int link_ms, then_ms, looks;
    int64_t now_ms;
} clock_says;

static int64_t clock_look(void)
{
    enum { LINK_LOOKS = 4 };
    return clock_says.now_ms += clock_says.looks++ < LINK_LOOKS ? clock_says.link_ms : clock_says.then_ms;
}

/* What was read, and in how many waits behind the connection's own question. */
struct reading {
    bool good, table;
    char rows[1024], runs[256];
    struct error err;
    unsigned waits;
};

static bool see_row(void *user, const struct history_row *row)
{
    struct reading *r = user;
    size_t len = strlen(r->rows);
    snprintf(r->rows + len, sizeof r->rows - len, "%d %s %s %s %s %s\n", (int)row->order, row->version ? row->version : "-", row->file, row->type, row->checksum, row->applied_at);
    return true;
}

static bool see_run(void *user, const struct run_row *row)
{
    struct reading *r = user;
    size_t len = strlen(r->runs);
    snprintf(r->runs + len, sizeof r->runs - len, "%s %s\n", row->process_id, row->file);
    return true;
}

static void history_of(struct db *db, struct reading *r)
{
    memset(r, 0, sizeof *r);
    r->good = driver->history_read(db, &r->table, see_row, r, &r->err) && driver->unfinished_read(db, see_run, r, &r->err);
}

struct how {
    enum db_mode mode;
    const char *user, *schema;
    int timeout_ms;
    bool plain; /* no question about TLS: one wait for an answer */
    bool link;  /* from far it is the link that takes long */
};

static void aim(struct pg_case *c, const struct pg_case *first, const struct how *how, int port, bool far)
{
    static struct sys sys;
    struct error err = { 0 };
    char url[300];
    sys = sys_real;
    sys.mono_ms = clock_look;
    pg_case_aim(c, first, NULL, 0);
    url_free(&c->url);
    snprintf(url, sizeof url, "postgresql://%s@127.0.0.1:%d%s?sslmode=%s&gssencmode=disable", how->user ? how->user : "postgres", port, strrchr(first->text, '/'), how->plain ? "disable" : "prefer");
    assert_true(url_parse(url, &c->url, &err));
    c->target.schema = how->schema;
    c->target.statement_timeout_ms = how->timeout_ms;
    c->target.history = true;
    c->target.sys = &sys;
    clock_says.looks = 0;
    clock_says.link_ms = far && how->link ? 10 : 0;
    clock_says.then_ms = far && !how->link ? 10 : 0;
}

static struct reading reading(const struct pg_case *first, const struct how *how, bool far)
{
    struct proxy *proxy = proxy_start(pg_server_port());
    struct pg_case c;
    struct reading r;
    if (how->timeout_ms > 0)
        proxy_set_latency(proxy, 300); /* what is sent in pieces counts as one */
    aim(&c, first, how, proxy_port(proxy), far);
    pg_case_connect(&c, how->mode);
    unsigned before = proxy_waits(proxy);
    history_of(c.db, &r);
    r.waits = proxy_waits(proxy) - before;
    pg_case_close(&c);
    proxy_stop(proxy);
    return r;
}

/* How often the server is waited for by who reads from far: nothing is asked any more, or something is. From near it is asked, but where nothing is there. How often exactly hangs on how what is sent falls into pieces. */
enum asked { NOTHING_MORE, SOMETHING };

/* Read from near and from far, on connections for looking and for runs; gives what was read for looking, from far. */
static struct reading alike(const struct pg_case *first, struct how how, enum asked asked)
{
    struct reading far = { 0 };
    for (int run = 1; run >= 0; run--) {
        how.mode = run ? DB_RUN : DB_LOOK;
        struct reading near = reading(first, &how, false);
        far = reading(first, &how, true);
        if (!near.good || !far.good)
            print_error("%s\n%s\n", near.err.message, far.err.message);
        assert_int_equal(far.good, near.good);
        assert_int_equal(far.table, near.table);
        assert_string_equal(far.rows, near.rows);
        assert_string_equal(far.runs, near.runs);
        assert_string_equal(far.err.message, near.err.message);
        print_message("%s: %u waits from near, %u from far\n", run ? "run" : "look", near.waits, far.waits);
        assert_int_equal(far.waits > 0, asked == SOMETHING);
        assert_int_equal(near.waits > 0, near.table || !near.good);
    }
    return far;
}

#define ROW(schema, version, checksum)                                                                                              \
    "INSERT INTO " schema "jetbase_migrations (version, description, filename, migration_type, applied_at, checksum) VALUES ('" version "', 'd', 'V" version \
    "__d.sql', 'VERSIONED', '2026-01-02 03:04:05.678', '" checksum "');"

static void one_wait_less(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    struct reading r = alike(&c, (struct how){ 0 }, NOTHING_MORE);
    assert_true(r.good && r.table);
    assert_string_equal(r.rows, "");
    pg_case_sql(&c, ROW("", "2", "b") ROW("", "1", "a"));
    r = alike(&c, (struct how){ 0 }, NOTHING_MORE);
    assert_int_equal(r.waits, 0);
    alike(&c, (struct how){ .plain = true }, SOMETHING); /* in its one wait the server began the session */
    alike(&c, (struct how){ .plain = true, .link = true }, NOTHING_MORE);
    assert_string_equal(r.rows, "1 2 V2__d.sql VERSIONED b 2026-01-02 03:04:05.678000\n2 1 V1__d.sql VERSIONED a 2026-01-02 03:04:05.678000\n");
    pg_case_close(&c);
}

/* Runs that are unfinished are looked at themselves, which is a question of its own. */
static void unfinished(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_open(&c);
    pg_case_sql(&c, "INSERT INTO jetbase_runs (process_id, host, pid, acquired_at, witness, file, no_transaction, started_statement)"
                    " VALUES ('0191d6f0-0000-7000-8000-000000000001', 'h', 1, now(), 'pg', 'V1__half.sql', true, 2)");
    assert_string_equal(alike(&c, (struct how){ 0 }, SOMETHING).runs, "0191d6f0-0000-7000-8000-000000000001 V1__half.sql\n");
    pg_case_sql(&c, "UPDATE jetbase_runs SET resolution = 'resolved'");
    assert_string_equal(alike(&c, (struct how){ 0 }, NOTHING_MORE).runs, "");
    pg_case_close(&c);
}

/* Where tables are missing, what was asked in vain changes nothing. */
static void without_tables(void **state)
{
    (void)state;
    struct pg_case c;
    pg_case_make(&c);
    struct reading r = alike(&c, (struct how){ 0 }, NOTHING_MORE);
    assert_true(r.good && !r.table);
    pg_case_connect(&c, DB_RUN);
    struct db_tables tables;
    struct error err = { 0 };
    assert_true(driver->tables_prepare(c.db, &tables, &err));
    pg_case_sql(&c, "DROP TABLE jetbase_runs;" ROW("", "1", "a"));
    r = alike(&c, (struct how){ 0 }, NOTHING_MORE);
    assert_true(r.table);
    assert_string_equal(r.rows, "1 1 V1__d.sql VERSIONED a 2026-01-02 03:04:05.678000\n");
    pg_case_sql(&c, "ALTER TABLE jetbase_migrations DROP COLUMN filename");
    r = alike(&c, (struct how){ 0 }, SOMETHING);
    assert_false(r.good);
    assert_non_null(strstr(r.err.message, "filename"));
    pg_case_close(&c);
}

/* Only the tables of the schema that counts are read: the one that is named, else the first of the search path that is there. */
static void schemas(void **state)
{
    (void)state;
    struct pg_case c, d;
    char sql[300];
    pg_case_open(&c);
    pg_case_sql(&c, ROW("public.", "1", "a") "CREATE SCHEMA \"App $1\"; CREATE SCHEMA bare; CREATE ROLE early_app LOGIN SUPERUSER");
    pg_case_aim(&d, &c, NULL, 0);
    d.target.schema = "App $1";
    pg_case_connect(&d, DB_RUN);
    struct db_tables tables;
    struct error err = { 0 };
    assert_true(driver->tables_prepare(d.db, &tables, &err));
    pg_case_close(&d);
    pg_case_sql(&c, ROW("\"App $1\".", "9", "x"));

    assert_non_null(strstr(alike(&c, (struct how){ 0 }, NOTHING_MORE).rows, "V1__"));
    assert_non_null(strstr(alike(&c, (struct how){ .schema = "App $1" }, NOTHING_MORE).rows, "V9__"));
    struct reading r = alike(&c, (struct how){ .schema = "bare" }, NOTHING_MORE);
    assert_true(r.good && !r.table);
    r = alike(&c, (struct how){ .schema = "not there" }, NOTHING_MORE);
    assert_true(r.good && !r.table);

    static const struct { const char *path, *rows; } paths[] = { { "nothing, \"App $1\", public", "V9__" }, { "public, \"App $1\"", "V1__" }, { "bare, public", NULL } };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snprintf(sql, sizeof sql, "ALTER ROLE early_app SET search_path = %s", paths[i].path);
        pg_case_sql(&c, sql);
        r = alike(&c, (struct how){ .user = "early_app" }, NOTHING_MORE);
        assert_int_equal(r.table, paths[i].rows != NULL);
        if (paths[i].rows)
            assert_non_null(strstr(r.rows, paths[i].rows));
    }
    pg_case_close(&c);
    pg_case_make(&c);
    pg_case_sql(&c, "DROP ROLE early_app");
    pg_case_close(&c);
}

/* Who may not read the runs reads the history; who may not read that either is told so. */
static void without_rights(void **state)
{
    (void)state;
    struct pg_case c;
    struct reading r;
    pg_case_open(&c);
    pg_case_sql(&c, ROW("", "1", "a") "CREATE ROLE early_reader LOGIN; GRANT SELECT ON jetbase_migrations, jetbase_lock TO early_reader; INSERT INTO jetbase_runs"
                    " (process_id, host, pid, acquired_at, witness, file, no_transaction, started_statement) VALUES ('x', 'h', 1, now(), 'pg', 'V1__half.sql', true, 2)");
    r = alike(&c, (struct how){ .user = "early_reader" }, NOTHING_MORE);
    assert_true(r.good && r.table);
    assert_int_equal(r.waits, 0);
    assert_string_equal(r.runs, "");
    pg_case_sql(&c, "REVOKE SELECT ON jetbase_migrations FROM early_reader");
    r = alike(&c, (struct how){ .user = "early_reader" }, NOTHING_MORE);
    assert_false(r.good);
    assert_string_equal(r.err.sqlstate, "42501");
    pg_case_sql(&c, "DROP OWNED BY early_reader; DROP ROLE early_reader");
    pg_case_close(&c);
}

/* Only what is read first, and at once, was asked for early: behind anything else it is asked again. */
static void of_this_moment(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct how run = { .mode = DB_RUN };
    struct reading r;
    struct proxy *proxy = proxy_start(pg_server_port());
    pg_case_open(&c);
    pg_case_sql(&c, ROW("", "1", "a"));
    for (int before = 0; before < 3; before++) {
        aim(&d, &c, &run, proxy_port(proxy), true);
        pg_case_connect(&d, DB_RUN);
        if (before == 0)
            pg_case_look(&d);
        else if (before == 1)
            history_of(d.db, &r);
        else
            clock_says.now_ms += 1001;
        pg_case_sql(&c, "UPDATE jetbase_migrations SET checksum = checksum || '+'");
        history_of(d.db, &r);
        assert_true(r.good);
        assert_non_null(strstr(r.rows, before == 0 ? " a+ " : before == 1 ? " a++ " : " a+++ "));
        pg_case_close(&d);
    }
    pg_case_close(&c);
    proxy_stop(proxy);
}

/* Behind a pooler the answer counts all the same, though who it is comes in the same message. */
static void behind_a_pooler(void **state)
{
    (void)state;
    struct pg_case c, d;
    struct reading r;
    struct proxy *proxy = proxy_start(pg_server_port());
    proxy_pose_as_pooler(proxy);
    pg_case_open(&c);
    pg_case_sql(&c, ROW("", "1", "a"));
    for (int run = 0; run < 2; run++) {
        aim(&d, &c, &(struct how){ .schema = "public" }, proxy_port(proxy), true);
        pg_case_connect(&d, run ? DB_RUN : DB_LOOK);
        assert_true(driver->about(d.db)->pooler);
        unsigned before = proxy_waits(proxy);
        history_of(d.db, &r);
        assert_true(r.good);
        assert_non_null(strstr(r.rows, "V1__"));
        assert_int_equal(proxy_waits(proxy) - before, 0);
        pg_case_close(&d);
    }
    pg_case_close(&c);
    proxy_stop(proxy);
}

/* A real pooler has one session for all: what somebody before has left in it is not taken for our table, and nothing of ours stays in it for who comes next. */
static void leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const names[] = { "lock_timeout", "statement_timeout", "search_path" };
    struct bouncer bouncer;
    struct pg_case c, d;
    struct reading r;
    char url[200];
    if (!bouncer_start(&bouncer, "transaction", 1)) {
        print_message("not run here: PgBouncer is not installed\n");
        skip();
    }
    pg_case_open(&c);
    pg_case_sql(&c, ROW("", "1", "a"));
    snprintf(url, sizeof url, "postgresql://postgres@127.0.0.1:%d%s", bouncer.port, strrchr(c.text, '/'));
    PGconn *first = PQconnectdb(url);
    PGresult *made = PQexec(first, "CREATE TEMP TABLE jetbase_migrations AS SELECT order_executed, '7' AS version, description, filename, checksum, migration_type, applied_at FROM jetbase_migrations");
    assert_string_equal(PQcmdTuples(made), "1");
    PQclear(made);
    PQfinish(first);
    for (int run = 0; run < 2; run++) {
        aim(&d, &c, &(struct how){ .schema = run ? "public" : NULL }, bouncer.port, true);
        pg_case_connect(&d, run ? DB_RUN : DB_LOOK);
        history_of(d.db, &r);
        assert_true(r.good);
        assert_string_equal(r.rows, "1 1 V1__d.sql VERSIONED a 2026-01-02 03:04:05.678000\n");
        pg_case_close(&d);
        PGconn *next = PQconnectdb(url);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            PGresult *now = PQexecParams(next, "SELECT setting = reset_val, source FROM pg_settings WHERE name = $1", 1, NULL, &names[i], NULL, NULL, 0);
            assert_int_equal(PQntuples(now), 1);
            assert_string_equal(PQgetvalue(now, 0, 0), "t");
            assert_string_not_equal(PQgetvalue(now, 0, 1), "session");
            PQclear(now);
        }
        PQfinish(next);
    }
    pg_case_close(&c);
    bouncer_stop(&bouncer);
}

/* A table that somebody keeps locked is waited for once, and what is said of it is what is said else. */
static void locked(void **state)
{
    (void)state;
    struct pg_case c, holder;
    pg_case_open(&c);
    pg_case_join(&holder, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&holder);
    pg_case_submit(&holder, 1, (const char *const[]){ "LOCK TABLE jetbase_migrations", NULL });
    assert_int_equal(pg_case_answers(&holder).bad, 0);
    struct how look = { .mode = DB_LOOK, .timeout_ms = 1000 };
    struct reading near = reading(&c, &look, false), far = reading(&c, &look, true);
    assert_false(near.good || far.good);
    assert_string_equal(far.err.message, near.err.message);
    assert_string_equal(far.err.sqlstate, near.err.sqlstate);
    assert_non_null(strstr(far.err.message, "history"));
    assert_true(far.waits < near.waits);
    pg_case_close(&holder);
    pg_case_close(&c);
}

struct opening {
    struct pg_case *c;
    bool open;
    struct error err;
};

static void *open_beside(void *at)
{
    struct opening *o = at;
    o->open = driver->open(&o->c->target, DB_LOOK, &o->c->db, &o->err);
    return NULL;
}

/* A wish to stop ends the wait for a locked table, long before its time is over. */
static void stopped(void **state)
{
    (void)state;
    static const char waiting[] = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jetbase_migrations'::regclass";
    struct pg_case c, d, holder;
    struct opening o = { .c = &d };
    pthread_t thread;
    int wake[2];
    struct proxy *proxy = proxy_start(pg_server_port());
    pg_case_open(&c);
    pg_case_join(&holder, &c, DB_RUN, NULL, 0);
    pg_case_acquire(&holder);
    pg_case_submit(&holder, 1, (const char *const[]){ "LOCK TABLE jetbase_migrations", NULL });
    assert_int_equal(pg_case_answers(&holder).bad, 0);
    assert_int_equal(pipe(wake), 0);
    aim(&d, &c, &(struct how){ .timeout_ms = 120000 }, proxy_port(proxy), true);
    d.target.wake_fd = wake[0];
    assert_int_equal(pthread_create(&thread, NULL, open_beside, &o), 0);
    pg_case_until(&c, waiting, 1);
    atomic_store(&d.stop, 1);
    assert_int_equal(write(wake[1], "x", 1), 1);
    pg_case_until(&c, waiting, 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(o.open);
    assert_int_equal(o.err.code, ERR_CANCELLED);
    assert_null(d.db);
    close(wake[0]);
    close(wake[1]);
    url_free(&d.url);
    pg_case_close(&holder);
    pg_case_close(&c);
    proxy_stop(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_wait_less), cmocka_unit_test(unfinished), cmocka_unit_test(without_tables), cmocka_unit_test(schemas), cmocka_unit_test(without_rights),
        cmocka_unit_test(of_this_moment), cmocka_unit_test(behind_a_pooler), cmocka_unit_test(leaves_nothing_behind), cmocka_unit_test(locked), cmocka_unit_test(stopped),
    };
    return cmocka_run_group_tests_name("pg_early", tests, NULL, NULL);
}
