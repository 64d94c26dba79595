/* test_half_beside.c: a statement outside a transaction runs on after its client was killed, its connection cut or its lock forced: nobody starts beside it, ever, by whatever way it is tried. ROUNDS and SEED may be set. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>

#include "support/pg_server.h"
#include "support/proxy.h"
#endif

#include "support/outside.h"

enum { ROUNDS_USUAL = 10, TRIES = 4 };

#ifdef JETBASE_POSTGRES
/* What happens to the run while its statement runs. */
enum blow { BLOW_KILLED, BLOW_CUT, BLOW_FORCED, BLOW_FORCED_KILLED, BLOW_FORCED_CUT, BLOWS };
static const char *const blows[BLOWS] = { "client killed", "connection cut, unseen by the server", "lock forced", "lock forced, client killed", "lock forced, connection cut" };

/* Whoever tries to start meanwhile. Each must be refused: by the lock, or because the statement runs. What is let in all the same would wait for the gate: the timeout ends it. */
static const char *const tries[] = { "upgrade --statement-timeout 3s", "upgrade --take-over-dead --statement-timeout 3s", "rollback --statement-timeout 3s", "resolve 2 --from 1 --statement-timeout 3s", "resolve 2 --take-over-dead --from 1 --statement-timeout 3s", "resolve 2 --mark-applied", "resolve 2 --mark-rolled-back", "unlock --if-dead" };

#define RUNS_ON "pg_stat_activity WHERE datname = current_database() AND query LIKE '%log_n%' AND query NOT LIKE '%pg_stat_activity%' AND state = 'active'"
/* Changes with a run, a mark, an unlock. */
#define BEGUN "SELECT count(*) + count(resolution) + count(outcome) + (SELECT count(*) FROM jetbase_lock WHERE is_locked) + (SELECT count(*) FROM jetbase_migrations) FROM jetbase_runs"

static unsigned tried;

struct scene {
    struct sandbox sb;
    struct process p;
    struct proxy *proxy;
    PGconn *gate;
    bool index;
    enum blow blow;
};

static void gate_run(PGconn *gate, const char *sql)
{
    PGresult *res = PQexec(gate, sql);
    assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
    PQclear(res);
}

/* A build that waits for a writer, or a function that sleeps for a lock: both run until the gate is opened. */
static void begin(struct scene *s)
{
    sandbox_open(&s->sb, SANDBOX_POSTGRES);
    s->proxy = proxy_start(pg_server_port());
    sandbox_file(&s->sb, "V1__a.sql", "CREATE TABLE log (n int);\n-- rollback\nDROP TABLE log;\n");
    assert_int_equal(sandbox_run(&s->sb, NULL, (const char *const[]){ "upgrade", NULL }), 0);
    sandbox_file(&s->sb, "V2__b.sql", s->index ? "-- jetbase: no-transaction\nCREATE INDEX CONCURRENTLY log_n ON log (n);\nINSERT INTO log VALUES (2);\n"
                                               : "-- jetbase: no-transaction\nINSERT INTO log SELECT 1 AS log_n FROM pg_advisory_lock(4711);\nINSERT INTO log VALUES (2);\n");
    s->gate = PQconnectdb(s->sb.conninfo);
    assert_int_equal(PQstatus(s->gate), CONNECTION_OK);
    gate_run(s->gate, "BEGIN");
    gate_run(s->gate, s->index ? "INSERT INTO log VALUES (0)" : "DO $$ BEGIN PERFORM pg_advisory_lock(4711); END $$");
}

static void start(struct scene *s)
{
    char before[sizeof s->sb.variable];
    memcpy(before, s->sb.variable, sizeof before);
    snprintf(s->sb.variable, sizeof s->sb.variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(s->proxy), strrchr(s->sb.url, '/'));
    sandbox_start(&s->sb, &s->p, false, NULL, (const char *const[]){ "upgrade", NULL });
    memcpy(s->sb.variable, before, sizeof before);
    outside_until(&s->sb, "SELECT count(*) FROM " RUNS_ON " AND wait_event_type = 'Lock'", 1);
}

