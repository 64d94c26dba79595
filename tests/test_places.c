/* test_places.c: whatever the locale and the time zone are, commands say the same, in words alone and without colours or boxes where none belong, and JSON's times are UTC. */
#include <ctype.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/outside.h"

static const char *const upgrade[] = { "upgrade", NULL };

/* A project with an applied file and a lock whose holder is stopped. */
static void open_held(struct sandbox *sb, enum sandbox_kind kind, struct process *holder)
{
    sandbox_open(sb, kind);
    sandbox_steps(sb, 2, 1);
    run_has(sb, "upgrade --count 1", 0, NULL, "");
    sandbox_start(sb, holder, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(holder));
}

static void close_held(struct sandbox *sb, struct process *holder)
{
    kill(holder->pid, SIGKILL);
    process_wait(holder);
    process_free(holder);
    sandbox_close(sb);
}

static void run_there(const struct sandbox *sb, struct process *p, const char *word, const char *option, const char *variable)
{
    const char *const argv[] = { process_jetbase(), word, option, NULL }, *const env[] = { sb->variable, variable, NULL };
    process_run(p, sb->dir, argv, env);
}

/* The same bytes in every locale, one that there is not too; no colours, since no terminal is there. */
static void no_locale_is_needed(enum sandbox_kind kind)
{
    static const char *const locales[] = { "LC_ALL=C", "LC_ALL=C.UTF-8", "LC_ALL=POSIX", "LC_ALL=xx_YY.ISO-8859-1", "LC_ALL=", "NO_COLOR=1", "TERM=dumb", "TERM=xterm-256color" };
    static const char *const words[] = { "status", "history", "current", "runs", "upgrade", "unlock", "nosuch" };
    static const char *const options[] = { NULL, NULL, NULL, NULL, NULL, "--if-dead", NULL };
    struct sandbox sb;
    struct process holder;
    open_held(&sb, kind, &holder);
    sandbox_file(&sb, "V3__caf\xc3\xa9.sql", "CREATE TABLE t3 (id integer);\n");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *out = NULL, *err = NULL;
        for (size_t k = 0; k < sizeof locales / sizeof *locales; k++) {
            struct process p;
            run_there(&sb, &p, words[i], options[i], locales[k]);
            if (strchr(p.out, 0x1b) || strchr(p.err, 0x1b))
                fail_msg("%s, %s: an escape sequence without a terminal\n%s%s", words[i], locales[k], p.out, p.err);
            if (out && strcmp(words[i], "runs") != 0 && (strcmp(out, p.out) != 0 || strcmp(err, p.err) != 0)) /* runs tells how long the holder has had it */
                fail_msg("%s, %s: says otherwise\n%s%s", words[i], locales[k], p.out, p.err);
            if (!out) {
                out = strdup(p.out);
                err = strdup(p.err);
                assert_true(out && err && (*out || *err));
            }
            process_free(&p);
        }
        free(out);
        free(err);
    }
    close_held(&sb, &holder);
}

/* lock-status is lines of words: the verdict stands there as one, and nothing is drawn. */
static void the_lock_is_told_in_words(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process holder, p;
    open_held(&sb, kind, &holder);
    run_there(&sb, &p, "lock-status", NULL, "LC_ALL=C");
    assert_int_equal(p.exit, 0);
    assert_non_null(strstr(p.out, "Status: LOCKED\n"));
    assert_non_null(strstr(p.out, "\nVerdict: ALIVE: "));
    for (const char *at = p.out; *at; at++)
        assert_true(isprint((unsigned char)*at) || *at == '\n');
    process_free(&p);
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "lock-status", "--watch", NULL });
    process_hear(&p, false, "; alive: ");
    kill(p.pid, SIGINT);
    process_wait(&p);
    assert_int_equal(p.exit, 130);
    assert_ptr_equal(strchr(p.out, '\n'), p.out + strlen(p.out) - 1); /* one line */
    for (const char *at = p.out; *at; at++)
        assert_true(isprint((unsigned char)*at) || *at == '\n');
    process_free(&p);
    close_held(&sb, &holder);
}

