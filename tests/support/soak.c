/* soak.c: the random project of a round of `make soak`, and its random fault. */
#include "soak.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef JETBASE_SQLITE
#include "faulty.h"
#endif
#ifdef JETBASE_POSTGRES
#include "pg_server.h"
#include "proxy.h"
#endif

enum { FILES_MOST = 5, ROWS_MOST = 2000, SPAN_SQLITE_US = 50000, SPAN_POSTGRES_US = 150000, CRASH_EACH = 40 };

int soak_random(struct soak *s, int below)
{
    s->state ^= s->state << 13;
    s->state ^= s->state >> 7;
    s->state ^= s->state << 17;
    return below > 0 ? (int)(s->state % (unsigned)below) : 0;
}

const char *soak_fault_name(enum soak_fault fault)
{
    static const char *const names[SOAK_FAULTS] = { "none", "kill -9 at a failpoint", "kill -9 at any instant", "INT or TERM", "forced unlock", "race", "race and kill -9", "failing disk", "link cut",
                                                    "session ended", "server crash" };
    return names[fault];
}

void soak_wrong(struct soak *s, const char *format, ...)
{
    va_list args;
    if (s->wrong[0])
        return;
    va_start(args, format);
    vsnprintf(s->wrong, sizeof s->wrong, format, args);
    va_end(args);
}

static enum soak_fault pick_fault(struct soak *s)
{
    static const enum soak_fault lite[] = { SOAK_NONE, SOAK_KILL_POINT, SOAK_KILL_POINT, SOAK_KILL, SOAK_KILL, SOAK_SIGNAL, SOAK_UNLOCK, SOAK_RACE, SOAK_RACE_KILL, SOAK_VFS, SOAK_VFS, SOAK_VFS };
    static const enum soak_fault pg[] = { SOAK_NONE, SOAK_KILL_POINT, SOAK_KILL_POINT, SOAK_KILL, SOAK_SIGNAL, SOAK_UNLOCK, SOAK_RACE, SOAK_RACE_KILL, SOAK_CUT, SOAK_CUT, SOAK_CUT, SOAK_TERMINATE };
    if (s->sb.kind == SANDBOX_SQLITE)
        return lite[soak_random(s, (int)(sizeof lite / sizeof *lite))];
    return soak_random(s, CRASH_EACH) == 0 ? SOAK_CRASH : pg[soak_random(s, (int)(sizeof pg / sizeof *pg))];
}

static enum sandbox_kind pick_kind(struct soak *s)
{
    bool pg = soak_random(s, 2);
    if (!sandbox_has(SANDBOX_SQLITE) || !sandbox_has(SANDBOX_POSTGRES))
        return sandbox_has(SANDBOX_SQLITE) ? SANDBOX_SQLITE : SANDBOX_POSTGRES;
    return pg ? SANDBOX_POSTGRES : SANDBOX_SQLITE;
}

static void write_files(struct soak *s)
{
    sandbox_steps(&s->sb, s->files, s->rows);
    sandbox_sql(&s->sb, "CREATE TABLE ra_log (n INTEGER)");
    sandbox_sql(&s->sb, "CREATE TABLE outside_log (n INTEGER)");
    if (s->repeatable)
        sandbox_file(&s->sb, "RA__tick.sql", "INSERT INTO ra_log VALUES (1);\n");
    if (s->outside)
        sandbox_file(&s->sb, "V99__outside.sql",
                     "-- jetbase: no-transaction\nINSERT INTO outside_log VALUES (1);\nINSERT INTO outside_log VALUES (2);\nINSERT INTO outside_log VALUES (3);\nINSERT INTO outside_log VALUES (4);\n"
                     "-- rollback\nDELETE FROM outside_log;\n");
}

static void apply_some(struct soak *s, int n)
{
    char count[16];
    const char *const args[] = { "upgrade", "--count", count, NULL };
    struct process p;
    if (n == 0)
        return;
    snprintf(count, sizeof count, "%d", n);
    if (sandbox_run(&s->sb, &p, args) != 0)
        soak_wrong(s, "the first upgrade ends with %d: %s%s", p.exit, p.out, p.err);
    process_free(&p);
}

void soak_open(struct soak *s, unsigned seed)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->state = 0x9e3779b97f4a7c15u ^ ((uint64_t)seed * 0x2545f4914f6cdd1du);
    for (int i = 0; i < 8; i++)
        soak_random(s, 2);
    sandbox_open(&s->sb, pick_kind(s));
    s->opened = true;
    s->files = 1 + soak_random(s, FILES_MOST);
    s->rows = 1 + soak_random(s, ROWS_MOST);
    s->repeatable = soak_random(s, 3) == 0;
    s->before = soak_random(s, 2) ? soak_random(s, s->files + 1) : 0;
    s->back = s->before > 0 && soak_random(s, 3) == 0;
    s->count = s->back ? 1 + soak_random(s, s->before) : 0;
    s->outside = !s->back && soak_random(s, 4) == 0;
    s->json = soak_random(s, 2);
    s->fault = pick_fault(s);
    write_files(s);
    apply_some(s, s->before);
    s->before = sandbox_check_steps(&s->sb, s->files);
    s->ticks = (int)sandbox_number(&s->sb, "SELECT count(*) FROM ra_log");
}

void soak_close(struct soak *s)
{
    for (int i = 0; i < s->started; i++)
        process_free(&s->runs[i]);
    if (s->opened)
        sandbox_close(&s->sb);
}

/* Starts the command as the next process. */
static struct process *start(struct soak *s, const char *program, const char *const env[])
{
    struct process *p = &s->runs[s->started++];
    char count[16];
    const char *argv[8] = { program, s->back ? "rollback" : "upgrade" };
    int n = 2;
    if (s->back) {
        snprintf(count, sizeof count, "%d", s->count);
        argv[n++] = "--count";
        argv[n++] = count;
    }
    if (s->json)
        argv[n++] = "--json";
    process_start(p, s->sb.dir, argv, env);
    return p;
}

