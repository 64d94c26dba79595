/* test_progress.c: what a long file says of itself while it runs: under a clock of the test's, on a terminal, and through a pipe. */
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

#include "listener.h"
#include "support/run.h"
#include "support/term.h"

/* ---- with a clock of our own ---- */

static int64_t clock_ms;

static int64_t fake_mono_ms(void)
{
    return clock_ms;
}

/* A listener that speaks into memory. */
struct heard {
    struct output out;
    struct sys sys;
    struct listener listener;
    struct migration file;
    char *said, *beside;
    size_t said_len, beside_len;
};

static void listen(struct heard *h, bool rewritable)
{
    memset(h, 0, sizeof *h);
    setenv("COLUMNS", "60", 1);
    output_open(&h->out, open_memstream(&h->said, &h->said_len), open_memstream(&h->beside, &h->beside_len));
    assert_false(h->out.rewritable);
    h->out.rewritable = rewritable;
    h->sys = sys_real;
    h->sys.mono_ms = fake_mono_ms;
    h->listener = (struct listener){ .out = &h->out, .sys = &h->sys };
    h->file.file = "V7__big.sql";
    clock_ms = 5000;
}

static void tell(struct heard *h, enum engine_event_kind kind, uint32_t statement, uint32_t statements)
{
    struct engine_event event = { .kind = kind, .file = &h->file, .migration = 1, .migrations = 1, .statement = statement, .statements = statements };
    listener_text(&h->listener, &event);
}

/* Time passes, tick by tick. */
static void pass(struct heard *h, int ms)
{
    for (int64_t until = clock_ms + ms; clock_ms < until;) {
        clock_ms += 50;
        listener_tick(&h->listener);
    }
}

static void beside_is(struct heard *h, const char *text)
{
    fflush(h->out.err);
    assert_string_equal(h->beside ? h->beside : "", text);
}

static void forget(struct heard *h)
{
    unsetenv("COLUMNS");
    fclose(h->out.out);
    fclose(h->out.err);
    free(h->said);
    free(h->beside);
}

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

static void test_live(void **state)
{
    struct heard h;
    (void)state;
    listen(&h, true);
    pass(&h, 3000); /* no file runs yet */
    tell(&h, EV_MIGRATION_STARTED, 0, 5000);
    pass(&h, 1000);
    beside_is(&h, "");
    clock_ms += 50;
    tell(&h, EV_STATEMENT_DONE, 1203, 5000);
    beside_is(&h, "\rV7__big.sql: statement 1,204 of 5,000, 1 s\033[K");
    tell(&h, EV_STATEMENT_DONE, 1204, 5000); /* not so soon again */
    clock_ms += 150;
    tell(&h, EV_STATEMENT_DONE, 4999, 5000);
    beside_is(&h, "\rV7__big.sql: statement 1,204 of 5,000, 1 s\033[K");
    clock_ms += 50;
    tell(&h, EV_STATEMENT_DONE, 5000, 5000);
    beside_is(&h, "\rV7__big.sql: statement 1,204 of 5,000, 1 s\033[K\rV7__big.sql: statement 5,000 of 5,000, 1 s\033[K");
    /* The seconds count on by themselves: five times in each of them. */
    pass(&h, 10000);
    assert_int_equal(count_of(h.beside, "\r"), 52);
    assert_int_equal(count_of(h.beside, ", 9 s"), 5);
    assert_true(h.out.live);
    tell(&h, EV_MIGRATION_APPLIED, 0, 5000);
    assert_false(h.out.live);
    fflush(h.out.err);
    assert_string_equal(h.beside + h.beside_len - 4, "\r\033[K");
    size_t before = h.beside_len;
    pass(&h, 5000);
    fflush(h.out.err);
    assert_int_equal(h.beside_len, before);
    assert_string_equal(h.said, "Starting migrations...\nMigration applied successfully: V7__big.sql\n");
    forget(&h);
}

