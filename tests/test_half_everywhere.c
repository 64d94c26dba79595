/* test_half_everywhere.c: a file of five statements outside a transaction dies, is stopped or loses its connection at each of them: what is said afterwards is compared with what is in the database, and each of the three ways out ends right.
 * In one round each death at each statement takes one of the ways out; ROUNDS=3 takes them all. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>

#include "support/pg_server.h"
#include "support/proxy.h"
#endif

#include "support/outside.h"

enum { FIVE = OUTSIDE_STATEMENTS };
enum way_out { OUT_FROM, OUT_APPLIED, OUT_ROLLED_BACK, OUT_WAYS };

/* How a run dies at statement k. */
enum death {
    KILLED_UNSENT,    /* marked as started, not sent */
    KILLED_RUNNING,
    KILLED_UNMARKED,  /* done, not marked as done */
    KILLED_MARKED,
    INTERRUPTED,      /* SIGINT while it runs */
    TERMINATED,       /* SIGTERM while it runs */
    SESSION_ENDED,    /* PostgreSQL, and those below: by somebody, while it runs */
    CUT_QUESTION,     /* the server never gets it */
    CUT_ANSWER,       /* the client never hears of its end */
    CUT_SILENTLY,     /* the client is gone while it runs, the server does not see it */
    DEATHS
};

/* The file: with a transaction of its own in the middle, or without. */
struct five {
    const char *sql[FIVE], *tag[FIVE]; /* tag: the server's word for its end */
    int block_begin, block_end;        /* 0: none */
};
static const struct five plain = { { "INSERT INTO log VALUES (1)", "INSERT INTO log VALUES (2)", "CREATE INDEX CONCURRENTLY log_n ON log (n)", "INSERT INTO log VALUES (4)", "INSERT INTO log VALUES (5)" },
                                   { "INSERT 0 1", "INSERT 0 1", "CREATE INDEX", "INSERT 0 1", "INSERT 0 1" }, 0, 0 };
static const struct five block = { { "INSERT INTO log VALUES (1)", "BEGIN", "INSERT INTO log VALUES (3)", "COMMIT", "INSERT INTO log VALUES (5)" },
                                   { "INSERT 0 1", "BEGIN", "INSERT 0 1", "COMMIT", "INSERT 0 1" }, 2, 4 };

struct trial {
    struct sandbox sb;
    const struct five *five;
    enum death death;
    int k;
    bool real[FIVE + 1];   /* what is in the database of statement 1 to 5 */
    bool invalid;          /* an invalid index is */
};

static bool postgres(const struct trial *t)
{
    return t->sb.kind == SANDBOX_POSTGRES;
}

/* SQLite has no CONCURRENTLY; what is to be met while it runs never ends there. */
static const char *statement(const struct trial *t, int i, bool endless)
{
    const char *sql = t->five->sql[i - 1];
    if (!postgres(t) && endless && i == t->k)
        return "INSERT INTO log WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 0";
    return !postgres(t) && strstr(sql, "CONCURRENTLY") ? "CREATE INDEX log_n ON log (n)" : sql;
}

static void write_file(const struct trial *t, bool endless)
{
    sandbox_file(&t->sb, "V2__five.sql", "-- jetbase: no-transaction\n%s;\n%s;\n%s;\n%s;\n%s;\n", statement(t, 1, endless), statement(t, 2, endless), statement(t, 3, endless), statement(t, 4, endless),
                 statement(t, 5, endless));
}

/* Does it leave something that can be looked at? */
static bool leaves(const struct trial *t, int i)
{
    return i != t->five->block_begin && i != t->five->block_end;
}

static bool builds_index(const struct trial *t, int i)
{
    return strstr(t->five->sql[i - 1], "INDEX") != NULL;
}

