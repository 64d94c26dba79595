/* test_swallow.c: the server's answer to acquire, COMMIT, release or unlock is swallowed, with its link closed or with both links open and silent: the report is true, and the lock is released. ROUNDS (closed) and SILENT may be set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pg_server.h"
#include "support/proxy.h"
#include "support/sandbox.h"

enum { FILES = 3 };

static const char *const upgrade[] = { "upgrade", NULL };

/* What is swallowed, and what must be said and be so then. */
struct swallowed {
    const char *name, *after, *words;
    unsigned nth;
    int exit, applied;
    const char *says;
};

static const struct swallowed answers[] = {
    { "acquire", "is_locked = TRUE", "COMMIT", 1, 6, 0, "while the lock was taken" },
    { "COMMIT of the second", "CREATE TABLE t3", "COMMIT", 1, 6, 2, "V2__step_2.sql was committed" },
    { "COMMIT of the last", "CREATE TABLE t3", "COMMIT", 2, 0, 3, "V3__step_3.sql was committed" },
    { "release", "is_locked = FALSE", "COMMIT", 1, 0, 3, NULL },
};

static struct proxy *through_proxy(struct sandbox *sb)
{
    struct proxy *proxy;
    if (!sandbox_has(SANDBOX_POSTGRES))
        skip();
    sandbox_open(sb, SANDBOX_POSTGRES);
    sandbox_steps(sb, FILES, 3);
    proxy = proxy_start(pg_server_port());
    snprintf(sb->variable, sizeof sb->variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", proxy_port(proxy), strrchr(sb->url, '/'));
    return proxy;
}

static void arm(struct proxy *proxy, bool silent, const struct swallowed *what)
{
    if (silent)
        proxy_swallow(proxy, what->after, what->words, what->nth);
    else
        proxy_cut(proxy, PROXY_SERVER, what->after, what->words, what->nth);
}

/* After a second of silence, where a person would wait for half a minute, the server is asked. */
static void run(const struct sandbox *sb, struct process *p, const char *const args[])
{
    const char *argv[8] = { process_faulty() };
    const char *const env[] = { sb->variable, "JETBASE_FAILPOINT_MS=silence=1000", NULL };
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    process_run(p, sb->dir, argv, env);
}

static void is_free(const struct sandbox *sb)
{
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_runs WHERE outcome IS NULL"), 0);
}

static void swallow(const struct swallowed *what, bool silent)
{
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb);
    struct process p;
    arm(proxy, silent, what);
    run(&sb, &p, upgrade);
    assert_int_equal(proxy_cuts(proxy), 1);
    if (p.exit != what->exit || (what->says && !strstr(p.err, what->says) && !strstr(p.out, what->says)))
        fail_msg("%s, %s: exit %d\n%s%s", what->name, silent ? "silent" : "closed", p.exit, p.out, p.err);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&sb, FILES), what->applied);
    is_free(&sb);
    run(&sb, &p, upgrade);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&sb, FILES), FILES);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

static void swallow_unlock(bool silent)
{
    static const struct swallowed what = { "unlock", "is_locked = FALSE", "COMMIT", 1, 0, 0, NULL };
    static const char *const unlock[] = { "unlock", NULL };
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb);
    struct process p;
    run(&sb, &p, upgrade);
    process_free(&p);
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = '7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1'");
    arm(proxy, silent, &what);
    run(&sb, &p, unlock);
    assert_int_equal(proxy_cuts(proxy), 1);
    if (p.exit != 0 || !strstr(p.err, "the answer to the unlock was lost; the lock is free now"))
        fail_msg("unlock, %s: exit %d\n%s%s", silent ? "silent" : "closed", p.exit, p.out, p.err);
    process_free(&p);
    is_free(&sb);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

static void all(bool silent, long rounds)
{
    for (long n = 0; n < rounds; n++) {
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
            swallow(&answers[i], silent);
        swallow_unlock(silent);
    }
}

static void with_the_link_closed(void **state)
{
    (void)state;
    all(false, sandbox_setting("ROUNDS", 1));
}

static void in_silence(void **state)
{
    (void)state;
    all(true, sandbox_setting("SILENT", 1));
}

/* Cuts the link after so many bytes of the answers to that command, each time some more, until all of them pass. Returns how many ended for it; the others ended well. strict: none may end well that was cut. */
static unsigned cut_anywhere(const struct sandbox *sb, struct proxy *proxy, const char *const args[], size_t first, size_t step, bool strict)
{
    enum { MOST = 200000 };
    unsigned cuts, failed = 0;
    size_t bytes = first;
    do {
        struct process p;
        cuts = proxy_cuts(proxy);
        proxy_cut_bytes(proxy, PROXY_SERVER, bytes);
        run(sb, &p, args);
        if (p.exit != 6 && (p.exit != 0 || (strict && proxy_cuts(proxy) > cuts)))
            fail_msg("after %zu bytes: exit %d: %s", bytes, p.exit, p.err);
        failed += p.exit == 6;
        process_free(&p);
        assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM pg_class WHERE relname = 'more'"), 0);
        bytes += step;
    } while (proxy_cuts(proxy) > cuts && bytes < MOST);
    assert_true(bytes < MOST);
    return failed;
}

/* So also between two answers of one batch. Under LeakSanitizer what was answered by then is missed. */
static void a_look_is_cut_anywhere(void **state)
{
    static const char *const look[] = { "lock-status", NULL };
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb);
    (void)state;
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    assert_true(cut_anywhere(&sb, proxy, look, 400, 61, false) > 0);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

/* Wherever a rehearsal is cut, nothing of it stays, and it does not say that all is well. */
static void a_rehearsal_is_cut_anywhere(void **state)
{
    static const char *const rehearse[] = { "rehearse", NULL };
    struct sandbox sb;
    struct proxy *proxy = through_proxy(&sb);
    (void)state;
    assert_int_equal(sandbox_run(&sb, NULL, upgrade), 0);
    sandbox_file(&sb, "V8__more.sql", "-- upgrade\nCREATE TABLE more (id integer PRIMARY KEY);\nINSERT INTO more SELECT generate_series(1, 100);\n-- rollback\nDROP TABLE more;\n");
    assert_true(cut_anywhere(&sb, proxy, rehearse, 700, 353, true) > 10);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_link_closed),
        cmocka_unit_test(in_silence),
        cmocka_unit_test(a_look_is_cut_anywhere),
        cmocka_unit_test(a_rehearsal_is_cut_anywhere),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("swallow", tests, NULL, NULL);
}