/* A name that is too long gives way to what moves; what is said meanwhile takes the place of the line. */
static void test_live_narrow(void **state)
{
    struct heard h;
    (void)state;
    listen(&h, true);
    h.file.file = "V7__a_name_that_is_really_much_longer_than_the_whole_terminal_is_wide.sql";
    tell(&h, EV_MIGRATION_STARTED, 0, 1234567);
    clock_ms += 75000;
    listener_tick(&h.listener);
    beside_is(&h, "\rV7__a_name_that_is_r…: statement 1 of 1,234,567, 1 min 15 s\033[K");
    output_warn(&h.out, "somebody waits");
    assert_non_null(strstr((fflush(h.out.err), h.beside), "1 min 15 s\033[K\r\033[Kwarning: somebody waits\n"));
    forget(&h);
}

static void test_plain(void **state)
{
    struct heard h;
    (void)state;
    listen(&h, false);
    tell(&h, EV_MIGRATION_STARTED, 0, 5000);
    tell(&h, EV_STATEMENT_DONE, 1203, 5000);
    pass(&h, 9950);
    beside_is(&h, "");
    pass(&h, 50);
    beside_is(&h, "V7__big.sql: statement 1,204 of 5,000, 10 s so far\n");
    pass(&h, 9950);
    tell(&h, EV_STATEMENT_DONE, 1210, 5000);
    pass(&h, 50);
    beside_is(&h, "V7__big.sql: statement 1,204 of 5,000, 10 s so far\nV7__big.sql: statement 1,211 of 5,000, 20 s so far\n");
    /* Where nobody could say anything for long, that is no reason to say it often. */
    clock_ms += 100000;
    listener_tick(&h.listener);
    pass(&h, 35000);
    assert_int_equal(count_of((fflush(h.out.err), h.beside), "so far\n"), 3);
    pass(&h, 5000);
    assert_int_equal(count_of((fflush(h.out.err), h.beside), "so far\n"), 4);
    assert_non_null(strstr(h.beside, "2 min 00 s so far\nV7__big.sql: statement 1,211 of 5,000, 2 min 40 s so far\n"));
    tell(&h, EV_MIGRATION_ROLLED_BACK, 0, 5000);
    pass(&h, 1000000);
    assert_int_equal(count_of((fflush(h.out.err), h.beside), "so far\n"), 4);
    /* The next file begins anew; one that goes on behind its second statement says so. */
    tell(&h, EV_MIGRATION_STARTED, 2, 5);
    pass(&h, 10000);
    assert_non_null(strstr((fflush(h.out.err), h.beside), "V7__big.sql: statement 3 of 5, 10 s so far\n"));
    forget(&h);
}

/* Where answers come together, what is said is no more than what is known. */
static void test_behind(void **state)
{
    struct heard h;
    struct engine_event event = { .kind = EV_MIGRATION_STARTED, .migration = 1, .migrations = 1, .statements = 5000, .behind = true };
    (void)state;
    listen(&h, false);
    event.file = &h.file;
    listener_text(&h.listener, &event);
    pass(&h, 10000);
    beside_is(&h, "V7__big.sql: 10 s so far\n");
    event.kind = EV_STATEMENT_DONE;
    event.statement = 1024;
    listener_text(&h.listener, &event);
    pass(&h, 10000);
    beside_is(&h, "V7__big.sql: 10 s so far\nV7__big.sql: at least 1,024 of 5,000 statements done, 20 s so far\n");
    forget(&h);
    assert_false(listener_watched(&h.out));
    h.out.verbose = true;
    assert_true(listener_watched(&h.out));
    h.out.quiet = true;
    assert_false(listener_watched(&h.out));
    h.out.json = true;
    assert_true(listener_watched(&h.out));
}

static void test_quiet(void **state)
{
    struct heard h;
    (void)state;
    for (int rewritable = 0; rewritable <= 1; rewritable++) {
        listen(&h, rewritable);
        h.out.quiet = true;
        tell(&h, EV_MIGRATION_STARTED, 0, 3);
        pass(&h, 60000);
        beside_is(&h, "");
        forget(&h);
    }
}

/* ---- with real databases ---- */

static void write_long(struct sandbox *sb, enum sandbox_kind kind)
{
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__big.sql", "CREATE TABLE big (n INTEGER);\n%s;\nSELECT 3;\n",
                 kind == SANDBOX_POSTGRES ? "SELECT pg_sleep(600)" : "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c");
}