/* What is really there; twice is never right. */
static void look(struct trial *t)
{
    for (int i = 1; i <= FIVE; i++) {
        char sql[200];
        if (builds_index(t, i))
            snprintf(sql, sizeof sql, postgres(t) ? "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('log_n') AND indisvalid" : "SELECT count(*) FROM sqlite_master WHERE name = 'log_n'");
        else
            snprintf(sql, sizeof sql, "SELECT count(*) FROM log WHERE n = %d", i);
        int64_t there = leaves(t, i) ? sandbox_number(&t->sb, sql) : 0;
        assert_in_range(there, 0, 1);
        t->real[i] = there == 1;
    }
    t->invalid = postgres(t) && sandbox_number(&t->sb, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") > 0;
}

/* ---- dying ---- */

static void start(struct trial *t, struct process *p, const char *point, const char *action)
{
    char set[60];
    snprintf(set, sizeof set, "%s:%d=%s", point, t->k, action);
    sandbox_start(&t->sb, p, true, set, (const char *const[]){ "upgrade", NULL });
}

#ifdef JETBASE_POSTGRES
static void gate_run(PGconn *gate, const char *sql)
{
    PGresult *res = PQexec(gate, sql);
    assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
    PQclear(res);
}

/* Something that statement k waits for: an index build for whoever has written before it, an INSERT for a lock. */
static PGconn *gate_close(const struct trial *t)
{
    PGconn *gate = PQconnectdb(t->sb.conninfo);
    assert_int_equal(PQstatus(gate), CONNECTION_OK);
    gate_run(gate, "BEGIN");
    gate_run(gate, builds_index(t, t->k) ? "INSERT INTO log VALUES (0)" : "LOCK TABLE log IN SHARE MODE");
    return gate;
}

static void gate_open(PGconn *gate)
{
    gate_run(gate, "ROLLBACK");
    PQfinish(gate);
}

#define WAITS "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'jetbase%' AND state = 'active' AND wait_event_type = 'Lock'"

static void die_running_postgres(struct trial *t, struct process *p)
{
    PGconn *gate;
    start(t, p, "started", "stop");
    assert_true(process_wait_stopped(p));
    gate = gate_close(t);
    kill(p->pid, SIGCONT);
    outside_until(&t->sb, "SELECT count(*) FROM " WAITS, 1);
    if (t->death == SESSION_ENDED)
        sandbox_sql(&t->sb, "SELECT pg_terminate_backend(pid) FROM " WAITS);
    else if (t->death != CUT_SILENTLY)
        kill(p->pid, t->death == INTERRUPTED ? SIGINT : t->death == TERMINATED ? SIGTERM : SIGKILL);
    process_wait(p);
    gate_open(gate);
}

/* Through a proxy that cuts; its port is in the variable while the run lasts. */
static void die_cut(struct trial *t, struct process *p)
{
    struct proxy *proxy = proxy_start(pg_server_port());
    char before[sizeof t->sb.variable], after[60];
    PGconn *gate = NULL;
    memcpy(before, t->sb.variable, sizeof before);
    snprintf(t->sb.variable, sizeof t->sb.variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(proxy), strrchr(t->sb.url, '/'));
    start(t, p, "started", "stop");
    assert_true(process_wait_stopped(p));
    snprintf(after, sizeof after, "%s", statement(t, t->k, false));
    if (t->death == CUT_SILENTLY) {
        gate = gate_close(t);
        proxy_cut_silently(proxy);
    }
    if (t->death == CUT_ANSWER)
        proxy_cut(proxy, PROXY_SERVER, after, t->five->tag[t->k - 1], 1);
    else
        proxy_cut(proxy, PROXY_CLIENT, NULL, after, 1);
    kill(p->pid, SIGCONT);
    process_wait(p);
    if (gate)
        gate_open(gate);
    assert_int_equal(proxy_cuts(proxy), 1);
    proxy_stop(proxy);
    memcpy(t->sb.variable, before, sizeof before);
}
#endif

static void die_running(struct trial *t, struct process *p)
{
    char sql[120];
#ifdef JETBASE_POSTGRES
    if (postgres(t)) {
        die_running_postgres(t, p);
        return;
    }
#endif
    snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_runs WHERE started_statement = %d", t->k > t->five->block_begin && t->k <= t->five->block_end ? t->five->block_begin : t->k);
    start(t, p, "started", "stop");
    assert_true(process_wait_stopped(p));
    assert_int_equal(sandbox_number(&t->sb, sql), 1);
    kill(p->pid, SIGCONT);
    kill(p->pid, t->death == INTERRUPTED ? SIGINT : t->death == TERMINATED ? SIGTERM : SIGKILL);
    process_wait(p);
}

static int wanted_exit(enum death death)
{
    static const int signals[DEATHS] = { [KILLED_UNSENT] = SIGKILL, [KILLED_RUNNING] = SIGKILL, [KILLED_UNMARKED] = SIGKILL, [KILLED_MARKED] = SIGKILL, [INTERRUPTED] = SIGINT, [TERMINATED] = SIGTERM };
    return signals[death] ? 128 + signals[death] : 6;
}

/* Runs it into its death. A client that outlived it has said what it knew: said is that, or "". */
static void die(struct trial *t, char *said, size_t size)
{
    struct process p;
    switch (t->death) {
    case KILLED_UNSENT:
    case KILLED_UNMARKED:
    case KILLED_MARKED:
        start(t, &p, t->death == KILLED_UNSENT ? "started" : t->death == KILLED_UNMARKED ? "statement" : "done", "kill");
        process_wait(&p);
        break;
#ifdef JETBASE_POSTGRES
    case CUT_QUESTION:
    case CUT_ANSWER:
    case CUT_SILENTLY:
        die_cut(t, &p);
        break;
#endif
    default:
        die_running(t, &p);
    }
    if (p.exit != wanted_exit(t->death))
        print_error("death %d at statement %d: exit %d\n%s%s", (int)t->death, t->k, p.exit, p.out, p.err);
    assert_int_equal(p.exit, wanted_exit(t->death));
    snprintf(said, size, "%s", p.err);
    process_free(&p);
    outside_until_dead(&t->sb);
    write_file(t, false);
}

/* ---- what is said ---- */

static void wanted_numbers(const struct trial *t, int *done, int *started)
{
    bool marked = t->death == KILLED_MARKED, unmarked = t->death == KILLED_UNMARKED || t->death == CUT_ANSWER;
    int begin = t->five->block_begin, end = t->five->block_end;
    *started = t->k;
    *done = marked ? t->k : t->k - 1;
    if (begin == 0 || t->k < begin || t->k > end)
        return;
    *started = begin;
    *done = begin - 1;
    if (t->k == end && (marked || unmarked))
        *done = *started = end;
}

static void words_of(int done, int started, char *to, size_t size)
{
    size_t len = 0;
    to[0] = '\0';
    if (done >= FIVE) {
        snprintf(to, size, "all 5 statements are done");
        return;
    }
    const struct { int first, last; const char *one, *many; } parts[] = { { 1, done, "is done", "are done" }, { done + 1, started, "may have run", "may have run" }, { started + 1, FIVE, "was not run", "were not run" } };
    for (size_t i = 0; i < 3; i++) {
        const char *comma = len ? ", " : "";
        if (parts[i].first == parts[i].last)
            len += (size_t)snprintf(to + len, size - len, "%sstatement %d %s", comma, parts[i].first, parts[i].one);
        else if (parts[i].first < parts[i].last)
            len += (size_t)snprintf(to + len, size - len, "%sstatements %d %s %d %s", comma, parts[i].first, parts[i].last == parts[i].first + 1 ? "and" : "to", parts[i].last, parts[i].many);
    }
}

/* Never done where it is not there, never not run where it is. */
static void check_inspection(const struct trial *t, int done, int started)
{
    json_t *look = run_json(&t->sb, "resolve 2 --json", 0), *list = json_object_get(look, "list");
    assert_int_equal(json_integer_value(json_object_get(look, "done")), done);
    assert_int_equal(json_integer_value(json_object_get(look, "started")), started);
    assert_true(json_is_false(json_object_get(look, "changed")));
    assert_int_equal(json_array_size(list), FIVE);
    for (int i = 1; i <= FIVE; i++) {
        const char *state = json_string_value(json_object_get(json_array_get(list, (size_t)i - 1), "state"));
        assert_string_equal(state, i <= done ? "done" : i <= started ? "may have run" : "not run");
        if (leaves(t, i) && strcmp(state, "may have run") != 0 && (strcmp(state, "done") == 0) != t->real[i])
            fail_msg("death %d at statement %d: statement %d is called %s, and is%s in the database", (int)t->death, t->k, i, state, t->real[i] ? "" : " not");
    }
    assert_int_equal(json_array_size(json_object_get(look, "invalid_indexes")), t->invalid ? 1 : 0);
    json_decref(look);
    run_has(&t->sb, "resolve 2", 0, t->invalid ? "Invalid index: public.log_n on public.log" : "The ways out", "");
}

static void check_words(struct trial *t, const char *said)
{
    char words[200], line[300];
    int done, started;
    wanted_numbers(t, &done, &started);
    words_of(done, started, words, sizeof words);
    snprintf(line, sizeof line, "V2__five.sql is half applied: %s", words);
    look(t);
    run_has(&t->sb, "status", 0, NULL, line);
    if (wanted_exit(t->death) != 128 + SIGKILL) {
        if (!strstr(said, line))
            print_error("%s\n[said]\n%s", line, said);
        assert_non_null(strstr(said, line));
        assert_true(!t->invalid || strstr(said, "Invalid index in the database: public.log_n on public.log"));
    }
    json_t *status = run_json(&t->sb, "status --json", 0), *lock = run_json(&t->sb, "lock-status --json", 0);
    assert_string_equal(run_text(status, "pending.0.file"), "V2__five.sql");
    assert_string_equal(run_text(status, "pending.0.why"), "half-applied");
    assert_int_equal(json_array_size(json_object_get(status, "applied")), 0);
    if (json_is_true(json_object_get(lock, "locked")))
        assert_string_equal(run_text(lock, "verdict"), "dead");
    else
        assert_int_not_equal(wanted_exit(t->death), 128 + SIGKILL);
    json_t *runs = run_json(&t->sb, "runs --json", 0), *run = json_array_get(json_object_get(runs, "runs"), 0);
    assert_string_equal(run_text(run, "file"), "V2__five.sql");
    assert_int_equal(json_integer_value(json_object_get(run, "started_statement")), started);
    assert_int_equal(json_integer_value(json_object_get(run, "done_statement")), done);
    assert_true(json_is_null(json_object_get(run, "resolution")));
    json_decref(status);
    json_decref(lock);
    json_decref(runs);
    check_inspection(t, done, started);
    run_has(&t->sb, "upgrade --take-over-dead", 5, NULL, line);
    assert_int_equal(outside_applied(&t->sb, "2"), 0);
}

/* ---- the ways out ---- */

/* The first statement that is not there; where it stands in a transaction, that one's BEGIN. */
static int next_one(const struct trial *t)
{
    for (int i = 1; i <= FIVE; i++)
        if (leaves(t, i) && !t->real[i])
            return t->five->block_begin && i > t->five->block_begin && i < t->five->block_end ? t->five->block_begin : i;
    return FIVE + 1;
}

static void finish_by_hand(const struct trial *t)
{
    for (int i = 1; i <= FIVE; i++)
        if (leaves(t, i) && !t->real[i])
            sandbox_sql(&t->sb, statement(t, i, false));
}

static void get_out(struct trial *t, enum way_out out)
{
    char line[100] = "resolve 2 --take-over-dead --mark-applied";
    int next = next_one(t);
    if (t->invalid)
        sandbox_sql(&t->sb, "DROP INDEX log_n");
    if (out == OUT_FROM && next <= FIVE) {
        snprintf(line, sizeof line, "resolve 2 --take-over-dead --from %d", next);
    } else if (out == OUT_ROLLED_BACK) {
        sandbox_sql(&t->sb, "DELETE FROM log");
        if (postgres(t))
            sandbox_sql(&t->sb, "SET client_min_messages = warning; DROP INDEX IF EXISTS log_n");
        else
            sandbox_sql(&t->sb, "DROP INDEX IF EXISTS log_n");
        snprintf(line, sizeof line, "resolve 2 --take-over-dead --mark-rolled-back");
    } else {
        finish_by_hand(t);
    }
    run_has(&t->sb, line, 0, "V2__five.sql", "");
    look(t);
    assert_int_equal(outside_applied(&t->sb, "2"), out != OUT_ROLLED_BACK);
    assert_int_equal(next_one(t), out == OUT_ROLLED_BACK ? 1 : FIVE + 1);
    run_has(&t->sb, "resolve 2", 5, "", "not half applied");
    assert_int_equal(sandbox_number(&t->sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    run_has(&t->sb, "upgrade", 0, "applied successfully: V3__next.sql", "");
    look(t);
    assert_int_equal(next_one(t), FIVE + 1);
    assert_int_equal(outside_applied(&t->sb, "2") + outside_applied(&t->sb, "3"), 2);
    assert_int_equal(sandbox_number(&t->sb, "SELECT count(*) FROM log"), t->five == &plain ? 5 : 4);
}

static void one_trial(enum sandbox_kind kind, const struct five *five, enum death death, int k, enum way_out out)
{
    struct trial t = { .five = five, .death = death, .k = k };
    char said[4096];
    sandbox_open(&t.sb, kind);
    sandbox_sql(&t.sb, "CREATE TABLE log (n int)");
    write_file(&t, death == KILLED_RUNNING || death == INTERRUPTED || death == TERMINATED);
    sandbox_file(&t.sb, "V3__next.sql", "INSERT INTO log VALUES (6);\n");
    die(&t, said, sizeof said);
    check_words(&t, said);
    get_out(&t, out);
    sandbox_close(&t.sb);
}

/* Can it be met there? BEGIN and COMMIT wait for nothing, and their words are also those of the marks. What stands before and behind them is in one round met in the file without them. */
static bool possible(const struct five *five, enum death death, int k, long rounds)
{
    bool fixed = death == KILLED_UNSENT || death == KILLED_UNMARKED || death == KILLED_MARKED, inside = k > five->block_begin && k < five->block_end;
    return fixed || five->block_begin == 0 || inside || (rounds > 1 && k != five->block_begin && k != five->block_end);
}

static void everywhere(enum sandbox_kind kind, const struct five *five, enum death first, enum death last)
{
    long rounds = sandbox_setting("ROUNDS", 1);
    for (int death = (int)first; death <= (int)last; death++)
        for (int k = 1; k <= FIVE; k++)
            for (int round = 0; round < rounds && round < OUT_WAYS && possible(five, (enum death)death, k, rounds); round++)
                one_trial(kind, five, (enum death)death, k, (enum way_out)((k + death + round) % OUT_WAYS));
}

static void killed(enum sandbox_kind kind)
{
    everywhere(kind, &plain, KILLED_UNSENT, KILLED_MARKED);
}

static void stopped(enum sandbox_kind kind)
{
    everywhere(kind, &plain, INTERRUPTED, TERMINATED);
}

static void disconnected(enum sandbox_kind kind)
{
    if (kind == SANDBOX_POSTGRES)
        everywhere(kind, &plain, SESSION_ENDED, CUT_SILENTLY);
}

static void in_its_own_transaction(enum sandbox_kind kind)
{
    everywhere(kind, &block, KILLED_UNSENT, kind == SANDBOX_POSTGRES ? CUT_SILENTLY : TERMINATED);
}

int main(void)
{
    static const struct run_case tests[] = { RUN_TEST(killed), RUN_TEST(stopped), RUN_TEST(disconnected), RUN_TEST(in_its_own_transaction) };
    return run_group("half_everywhere", tests, sizeof tests / sizeof *tests);
}