static struct process *start_plain(struct soak *s)
{
    const char *const env[] = { s->sb.variable, NULL };
    return start(s, process_jetbase(), env);
}

static struct process *start_faulty(struct soak *s, const char *action)
{
    static const char *const points[] = { "before-lock", "locked", "planned", "head", "statement", "fence", "commit", "started", "done", "released" };
    const char *point = points[soak_random(s, (int)(sizeof points / sizeof *points))];
    char set[100];
    const char *const env[] = { s->sb.variable, set, NULL };
    int nth = 1 + soak_random(s, 4);
    snprintf(set, sizeof set, "JETBASE_FAILPOINT=%s:%d=%s", point, nth, action);
    snprintf(s->words, sizeof s->words, "%s at %s, time %d", action, point, nth);
    return start(s, process_faulty(), env);
}

static void nap(struct soak *s)
{
    long us = soak_random(s, s->sb.kind == SANDBOX_SQLITE ? SPAN_SQLITE_US : SPAN_POSTGRES_US);
    nanosleep(&(struct timespec){ 0, us * 1000 }, NULL);
    snprintf(s->words + strlen(s->words), sizeof s->words - strlen(s->words), " after %ld us", us);
}

static void end_all(struct soak *s)
{
    for (int i = 0; i < s->started; i++)
        if (!s->runs[i].out)
            process_wait(&s->runs[i]);
}

static void forced_unlock(struct soak *s)
{
    static const char *const unlock[] = { "unlock", NULL };
    struct process *first = start_faulty(s, "stop");
    if (!process_wait_stopped(first))
        return;
    sandbox_run(&s->sb, NULL, unlock); /* it may refuse: the holder is at its commit */
    if (soak_random(s, 2))
        process_wait(start_plain(s));
    kill(first->pid, SIGCONT);
}

static void race(struct soak *s, bool killed)
{
    int n = 2 + soak_random(s, SOAK_RUNS - 1), victim = killed ? soak_random(s, n) : -1;
    snprintf(s->words, sizeof s->words, "%d at once", n);
    for (int i = 0; i < n; i++)
        start_plain(s);
    if (victim < 0)
        return;
    nap(s);
    kill(s->runs[victim].pid, SIGKILL);
}

#ifdef JETBASE_SQLITE
static void failing_disk(struct soak *s)
{
    static const char *const names[] = FAULTVFS_NAMES;
    static const int span[FAULTVFS_OPS] = { 30, 150, 150, 3, 30, 15, 150 };
    int op = soak_random(s, FAULTVFS_OPS);
    char fail[300];
    const char *const env[] = { s->sb.variable, "JETBASE_FAILPOINT_MS=release=200", fail, NULL };
    snprintf(s->words, sizeof s->words, "%s:%d%s", names[op], 1 + soak_random(s, span[op]), soak_random(s, 3) == 0 ? "+" : "");
    snprintf(fail, sizeof fail, FAULTVFS_FAIL "=%s", s->words);
    start(s, process_faulty(), env);
}
#endif

#ifdef JETBASE_POSTGRES
static void cut_link(struct soak *s)
{
    struct proxy *proxy = proxy_start(pg_server_port());
    enum proxy_side side = soak_random(s, 2) ? PROXY_CLIENT : PROXY_SERVER;
    size_t bytes = (size_t)soak_random(s, side == PROXY_CLIENT ? 20000 : 8000);
    char url[700];
    const char *const env[] = { url, NULL };
    const char *at = strstr(s->sb.variable, "127.0.0.1:"), *slash;
    assert_non_null(at);
    at += strlen("127.0.0.1:");
    slash = strchr(at, '/');
    snprintf(url, sizeof url, "%.*s%d%s", (int)(at - s->sb.variable), s->sb.variable, proxy_port(proxy), slash);
    proxy_cut_bytes(proxy, side, bytes);
    snprintf(s->words, sizeof s->words, "cut after %zu bytes of the %s", bytes, side == PROXY_CLIENT ? "client" : "server");
    start(s, process_jetbase(), env);
    end_all(s);
    proxy_stop(proxy);
}

static void end_session(struct soak *s)
{
    start_plain(s);
    nap(s);
    sandbox_sql(&s->sb, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'jetbase%'");
}

static void crash(struct soak *s)
{
    start_plain(s);
    nap(s);
    pg_server_crash();
    end_all(s);
    pg_server_start_again();
}
#endif

static void signal_it(struct soak *s, int signal)
{
    struct process *p = start_plain(s);
    snprintf(s->words, sizeof s->words, "%s", strsignal(signal));
    nap(s);
    kill(p->pid, signal);
}

void soak_strike(struct soak *s)
{
    switch (s->fault) {
    case SOAK_KILL_POINT: start_faulty(s, "kill"); break;
    case SOAK_KILL: signal_it(s, SIGKILL); break;
    case SOAK_SIGNAL: signal_it(s, soak_random(s, 2) ? SIGINT : SIGTERM); break;
    case SOAK_UNLOCK: forced_unlock(s); break;
    case SOAK_RACE: race(s, false); break;
    case SOAK_RACE_KILL: race(s, true); break;
#ifdef JETBASE_SQLITE
    case SOAK_VFS: failing_disk(s); break;
#endif
#ifdef JETBASE_POSTGRES
    case SOAK_CUT: cut_link(s); break;
    case SOAK_TERMINATE: end_session(s); break;
    case SOAK_CRASH: crash(s); break;
#endif
    default: start_plain(s); break;
    }
    end_all(s);
}