static void nothing_left(struct sandbox *sb)
{
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_migrations"), 0);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
    sandbox_close(sb);
}

/* One statement without an end: the seconds go on, in lines that stand alone. On PostgreSQL nobody watches a pipe, so answers come together, and no number is said that may be old; --verbose watches. */
static void through_pipe(enum sandbox_kind kind, const char *option, const char *says)
{
    struct sandbox sb;
    struct process p;
    write_long(&sb, kind);
    const char *const argv[] = { process_faulty(), "upgrade", option, NULL }, *const env[] = { sb.variable, "JETBASE_FAILPOINT_MS=progress=500", NULL };
    process_start(&p, sb.dir, argv, env);
    process_hear(&p, true, says);
    process_hear(&p, true, " 1 s so far\n");
    process_hear(&p, true, " 2 s so far\n");
    kill(p.pid, SIGINT);
    process_wait(&p);
    assert_int_equal(p.exit, 130);
    assert_null(strchr(p.err, '\r'));
    assert_null(strchr(p.err, '\033'));
    process_free(&p);
    nothing_left(&sb);
}

static void test_pipe(enum sandbox_kind kind)
{
    through_pipe(kind, NULL, kind == SANDBOX_POSTGRES ? "V1__big.sql: 0 s so far\n" : "V1__big.sql: statement 2 of 3, 0 s so far\n");
    through_pipe(kind, "--verbose", "V1__big.sql: statement 2 of 3, 0 s so far\n");
}

/* The same on a terminal: one line, written over, of which nothing is left. */
static void test_terminal(enum sandbox_kind kind)
{
    struct sandbox sb;
    char first[200];
    if (!term_possible())
        skip();
    write_long(&sb, kind);
    const char *const argv[] = { process_jetbase(), "upgrade", NULL }, *const env[] = { sb.variable, NULL };
    struct term *term = term_start(10, 70, sb.dir, argv, env);
    term_wait_for(term, "V1__big.sql: statement 2 of 3, ");
    assert_true(term_has(term, "Starting migrations..."));
    snprintf(first, sizeof first, "%.35s", term_row(term, 1)); /* up to its seconds */
    assert_memory_equal(first, "V1__big.sql: statement 2 of 3, ", 31);
    term_wait_gone(term, first);
    assert_memory_equal(term_row(term, 1), "V1__big.sql: statement 2 of 3, ", 31);
    kill(term_pid(term), SIGINT);
    assert_int_equal(term_wait_end(term), 130);
    assert_false(term_has(term, "statement 2 of 3"));
    assert_memory_equal(term_row(term, 1), "error: stopped by a signal", 26);
    term_free(term);
    nothing_left(&sb);
}

/* Where lines can't be written over, and where nobody wants to hear of it, none is. */
static void test_terminal_dumb(enum sandbox_kind kind)
{
    struct sandbox sb;
    size_t len;
    if (!term_possible())
        skip();
    write_long(&sb, kind);
    const char *const argv[] = { process_faulty(), "upgrade", NULL }, *const env[] = { sb.variable, "TERM=dumb", "JETBASE_FAILPOINT_MS=progress=2000", NULL };
    struct term *term = term_start(10, 70, sb.dir, argv, env);
    term_wait_for(term, "V1__big.sql: statement 2 of 3, 2 s so far");
    const char *bytes = term_bytes(term, &len); /* no string: it has no end */
    assert_null(memchr(bytes, '\033', len));
    kill(term_pid(term), SIGINT);
    assert_int_equal(term_wait_end(term), 130);
    term_free(term);
    nothing_left(&sb);
}

int main(void)
{
    static const struct run_case real[] = { RUN_TEST(test_pipe), RUN_TEST(test_terminal), RUN_TEST(test_terminal_dumb) };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_live_narrow),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_behind),
        cmocka_unit_test(test_quiet),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    int failed = cmocka_run_group_tests_name("progress", tests, NULL, NULL);
    return run_group("progress_real", real, sizeof real / sizeof *real) + failed;
}