static void strike(struct scene *s)
{
    bool forced = s->blow == BLOW_FORCED || s->blow == BLOW_FORCED_KILLED || s->blow == BLOW_FORCED_CUT;
    if (forced)
        run_has(&s->sb, "unlock", 0, "Unlock successful.", "outside a transaction may go on");
    if (s->blow == BLOW_KILLED || s->blow == BLOW_FORCED_KILLED) {
        proxy_keep_server(s->proxy); /* which looks for its client every two seconds, and may do so any moment */
        kill(s->p.pid, SIGKILL);
        process_wait(&s->p);
    } else if (s->blow == BLOW_CUT || s->blow == BLOW_FORCED_CUT) {
        if (!forced) { /* it would end its own session at once */
            kill(s->p.pid, SIGSTOP);
            assert_true(process_wait_stopped(&s->p));
        }
        proxy_cut_now(s->proxy);
        assert_int_equal(proxy_cuts(s->proxy), 1);
        if (forced)
            process_wait(&s->p); /* the lock is not its own any more, and its session goes on */
    }
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM " RUNS_ON), 1);
}

/* One try. The statement runs before it and after it, and nothing may have begun. */
static void try_beside(const struct scene *s, const char *line)
{
    struct process p;
    int64_t seen = sandbox_number(&s->sb, BEGUN);
    run_line(&s->sb, &p, line);
    bool began = sandbox_number(&s->sb, BEGUN) != seen || (p.exit == 0 && strncmp(line, "unlock", 6) != 0);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM " RUNS_ON), 1);
    tried++;
    if (began) {
        print_error("%s: %s while it runs, exit %d\n%s%s", blows[s->blow], line, p.exit, p.out, p.err);
        fail();
    }
    process_free(&p);
}

/* The statement ends; what is true then is said, and the file is ended as it stands. */
static void finish(struct scene *s)
{
    if (s->blow == BLOW_CUT) { /* it ends its own session, and says only then what it knows */
        kill(s->p.pid, SIGCONT);
        process_wait(&s->p);
        assert_int_equal(s->p.exit, 6);
        assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM " RUNS_ON), 0);
    }
    gate_run(s->gate, "ROLLBACK");
    PQfinish(s->gate);
    if (s->p.pid > 0)
        process_wait(&s->p);
    outside_until(&s->sb, "SELECT count(*) FROM " RUNS_ON, 0);
    proxy_stop(s->proxy);
    outside_until(&s->sb, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", 0);
    run_has(&s->sb, "status", 0, NULL, "V2__b.sql is half applied: statement 1 ");
    sandbox_sql(&s->sb, "SET client_min_messages = warning; DROP INDEX IF EXISTS log_n");
    sandbox_sql(&s->sb, "DELETE FROM log");
    run_has(&s->sb, "resolve 2 --take-over-dead --from 1", 0, NULL, "");
    assert_int_equal(outside_applied(&s->sb, "2"), 1);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM log"), s->index ? 1 : 2);
    assert_int_equal(sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 0);
    process_free(&s->p);
    sandbox_close(&s->sb);
}

static void one_round(int round)
{
    struct scene s = { .index = round % 2 == 0, .blow = (enum blow)(rand() % BLOWS) };
    begin(&s);
    start(&s);
    strike(&s);
    for (int i = 0; i < TRIES; i++)
        try_beside(&s, tries[(size_t)rand() % (sizeof tries / sizeof *tries)]);
    finish(&s);
}
#endif

static void nobody_beside(enum sandbox_kind kind)
{
#ifdef JETBASE_POSTGRES
    long rounds = sandbox_setting("ROUNDS", ROUNDS_USUAL), seed = sandbox_setting("SEED", time(NULL));
    if (kind != SANDBOX_POSTGRES)
        return;
    print_message("SEED=%ld ROUNDS=%ld\n", seed, rounds);
    srand((unsigned)seed);
    for (int i = 0; i < rounds; i++)
        one_round(i);
    print_message("%u tries met the running statement\n", tried);
    assert_int_equal(tried, rounds * TRIES);
#else
    (void)kind;
#endif
}

int main(void)
{
    static const struct run_case tests[] = { RUN_TEST(nobody_beside) };
    return run_group("half_beside", tests, sizeof tests / sizeof *tests);
}
