/* soak_check.c: what must be true after a fault of `make soak`, and how the project is brought to its end. */
#include "soak.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { LOOKS_MOST = 5000, OUTSIDE_STATEMENTS = 4 };

static bool there(const struct soak *s, const char *table)
{
    char sql[200];
    snprintf(sql, sizeof sql, s->sb.kind == SANDBOX_SQLITE ? "SELECT count(*) FROM sqlite_master WHERE name = '%s'" : "SELECT count(*) FROM pg_class WHERE relname = '%s'", table);
    return sandbox_number(&s->sb, sql) > 0;
}

static bool locked(const struct soak *s)
{
    return there(s, "jetbase_lock") && sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked") > 0;
}

/* How often a file stands in what one process told. */
static int count(const char *out, const char *event, const char *text, const char *name)
{
    char word[100], other[100];
    int n = 0;
    snprintf(word, sizeof word, "applied successfully: %s", name);
    snprintf(other, sizeof other, "\"file\":\"%s", name);
    for (const char *line = out, *end; *line; line = *end ? end + 1 : end) {
        char one[2000];
        end = strchrnul(line, '\n');
        snprintf(one, sizeof one, "%.*s", (int)(end - line), line);
        n += one[0] == '{' ? strstr(one, event) && strstr(one, other) : strstr(one, text) && strstr(one, word);
    }
    return n;
}

static struct soak_told told_by(const struct soak *s, const struct process *p)
{
    struct soak_told told = { .ended = p->exit != 128 + SIGKILL };
    for (int i = 1; i <= s->files; i++) {
        char name[64];
        snprintf(name, sizeof name, "V%d__step_%d.sql", i, i);
        told.versions += count(p->out, "\"migration-applied\"", s->back ? "Rollback" : "Migration", name);
    }
    told.repeatables = count(p->out, "\"migration-applied\"", "Migration", "RA__tick.sql");
    told.unsure = strstr(p->err, "not known") || strstr(p->out, "not known");
    return told;
}

/* What the processes told together is what happened: exactly, but for what a killed or unsure one did not come to say. */
static void check_told(struct soak *s)
{
    int versions = 0, ticks = 0, slack = 0, happened = s->back ? s->before - s->applied : s->applied - s->before;
    int ticked = (int)sandbox_number(&s->sb, "SELECT count(*) FROM ra_log") - s->ticks;
    for (int i = 0; i < s->started; i++) {
        struct soak_told told = told_by(s, &s->runs[i]);
        versions += told.versions;
        ticks += told.repeatables;
        slack += !told.ended || told.unsure;
    }
    if (happened < versions || happened > versions + slack)
        soak_wrong(s, "told of %d, and %d happened", versions, happened);
    if (ticked < ticks || ticked > ticks + slack)
        soak_wrong(s, "told of %d runs of the RA file, and it ran %d times", ticks, ticked);
}

/* A process that says that a file was rolled back must be right, where no other one may have applied it since. */
static void check_words(struct soak *s, const struct process *p)
{
    for (int i = 1; s->started == 1 && i <= s->files; i++) {
        char words[200], sql[200];
        snprintf(words, sizeof words, "V%d__step_%d.sql was rolled back: nothing of it remains", i, i);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM jetbase_migrations WHERE version = '%d'", i);
        if ((strstr(p->err, words) || strstr(p->out, words)) && sandbox_number(&s->sb, sql) != 0)
            soak_wrong(s, "it says \"%s\"", words);
    }
    if (s->started == 1 && s->locked && (strstr(p->err, "The lock is released") || strstr(p->out, "The lock is released")))
        soak_wrong(s, "it says that the lock is released");
    if (p->exit == 0 && s->started == 1 && s->locked)
        soak_wrong(s, "exit 0 and the lock is held");
    if (p->exit > 128 + 31 || (p->exit > 7 && p->exit != 128 + SIGKILL && p->exit != 128 + SIGINT && p->exit != 128 + SIGTERM))
        soak_wrong(s, "exit %d", p->exit);
}

