/* test_large.c: large files and statements run in bounded memory, and a run that is stopped among them ends at once, with nothing left. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "support/run.h"
#ifdef JETBASE_POSTGRES
#include "support/pg_server.h"
#include "support/proxy.h"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MEMORY 0
#elif defined(__has_feature)
#define OWN_MEMORY !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define OWN_MEMORY 1
#endif

enum { MB = 1024, FEW_STATEMENTS = 5000, MANY_STATEMENTS = 100000 }; /* MB in kB, as peaks are */

/* Megabytes of the one statement. From about 55 on the bound of three times its size tells a copy too many. */
static long size_mb(void)
{
    return sandbox_setting("SIZE_MB", 64);
}

static void needs_own_memory(void)
{
    if (OWN_MEMORY)
        return;
    puts("not run here: the bounds on memory (a sanitizer keeps more)");
    skip();
}

static FILE *open_file(const struct sandbox *sb, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/migrations/%s", sb->dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    return file;
}

static void close_file(FILE *file)
{
    fputs("-- rollback\nDROP TABLE big;\n", file);
    assert_int_equal(ferror(file), 0);
    assert_int_equal(fclose(file), 0);
}

/* `count` statements, the first of which makes the table; `line_end` stands behind each. */
static void write_many(const struct sandbox *sb, int count, int width, const char *line_end)
{
    FILE *file = open_file(sb, "V1__many.sql");
    fprintf(file, "CREATE TABLE big (n INTEGER, x TEXT);%s", line_end);
    for (int i = 1; i < count; i++)
        fprintf(file, "INSERT INTO big VALUES (%d, '%0*d');%s", i, width, i, line_end);
    fputs("\n", file);
    close_file(file);
}

