/* pg_case.c: a connection of the PostgreSQL driver on a fresh database, one run on it, and an oracle beside it. */
#include "pg_case.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_server.h"
#include "text.h"

enum { FILES = 256, POLLS = 3000, POLL_MS = 10 };

static const struct db_driver *const driver = &db_postgres;

void pg_case_make(struct pg_case *c)
{
    memset(c, 0, sizeof *c);
    pg_server_new_database(c->text, sizeof c->text);
    pg_case_aim(c, NULL, NULL, 0);
}

void pg_case_aim(struct pg_case *c, const struct pg_case *first, const char *user, int port)
{
    struct error err = { 0 };
    char text[600];
    if (first) {
        memset(c, 0, sizeof *c);
        memcpy(c->text, first->text, sizeof c->text);
    }
    snprintf(text, sizeof text, "postgresql://%s@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", user ? user : "postgres", port ? port : pg_server_port(), strrchr(c->text, '/'));
    if (!url_parse(text, &c->url, &err))
        fail_msg("%s", err.message);
    c->target = (struct db_target){ .url = &c->url, .sys = &sys_real, .stop = &c->stop, .wake_fd = -1 };
}

void pg_case_connect(struct pg_case *c, enum db_mode mode)
{
    struct error err = { 0 };
    if (!driver->open(&c->target, mode, &c->db, &err))
        fail_msg("%s", err.message);
}

void pg_case_join(struct pg_case *c, const struct pg_case *first, enum db_mode mode, const char *user, int port)
{
    pg_case_aim(c, first, user, port);
    pg_case_connect(c, mode);
}

void pg_case_open(struct pg_case *c)
{
    struct db_tables tables;
    struct error err = { 0 };
    pg_case_make(c);
    pg_case_connect(c, DB_RUN);
    if (!driver->tables_prepare(c->db, &tables, &err))
        fail_msg("%s", err.message);
}

void pg_case_close(struct pg_case *c)
{
    driver->close(c->db);
    url_free(&c->url);
    c->db = NULL;
}

static void new_run(struct pg_case *c)
{
    struct error err = { 0 };
    assert_true(sys_uuid(&sys_real, c->id));
    if (!driver->witness_take(c->db, c->id, c->witness, &err))
        fail_msg("%s", err.message);
    memset(&c->run, 0, sizeof c->run);
    text_copy(c->run.process_id, sizeof c->run.process_id, c->id);
    text_copy(c->run.host, sizeof c->run.host, "testhost");
    text_copy(c->run.os_user, sizeof c->run.os_user, "tester");
    text_copy(c->run.program, sizeof c->run.program, "jetbase test");
    text_copy(c->run.command, sizeof c->run.command, "upgrade");
    text_copy(c->run.file, sizeof c->run.file, "V1__one.sql");
    text_copy(c->run.witness, sizeof c->run.witness, c->witness);
    c->run.pid = sys_real.pid();
    c->run.session_pid = driver->about(c->db)->session_pid;
    c->run.statements = 3;
}

enum db_change pg_case_try(struct pg_case *c)
{
    struct error err = { 0 };
    new_run(c);
    struct db_lock_change change = { .kind = CHANGE_ACQUIRE, .run = &c->run, .timeout_ms = 3000 };
    enum db_change got = driver->lock_change(c->db, &change, &err);
    if (got == CHANGE_FAILED)
        print_error("%s\n", err.message);
    return got;
}

void pg_case_acquire(struct pg_case *c)
{
    assert_int_equal(pg_case_try(c), CHANGE_DONE);
}

enum db_change pg_case_change(struct pg_case *c, enum db_change_kind kind, const char *from, bool prove_dead)
{
    struct error err = { 0 };
    struct db_lock_change change = { .kind = kind, .from = from, .prove_dead = prove_dead, .by = "tester@testhost", .reason = "because", .outcome = RUN_OK, .timeout_ms = 300 };
    if (kind == CHANGE_TAKE_OVER) {
        new_run(c);
        change.run = &c->run;
    }
    enum db_change got = driver->lock_change(c->db, &change, &err);
    if (got == CHANGE_FAILED)
        print_error("%s\n", err.message);
    return got;
}

/* Records live until their answers are read: one for each number. */
static struct db_record records[FILES];
static char names[FILES][2][64];