/* No holder lives any more: its verdict must become dead, on PostgreSQL once its backend has gone. */
static void check_verdict(struct soak *s)
{
    static const char *const look[] = { "lock-status", "--json", NULL };
    for (int looks = 0; looks < LOOKS_MOST; looks++) {
        struct process p;
        int code = sandbox_run(&s->sb, &p, look);
        json_t *json = json_loads(p.out, 0, NULL);
        const char *verdict = json_string_value(json_object_get(json, "verdict"));
        bool held = json_is_true(json_object_get(json, "locked")), dead = verdict && strcmp(verdict, "dead") == 0;
        bool lives = held && !dead && s->sb.kind == SANDBOX_POSTGRES &&
                     sandbox_number(&s->sb, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") > 0;
        if (code != 0 || !json)
            soak_wrong(s, "lock-status ends with %d: %s%s", code, p.out, p.err);
        else if (held && !dead && !lives && looks > 0)
            soak_wrong(s, "the holder has ended, and its verdict is %s", verdict ? verdict : "null");
        json_decref(json);
        process_free(&p);
        if (s->wrong[0] || !held || dead)
            return;
    }
    soak_wrong(s, "the holder's session does not end");
}

/* The file outside a transaction: what it left is what the program says of it. Gives the next statement, or 0 where it is not half applied. */
static int half_applied(struct soak *s)
{
    static const char *const look[] = { "resolve", "99", "--json", NULL };
    int seen = (int)sandbox_number(&s->sb, "SELECT count(*) FROM outside_log"), done, started;
    bool noted = there(s, "jetbase_migrations") && sandbox_number(&s->sb, "SELECT count(*) FROM jetbase_migrations WHERE version = '99'") > 0;
    struct process p;
    json_t *json;
    if (sandbox_number(&s->sb, "SELECT count(DISTINCT n) FROM outside_log") != seen)
        soak_wrong(s, "a statement outside a transaction ran twice");
    if (noted && seen != OUTSIDE_STATEMENTS)
        soak_wrong(s, "V99 is in the history with %d of its statements", seen);
    if (noted || s->wrong[0])
        return 0;
    sandbox_run(&s->sb, &p, look);
    json = json_loads(p.out, 0, NULL);
    done = json_is_integer(json_object_get(json, "done")) ? (int)json_integer_value(json_object_get(json, "done")) : -1;
    started = (int)json_integer_value(json_object_get(json, "started"));
    json_decref(json);
    process_free(&p);
    if (done < 0 && seen > 0)
        soak_wrong(s, "%d statements of V99 ran, and it is not called half applied", seen);
    if (done >= 0 && (seen < done || seen > started))
        soak_wrong(s, "of V99 %d statements are called done and %d started, and %d ran", done, started, seen);
    return done < 0 ? 0 : seen + 1;
}

void soak_check(struct soak *s)
{
    check_verdict(s);
    s->locked = locked(s);
    s->applied = sandbox_check_steps(&s->sb, s->files);
    check_told(s);
    for (int i = 0; i < s->started; i++)
        check_words(s, &s->runs[i]);
}

static void must(struct soak *s, const char *const args[], int code)
{
    struct process p;
    if (sandbox_run(&s->sb, &p, args) != code)
        soak_wrong(s, "%s %s ends with %d: %s%s", args[0], args[1] ? args[1] : "", p.exit, p.out, p.err);
    process_free(&p);
}

static void resolve(struct soak *s, int next)
{
    char from[16];
    const char *const rest[] = { "resolve", "99", "--from", from, NULL }, *const all[] = { "resolve", "99", "--mark-applied", NULL };
    snprintf(from, sizeof from, "%d", next);
    must(s, next > OUTSIDE_STATEMENTS ? all : rest, 0);
}

void soak_finish(struct soak *s)
{
    static const char *const unlock[] = { "unlock", "--if-dead", NULL }, *const upgrade[] = { "upgrade", NULL }, *const over[] = { "upgrade", "--take-over-dead", NULL };
    bool take_over = soak_random(s, 2);
    int next;
    if (s->wrong[0])
        return;
    next = s->outside ? half_applied(s) : 0;
    if (s->locked && (next > 0 || !take_over))
        must(s, unlock, 0);
    if (next > 0)
        resolve(s, next);
    must(s, take_over ? over : upgrade, 0);
    if (locked(s)) /* a run with nothing to do leaves a dead one's lock as it is */
        must(s, unlock, 0);
    if (s->wrong[0])
        return;
    if (sandbox_check_steps(&s->sb, s->files) != s->files)
        soak_wrong(s, "the last upgrade has not applied all");
    if (s->outside && sandbox_number(&s->sb, "SELECT count(DISTINCT n) * 10 + count(*) FROM outside_log") != OUTSIDE_STATEMENTS * 11)
        soak_wrong(s, "V99 was not run once");
    if (locked(s))
        soak_wrong(s, "the lock is held at the end");
}