/* One statement of that many megabytes: a literal of so many bytes in each of its rows. */
static void write_statement(const struct sandbox *sb, long mb, long rows)
{
    static const char block[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"; /* 64 bytes, with a line end */
    FILE *file = open_file(sb, "V1__long.sql");
    fputs("CREATE TABLE big (n INTEGER, x TEXT);\nINSERT INTO big VALUES\n", file);
    for (long row = 0; row < rows; row++) {
        fprintf(file, "(%ld, '", row);
        for (long i = 0; i < mb * MB * 16 / rows; i++)
            fputs(block, file);
        fprintf(file, "')%s", row + 1 < rows ? ",\n" : ";\n");
    }
    close_file(file);
}

/* Runs `jetbase LINE`, which must end well, and gives the most memory it took, in kB. */
static long peak_of(const struct sandbox *sb, const char *line)
{
    struct process p;
#ifdef __GLIBC__
    malloc_trim(0); /* what this program holds at the fork counts as its child's */
#endif
    int code = run_line(sb, &p, line);
    if (code != 0)
        print_error("%s: exit %d\n%.2000s", line, code, p.err);
    assert_int_equal(code, 0);
    long peak = p.peak_kb;
    process_free(&p);
    print_message("%s: %ld MB\n", line, peak / MB);
    assert_true(peak > 0);
    return peak;
}

static void at_most(const struct sandbox *sb, const char *line, long most_kb)
{
    long peak = peak_of(sb, line);
    if (peak > most_kb)
        fail_msg("%s took %ld kB, more than %ld", line, peak, most_kb);
}

static void test_many_statements(enum sandbox_kind kind)
{
    struct sandbox sb;
    needs_own_memory();
    sandbox_open(&sb, kind);
    write_many(&sb, FEW_STATEMENTS, 10, "\n");
    at_most(&sb, "status", 64 * MB);
    long few = peak_of(&sb, "upgrade");
    assert_true(few <= 64 * MB);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM big"), FEW_STATEMENTS - 1);
    at_most(&sb, "rollback", 64 * MB);
    /* Twenty times as many statements, and 28 MB of them, take no more: a window moves over the file. */
    write_many(&sb, MANY_STATEMENTS, 250, "\n");
    at_most(&sb, "upgrade", few + 12 * MB);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM big"), MANY_STATEMENTS - 1);
    at_most(&sb, "status", few + 12 * MB);
    at_most(&sb, "fix-checksums", few + 12 * MB);
    at_most(&sb, "rollback", few + 12 * MB);
    at_most(&sb, "upgrade --dry-run", few + 12 * MB);
    at_most(&sb, "upgrade --dry-run --json", few + 12 * MB);
    sandbox_close(&sb);
}

/* All of a file in one line, which Jetbase's rules see as one. */
static void test_one_line(enum sandbox_kind kind)
{
    struct sandbox sb;
    needs_own_memory();
    sandbox_open(&sb, kind);
    write_many(&sb, MANY_STATEMENTS, 250, "");
    at_most(&sb, "status", 24 * MB);
    at_most(&sb, "upgrade", 32 * MB);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM big"), MANY_STATEMENTS - 1);
    at_most(&sb, "rollback", 32 * MB);
    sandbox_close(&sb);
}

static void test_one_statement(enum sandbox_kind kind)
{
    struct sandbox sb;
    long mb = size_mb(), most = 3 * mb * MB + 64 * MB;
    needs_own_memory();
    sandbox_open(&sb, kind);
    write_statement(&sb, mb, 1);
    at_most(&sb, "status", most);
    at_most(&sb, "upgrade --dry-run --json", most);
    at_most(&sb, "upgrade", most);
    assert_int_equal(sandbox_number(&sb, "SELECT max(length(x)) FROM big"), mb * MB * MB);
    at_most(&sb, "validate-checksums", most);
    sandbox_close(&sb);
}

static void test_many_rows(enum sandbox_kind kind)
{
    struct sandbox sb;
    long mb = size_mb(), rows = mb * MB / 16;
    needs_own_memory();
    sandbox_open(&sb, kind);
    write_statement(&sb, mb, rows);
    at_most(&sb, "upgrade", 3 * mb * MB + 64 * MB);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM big"), rows);
    sandbox_close(&sb);
}

/* ---- stopping ---- */

static const char *for_ever(enum sandbox_kind kind)
{
    return kind == SANDBOX_POSTGRES ? "SELECT pg_sleep(600)" : "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
}

/* How often the program has said those words so far. */
static int said(const struct process *p, const char *words)
{
    struct stat st;
    int count = 0;
    assert_int_equal(fstat(p->out_fd, &st), 0);
    char *text = calloc(1, (size_t)st.st_size + 1);
    assert_non_null(text);
    assert_true(pread(p->out_fd, text, (size_t)st.st_size, 0) >= 0);
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
        count++;
    free(text);
    return count;
}

static void until_said(const struct process *p, const char *words, int count)
{
    while (said(p, words) < count) {
        assert_int_equal(kill(p->pid, 0), 0);
        usleep(5000);
    }
}

/* Waits for the end of a run that was stopped: its code, what it says last, nothing of its work left, the lock free. */
static void stopped(const struct sandbox *sb, struct process *p, int code, const char *says)
{
    static const char there[] = "SELECT count(*) FROM %s WHERE name = 'big'";
    char sql[200];
    process_wait(p);
    if (p->exit != code || !strstr(p->out, says))
        print_error("exit %d\n%.300s … %s\n%s", p->exit, p->out, strlen(p->out) > 1500 ? p->out + strlen(p->out) - 1500 : "", p->err);
    assert_int_equal(p->exit, code);
    assert_non_null(strstr(p->out, says));
    assert_non_null(strstr(p->out, "\"outcome\":\"cancelled\""));
    snprintf(sql, sizeof sql, there, sb->kind == SANDBOX_SQLITE ? "sqlite_master" : "(SELECT relname AS name FROM pg_class) AS c");
    assert_int_equal(sandbox_number(sb, sql), 0);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_migrations"), 0);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
    assert_int_equal(sandbox_number(sb, "SELECT count(*) FROM jetbase_runs WHERE outcome = 'cancelled' AND released_at IS NOT NULL"), 1);
    process_free(p);
}

static void stop_among_many(enum sandbox_kind kind, int number, int code)
{
    static const char *const upgrade[] = { "upgrade", "--json", NULL };
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    FILE *file = open_file(&sb, "V1__many.sql");
    fputs("CREATE TABLE big (n INTEGER);\n", file);
    for (int i = 1; i < FEW_STATEMENTS; i++)
        if (i == FEW_STATEMENTS / 2)
            fprintf(file, "%s;\n", for_ever(kind));
        else
            fprintf(file, "INSERT INTO big VALUES (%d);\n", i);
    close_file(file);
    sandbox_start(&sb, &p, false, NULL, upgrade);
    until_said(&p, "\"statement-done\"", FEW_STATEMENTS / 2);
    assert_int_equal(said(&p, "\"migration-applied\""), 0);
    kill(p.pid, number);
    stopped(&sb, &p, code, "V1__many.sql was rolled back: nothing of it remains");
    sandbox_close(&sb);
}

/* Every statement is told as it is done, and the one that runs for ever ends at the signal. */
static void test_stop_among_many(enum sandbox_kind kind)
{
    stop_among_many(kind, SIGINT, 130);
    stop_among_many(kind, SIGTERM, 143);
}

/* The plan under the lock reads the files again; a wish to stop ends that, so what stands in them is not even known. */
static void test_stop_planning(enum sandbox_kind kind)
{
    static const char *const upgrade[] = { "upgrade", "--json", NULL };
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE big (n INTEGER);\n");
    sandbox_start(&sb, &p, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE big (n INTEGER);\nSELECT 'this would be refused");
    kill(p.pid, SIGINT);
    kill(p.pid, SIGCONT);
    stopped(&sb, &p, 130, "Nothing was applied in this run");
    sandbox_close(&sb);
}

/* A repair that is stopped before a file is hashed, at the first look or under the lock: a file that could not be hashed at all shows that none was. */
static void stop_repair(enum sandbox_kind kind, const char *command, const char *failpoint)
{
    const char *const args[] = { command, NULL };
    struct sandbox sb;
    struct process p;
    sandbox_open(&sb, kind);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE big (n INTEGER);\n");
    assert_int_equal(run_line(&sb, &p, "upgrade"), 0);
    process_free(&p);
    sandbox_file(&sb, "V1__a.sql", "CREATE TABLE big (n INTEGER, x TEXT);\n");
    sandbox_start(&sb, &p, true, failpoint, args);
    assert_true(process_wait_stopped(&p));
    sandbox_file(&sb, "V1__a.sql", "\xff");
    kill(p.pid, SIGINT);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    if (p.exit != 130 || !strstr(p.err, "othing was repaired"))
        print_error("%s at %s: exit %d\n%s", command, failpoint, p.exit, p.err);
    assert_int_equal(p.exit, 130);
    assert_non_null(strstr(p.err, "othing was repaired"));
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE NOT is_locked AND process_id IS NULL"), 1);
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_runs WHERE released_at IS NULL"), 0);
    sandbox_close(&sb);
}

static void test_stop_repair(enum sandbox_kind kind)
{
    static const char *const commands[] = { "fix", "fix-checksums" };
    for (size_t i = 0; i < 2; i++) {
        stop_repair(kind, commands[i], "reading=stop");
        stop_repair(kind, commands[i], "locked=stop");
    }
}

#ifdef JETBASE_POSTGRES
/* The same sandbox, reached through the proxy. */
static struct sandbox through_proxy(const struct sandbox *sb, const struct proxy *proxy)
{
    struct sandbox through = *sb;
    char port[40], *at;
    snprintf(port, sizeof port, ":%d/", pg_server_port());
    at = strstr(sb->variable, port);
    assert_non_null(at);
    snprintf(through.variable, sizeof through.variable, "%.*s:%d/%s", (int)(at - sb->variable), sb->variable, proxy_port(proxy), at + strlen(port));
    return through;
}

/* A slow line: the server waits for the rest of a statement for far longer than an answer may be missing, and all of that time bytes go out. The kernel's buffer alone holds more than a few seconds of it. */
static void test_slow_sending(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        skip();
    sandbox_open(&sb, kind);
    write_statement(&sb, 6, 1);
    struct proxy *proxy = proxy_start(pg_server_port());
    proxy_slow(proxy, 600000);
    struct sandbox through = through_proxy(&sb, proxy);
    const char *const argv[] = { process_faulty(), "upgrade", NULL }, *const env[] = { through.variable, "JETBASE_FAILPOINT_MS=silence=1000", NULL };
    process_run(&p, sb.dir, argv, env);
    if (p.exit != 0)
        print_error("exit %d\n%.2000s", p.exit, p.err);
    assert_int_equal(p.exit, 0);
    assert_null(strstr(p.err, "lost"));
    process_free(&p);
    assert_int_equal(sandbox_number(&sb, "SELECT max(length(x)) FROM big"), 6 * MB * MB);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

/* A statement that the network takes only in part: no cancel reaches a server that is still reading, so the run closes the connection and finds out what is true. */
static void test_stop_sending(enum sandbox_kind kind)
{
    static const char *const upgrade[] = { "upgrade", "--json", NULL };
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_POSTGRES)
        skip();
    sandbox_open(&sb, kind);
    write_statement(&sb, 24, 1);
    struct proxy *proxy = proxy_start(pg_server_port());
    struct sandbox through = through_proxy(&sb, proxy);
    proxy_stall(proxy, 1 << 20);
    sandbox_start(&through, &p, false, NULL, upgrade);
    while (proxy_stalls(proxy) == 0) {
        assert_int_equal(kill(p.pid, 0), 0);
        usleep(5000);
    }
    kill(p.pid, SIGTERM);
    stopped(&sb, &p, 143, "V1__long.sql was rolled back: nothing of it remains");
    proxy_stop(proxy);
    sandbox_close(&sb);
}
#endif

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(test_many_statements),
        RUN_TEST(test_one_line),
        RUN_TEST(test_one_statement),
        RUN_TEST(test_many_rows),
        RUN_TEST(test_stop_among_many),
        RUN_TEST(test_stop_planning),
        RUN_TEST(test_stop_repair),
#ifdef JETBASE_POSTGRES
        RUN_TEST(test_slow_sending),
        RUN_TEST(test_stop_sending),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return run_group("large", tests, sizeof tests / sizeof *tests);
}