/* Each string of these names ends in Z, whatever the zone is, and is the same in all of them. */
static void times_are_utc(const char *json, const char *line)
{
    static const char *const known[] = { "\"time\":\"", "\"acquired_at\":\"", "\"released_at\":\"", "\"locked_at\":\"" };
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (const char *at = json; (at = strstr(at, known[i])) != NULL; seen++) {
            at += strlen(known[i]);
            size_t len = strcspn(at, "\"");
            if (len < 20 || at[10] != 'T' || at[len - 1] != 'Z')
                fail_msg("%s: %.*s is no time in UTC", line, (int)len, at);
        }
    if (seen == 0)
        fail_msg("%s: no times in %s", line, json);
}

static void json_is_in_utc(enum sandbox_kind kind)
{
    static const char *const zones[] = { "TZ=Asia/Tokyo", "TZ=XYZ+9:30", "TZ=UTC" };
    struct sandbox sb;
    struct process holder, p;
    char *runs = NULL;
    open_held(&sb, kind, &holder);
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        run_there(&sb, &p, "lock-status", "--json", zones[i]);
        times_are_utc(p.out, "lock-status --json");
        process_free(&p);
        run_there(&sb, &p, "upgrade", "--json", zones[i]);
        times_are_utc(p.out, "upgrade --json");
        process_free(&p);
        run_there(&sb, &p, "runs", "--json", zones[i]);
        times_are_utc(p.out, "runs --json");
        const char *at = strstr(p.out, "\"acquired_at\":");
        assert_non_null(at);
        if (runs)
            assert_memory_equal(runs, at, 40);
        else
            runs = strdup(at);
        process_free(&p);
    }
    free(runs);
    close_held(&sb, &holder);
}

/* The zone stands behind the time or in the head of its column, and nowhere the T and Z of UTC. */
static void time_is_local(const struct process *p, const char *line, const char *zone)
{
    if (!strstr(p->out, zone) || strstr(p->out, "UTC"))
        fail_msg("%s: no local time with its zone %s in\n%s", line, zone, p->out);
    for (const char *at = p->out; (at = strchr(at, 'T')) != NULL; at++)
        if (at > p->out && isdigit((unsigned char)at[-1]) && isdigit((unsigned char)at[1]))
            fail_msg("%s: a time in UTC in\n%s", line, p->out);
}

/* What people read is in their time, and says so; POSIX names of zones need no files of the system. */
static void words_are_in_local_time(enum sandbox_kind kind)
{
    static const struct {
        const char *tz, *zone;
    } zones[] = { { "IST-5:30", "IST" }, { "EST5", "EST" } };
    struct sandbox sb;
    struct process holder, p;
    open_held(&sb, kind, &holder);
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        char tz[32];
        snprintf(tz, sizeof tz, "TZ=%s", zones[i].tz);
        run_there(&sb, &p, "runs", NULL, tz);
        time_is_local(&p, "runs", zones[i].zone);
        process_free(&p);
        run_there(&sb, &p, "runs", "--verbose", tz);
        time_is_local(&p, "runs --verbose", zones[i].zone);
        process_free(&p);
        setenv("TZ", zones[i].tz, 1);
        sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "lock-status", "--watch", NULL });
        unsetenv("TZ");
        process_hear(&p, false, "; alive: ");
        kill(p.pid, SIGINT);
        process_wait(&p);
        time_is_local(&p, "lock-status --watch", zones[i].zone);
        process_free(&p);
    }
    close_held(&sb, &holder);
}

int main(void)
{
    static const struct run_case tests[] = { RUN_TEST(no_locale_is_needed), RUN_TEST(the_lock_is_told_in_words), RUN_TEST(json_is_in_utc), RUN_TEST(words_are_in_local_time) };
    cmocka_set_test_filter(getenv("FILTER"));
    return run_group("places", tests, sizeof tests / sizeof *tests);
}
