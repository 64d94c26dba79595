/* test_no_memory.c: the nth request for memory is refused, once or from then on: a command says so and fails, or what it says is whole and true; nothing crashes, history equals schema, and no lock stays that nothing explains. STEP=1 takes each. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/faultmem.h"
#include "support/run.h"

enum { FILES = 3, ROWS = 3, MOST = 20000, WORDS = 8 };

/* Runs a line of words with the nth request refused (0: none). False: there were not so many. */
static bool run_refused(const struct sandbox *sb, const char *line, long n, bool stays, struct process *p)
{
    char copy[200], *rest = copy, fail[80], path[300], fired[400];
    const char *argv[WORDS + 2] = { process_faulty() };
    const char *env[] = { sb->variable, fired, n ? fail : NULL, NULL };
    bool met;
    snprintf(copy, sizeof copy, "%s", line);
    for (size_t i = 1; rest && i <= WORDS; i++)
        argv[i] = strsep(&rest, " ");
    snprintf(path, sizeof path, "%s/fired", sb->dir);
    snprintf(fired, sizeof fired, FAULTMEM_FIRED "=%s", path);
    snprintf(fail, sizeof fail, FAULTMEM_FAIL "=%ld%s", n, stays ? "+" : "");
    process_run(p, sb->dir, argv, env);
    met = access(path, F_OK) == 0;
    unlink(path);
    return met;
}

/* Times, durations and process IDs differ from run to run: each row of hexadecimal digits becomes one. */
static void hide_numbers(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++)
        if (!isxdigit((unsigned char)*at) && *at != '-' && *at != '.')
            *to++ = *at;
        else if (to == text || to[-1] != '#')
            *to++ = '#';
    *to = '\0';
}

static bool told(const struct process *p)
{
    return strstr(p->err, "emory") || strstr(p->out, "emory");
}

/* Is that true of a command that was refused memory? good: as it ends with all the memory it wants. */
static void judge(const char *line, long n, bool stays, struct process *p, const struct process *good)
{
    char *whole = strdup(good->out), *said = strdup(p->out);
    bool true_words;
    assert_true(whole && said);
    hide_numbers(whole);
    hide_numbers(said);
    size_t same = 0;
    while (said[same] && said[same] == whole[same])
        same++;
    true_words = p->exit == good->exit ? strcmp(said, whole) == 0 || told(p) : p->exit == 1 && told(p);
    if (!true_words)
        fprintf(stderr, "%sinstead of: %.200s\nit said: %.200s\n", p->err, whole + same, said + same);
    free(whole);
    free(said);
    if (true_words)
        return;
    fail_msg("jetbase %s, request %ld%s: exit %d", line, n, stays ? " and later ones" : "", p->exit);
}

/* What only reads, over one and the same project. */
static void reads(const struct sandbox *sb, const char *line)
{
    struct process good, p;
    run_refused(sb, line, 0, false, &good);
    for (int stays = 0; stays < 2; stays++) {
        long step = sandbox_setting("STEP", sb->kind == SANDBOX_POSTGRES ? 131 : stays ? 19 : 5), n;
        for (n = 1; n < MOST && run_refused(sb, line, n, stays, &p); n += step) {
            judge(line, n, stays, &p, &good);
            process_free(&p);
        }
        assert_true(n > 1 && n < MOST);
        process_free(&p);
    }
    process_free(&good);
}

/* Two of three files applied; one of them changed since, one gone; two targets. */
static void looks(enum sandbox_kind kind)
{
    static const char *const lines[] = {
        "status", "status --json", "status --check", "status --all-targets", "history", "history --json", "current", "config", "config --json", "runs", "runs --json", "lock-status", "lock-status --json",
        "validate-checksums", "validate-files", "upgrade --dry-run", "upgrade --dry-run --json", "rollback --dry-run", "rehearse", "rehearse --json", "complete upgrade --to-version V",
    };
    struct sandbox sb;
    char path[300];
    FILE *file;
    sandbox_open(&sb, kind);
    sandbox_steps(&sb, FILES, ROWS);
    run_has(&sb, "upgrade --count 2", 0, NULL, NULL);
    sandbox_file(&sb, "RA__again.sql", "SELECT 1;\n");
    snprintf(path, sizeof path, "%s/jetbase.toml", sb.dir);
    file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "lock_timeout = \"3s\"\n[target.one]\nurl = \"%s\"\n[target.'two']\nurl = \"%s\"\n", sb.url, sb.url);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        reads(&sb, lines[i]);
    sandbox_close(&sb);
}

/* After it: the lock is free, or its holder is proven dead; the next run finishes. */
static void finish(const struct sandbox *sb, const char *line, long n, bool stays)
{
    bool there = sandbox_number(sb, sb->kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = 'jetbase_lock'" : "SELECT count(*) FROM pg_tables WHERE tablename = 'jetbase_lock'") > 0;
    sandbox_check_steps(sb, FILES);
    if (there && sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked") > 0) {
        static const char *const unlock[] = { "unlock", "--if-dead", NULL };
        for (int tries = 0; sandbox_run(sb, NULL, unlock) != 0; tries++) /* a server's session ends a moment after its client */
            if (tries == 1000)
                fail_msg("jetbase %s, request %ld%s: the lock of a run that has ended can't be proven dead", line, n, stays ? " and later ones" : "");
    }
    run_has(sb, "upgrade", 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(sb, FILES), FILES);
}

static void fresh(struct sandbox *sb, enum sandbox_kind kind, const char *before)
{
    sandbox_open(sb, kind);
    sandbox_steps(sb, FILES, ROWS);
    if (before)
        run_has(sb, before, 0, NULL, NULL);
}

/* What writes, each time over a fresh project. */
static void writes(enum sandbox_kind kind, const char *before, const char *line)
{
    struct process good, p;
    struct sandbox sb;
    long step = sandbox_setting("STEP", kind == SANDBOX_SQLITE ? 29 : 211);
    fresh(&sb, kind, before);
    run_refused(&sb, line, 0, false, &good);
    sandbox_close(&sb);
    for (int stays = 0; stays < 2; stays++) {
        bool met = true;
        for (long n = 1; n < MOST && met; n += step) {
            fresh(&sb, kind, before);
            met = run_refused(&sb, line, n, stays, &p);
            judge(line, n, stays, &p, &good);
            finish(&sb, line, n, stays);
            process_free(&p);
            sandbox_close(&sb);
        }
        assert_false(met);
    }
    process_free(&good);
}

static void runs(enum sandbox_kind kind)
{
    writes(kind, NULL, "upgrade");
    writes(kind, NULL, "upgrade --json");
    writes(kind, "upgrade", "rollback --count 2");
    writes(kind, "upgrade", "runs --prune 1");
}

int main(void)
{
    static const struct run_case tests[] = { RUN_TEST(looks), RUN_TEST(runs) };
    return run_group("no_memory", tests, sizeof tests / sizeof *tests);
}