static void submit(struct pg_case *c, struct db_step step)
{
    struct error err = { 0 };
    step.process_id = c->id;
    step.has_run = true;
    if (!driver->submit(c->db, &step, &err))
        print_error("not submitted: %s\n", err.message);
}

void pg_case_submit(struct pg_case *c, uint32_t number, const char *const *statements)
{
    uint32_t i = number % FILES;
    char *version = names[i][0], *file = names[i][1];
    snprintf(version, sizeof names[i][0], "%u", number);
    snprintf(file, sizeof names[i][1], "V%u__it.sql", number);
    records[i] = (struct db_record){ .kind = RECORD_INSERT, .version = version, .description = "it", .file = file, .type = "VERSIONED", .checksum = "c", .expect_rows = 1, .last_done = file };
    submit(c, (struct db_step){ .kind = STEP_HEAD, .migration = number, .application = file });
    for (uint32_t n = 0; statements[n]; n++) {
        struct db_step step = { .kind = STEP_SQL, .migration = number, .statement = n + 1, .sql = statements[n], .len = strlen(statements[n]), .at = { .line = 10 * (n + 1), .column = 3 } };
        text_copy(step.at.file, sizeof step.at.file, file);
        submit(c, step);
    }
    submit(c, (struct db_step){ .kind = STEP_RESET, .migration = number });
    submit(c, (struct db_step){ .kind = STEP_FENCE, .migration = number });
    submit(c, (struct db_step){ .kind = STEP_RECORD, .migration = number, .record = &records[i] });
}

void pg_case_commit(struct pg_case *c, uint32_t number)
{
    submit(c, (struct db_step){ .kind = STEP_COMMIT, .migration = number });
}

void pg_case_barrier(struct pg_case *c)
{
    submit(c, (struct db_step){ .kind = STEP_BARRIER });
}

struct pg_answers pg_case_answers(struct pg_case *c)
{
    struct pg_answers a = { 0 };
    struct db_result r;
    struct error err = { 0 };
    for (;;) {
        a.end = driver->next(c->db, -1, &r, &err);
        if (a.end == DB_TIMEOUT)
            continue;
        if (a.end != DB_RESULT)
            break;
        a.results++;
        a.skipped += r.skipped;
        a.committed |= r.ok && r.kind == STEP_COMMIT;
        if (r.ok && r.kind == STEP_SQL)
            a.done = (int)r.statement;
        if (!r.ok && !r.skipped && a.bad++ == 0) {
            a.first_bad = r;
            a.err = err;
        }
    }
    if (a.end == DB_DOWN)
        a.err = err;
    return a;
}

struct pg_answers pg_case_migrate(struct pg_case *c, uint32_t number, const char *const *statements)
{
    struct error err = { 0 };
    pg_case_submit(c, number, statements);
    struct pg_answers a = pg_case_answers(c);
    if (a.end == DB_DRAINED && a.bad == 0) {
        pg_case_commit(c, number);
        pg_case_barrier(c);
        a = pg_case_answers(c);
    }
    if (a.end == DB_DRAINED && a.bad > 0 && !driver->rollback(c->db, &err))
        fail_msg("%s", err.message);
    return a;
}

static void say_nothing(void *arg, const PGresult *res)
{
    (void)arg, (void)res;
}

static PGresult *ask(const struct pg_case *c, const char *sql)
{
    PGconn *conn = PQconnectdb(c->text);
    PQsetNoticeReceiver(conn, say_nothing, NULL);
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQfinish(conn);
    return res;
}

void pg_case_sql(const struct pg_case *c, const char *sql)
{
    PQclear(ask(c, sql));
}

long pg_case_number(const struct pg_case *c, const char *sql)
{
    PGresult *res = ask(c, sql);
    long number = PQntuples(res) > 0 && !PQgetisnull(res, 0, 0) ? strtol(PQgetvalue(res, 0, 0), NULL, 10) : -1;
    PQclear(res);
    return number;
}

struct db_lock_row pg_case_look(struct pg_case *c)
{
    struct db_lock_row row;
    struct error err = { 0 };
    if (!driver->lock_read(c->db, &row, &err))
        fail_msg("%s", err.message);
    return row;
}

void pg_case_until(const struct pg_case *c, const char *sql, long wanted)
{
    for (int i = 0; i < POLLS; i++) {
        if (pg_case_number(c, sql) == wanted)
            return;
        sys_real.sleep_ms(POLL_MS);
    }
    fail_msg("never %ld: %s", wanted, sql);
}
