/* test_oncall.c: every message that man/jetbase-oncall.7 explains is said by the real program here, in the situation that it explains; one that is not, and one that is said here and not explained there, is a failure. */
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
#include <libpq-fe.h>
#include <sqlite3.h>

#include "lock.h"
#include "support/bouncer.h"
#include "support/faulty.h"
#include "support/outside.h"
#include "support/pg_server.h"
#include "support/proxy.h"

enum { MESSAGES_MOST = 100 };

/* A message of the page; "..." in it stands for anything within a line. */
static struct message {
    char text[600];
    bool heard;
} messages[MESSAGES_MOST];
static size_t count;

static const char *const upgrade[] = { "upgrade", NULL };

static void read_page(void)
{
    static const char begin[] = ".It Sy \"";
    const char *srcdir = getenv("srcdir");
    char path[600], line[600];
    snprintf(path, sizeof path, "%s/man/jetbase-oncall.7", srcdir ? srcdir : ".");
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *end = strrchr(line, '"');
        if (strncmp(line, begin, strlen(begin)) != 0)
            continue;
        assert_true(count < MESSAGES_MOST && end > line + strlen(begin));
        *end = '\0';
        snprintf(messages[count++].text, sizeof messages[0].text, "%s", line + strlen(begin));
    }
    fclose(file);
    assert_true(count > 0);
}

/* Does one line of the text hold the parts of the message, one after the other? */
static bool line_holds(const char *line, const char *message)
{
    char copy[600], *part = copy;
    snprintf(copy, sizeof copy, "%s", message);
    while (part) {
        char *dots = strstr(part, "...");
        if (dots)
            *dots = '\0';
        line = strstr(line, part);
        if (!line)
            return false;
        line += strlen(part);
        part = dots ? dots + 3 : NULL;
    }
    return true;
}

static bool text_holds(const char *text, const char *message)
{
    char *copy = strdup(text), *rest = copy, *line;
    bool found = false;
    assert_non_null(copy);
    while (!found && (line = strsep(&rest, "\n")) != NULL)
        found = line_holds(line, message);
    free(copy);
    return found;
}

/* The program, ended, has said that message of the page, with that exit status, and `next`: what is true now or what to do. Frees it. */
static void said(struct process *p, int code, const char *message, const char *next)
{
    struct message *m = NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(messages[i].text, message) == 0)
            m = &messages[i];
    if (!m)
        fail_msg("man/jetbase-oncall.7 does not explain: %s", message);
    if (p->exit != code || !(text_holds(p->err, message) || text_holds(p->out, message)) || (next && !strstr(p->err, next) && !strstr(p->out, next)))
        fail_msg("expected exit %d and: %s\nand: %s\n[exit %d]\n[stdout]\n%s[stderr]\n%s", code, message, next ? next : "", p->exit, p->out, p->err);
    m->heard = true;
    process_free(p);
}

static void says(const struct sandbox *sb, const char *line, int code, const char *message, const char *next)
{
    struct process p;
    run_line(sb, &p, line);
    said(&p, code, message, next);
}

/* That message can't be produced here. */
static void not_here(const char *message, const char *why)
{
    print_message("not run here: \"%s\" (%s)\n", message, why);
    for (size_t i = 0; i < count; i++)
        messages[i].heard = messages[i].heard || strcmp(messages[i].text, message) == 0;
}

static void stopped_at(const struct sandbox *sb, struct process *p, const char *failpoint)
{
    sandbox_start(sb, p, true, failpoint, upgrade);
    assert_true(process_wait_stopped(p));
}

static void go_on(struct process *p)
{
    kill(p->pid, SIGCONT);
    process_wait(p);
}

static void killed(struct process *p)
{
    kill(p->pid, SIGKILL);
    process_wait(p);
    process_free(p);
}

static void open_files(struct sandbox *sb, enum sandbox_kind kind, int n)
{
    sandbox_open(sb, kind);
    sandbox_steps(sb, n, 3);
}

#define ALIVE(kind) ((kind) == SANDBOX_SQLITE ? "alive: process ... on ... holds its mark on the database file, it can still commit" : "alive: session ... can still commit")
#define DEAD(kind) ((kind) == SANDBOX_SQLITE ? "dead: its process is gone, it cannot commit" : "dead: its session is gone, it cannot commit")

static void held(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char unlock[100], *id;
    open_files(&sb, kind, 2);
    stopped_at(&sb, &p, "locked=stop");
    says(&sb, "upgrade", 3, "Migration lock is already held by another process.", "Nothing was done. Wait until it has ended");
    says(&sb, "upgrade", 3, ALIVE(kind), "`jetbase lock-status` shows what it does.");
    says(&sb, "upgrade --wait 100ms", 3, "note: waiting for the lock, held by ...", "Nothing was done.");
    says(&sb, "upgrade --wait 100ms", 3, "Migration lock is still held by another process after ... of waiting", "Nothing was done.");
    says(&sb, "unlock --if-dead", 3, "the holder is alive, nothing was done", "To unlock all the same: jetbase unlock --process-id ");
    says(&sb, "unlock --process-id 11111111-2222-4333-8444-555555555555", 3, "the lock changed hands, nothing was done", "It is now held by process ID ");
    killed(&p);
    outside_until_dead(&sb);
    says(&sb, "upgrade", 3, DEAD(kind), "`jetbase upgrade --take-over-dead` goes on, `jetbase unlock --if-dead` only unlocks.");
    says(&sb, "upgrade --wait 100ms", 3, "note: the lock is held by a dead run, and waiting alone does not free it: ...", "To open it: jetbase unlock --if-dead");
    run_has(&sb, "upgrade --take-over-dead", 0, NULL, NULL);
    assert_int_equal(sandbox_check_steps(&sb, 2), 2);
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = '11111111-2222-4333-8444-555555555555'");
    sandbox_file(&sb, "V3__more.sql", "CREATE TABLE more (id INTEGER);\n");
    says(&sb, "upgrade", 3, "unknown: the lock of another program: ...", "Make sure that its holder has ended, then: jetbase unlock --process-id ");
    says(&sb, "unlock --if-dead", 3, "that the holder is dead can't be proven, nothing was done", "jetbase unlock --process-id ");
    id = sandbox_text(&sb, "SELECT process_id FROM jetbase_lock");
    snprintf(unlock, sizeof unlock, "unlock --process-id %s", id);
    free(id);
    run_has(&sb, unlock, 0, NULL, NULL);
    sandbox_close(&sb);
}

static void lost(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_files(&sb, kind, 1);
    stopped_at(&sb, &p, "locked=stop");
    run_has(&sb, "unlock", 0, NULL, NULL);
    go_on(&p);
    said(&p, 4, "the lock was lost: somebody unlocked it while ... ran", "V1__step_1.sql was rolled back: nothing of it remains.");
    assert_int_equal(sandbox_check_steps(&sb, 1), 0);
    sandbox_close(&sb);
}

static void at_its_commit(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    open_files(&sb, kind, 1);
    stopped_at(&sb, &p, "fence:1=stop");
    if (kind == SANDBOX_POSTGRES) /* it reads its answers no more, but the server has the fence */
        outside_until(&sb, "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'jetbase_lock' AND l.mode = 'RowShareLock'", 1);
    says(&sb, "unlock", 3, "the holder is at its commit..., or somebody keeps the lock row busy; the lock was not changed", "Try again in a moment");
    go_on(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    sandbox_close(&sb);
}

static void half_applied(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char unlock[100], *id;
    sandbox_open(&sb, kind);
    outside_five(&sb);
    stopped_at(&sb, &p, "started:3=stop");
    id = sandbox_text(&sb, "SELECT process_id FROM jetbase_lock");
    snprintf(unlock, sizeof unlock, "unlock --process-id %s", id);
    free(id);
    says(&sb, unlock, 3, "refused: a statement outside a transaction would go on beside the next run", "Nothing was done. Wait until it has ended");
    run_has(&sb, "unlock", 0, NULL, NULL);
    says(&sb, "upgrade", 3, "an earlier run has a statement outside a transaction that still runs; ...", "Nothing was done. Wait until it has ended");
    killed(&p);
    while (run_line(&sb, &p, "upgrade") == 3) /* its session ends by itself */
        process_free(&p);
    said(&p, 5, "... is half applied: ...", "`jetbase resolve V2__five.sql` shows what is known and the ways out");
    sandbox_close(&sb);
}

static void history(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char path[300];
    open_files(&sb, kind, 2);
    run_has(&sb, "upgrade", 0, NULL, "");
    sandbox_start(&sb, &p, true, "locked=stop", (const char *const[]){ "rollback", NULL });
    assert_true(process_wait_stopped(&p));
    struct process waits;
    sandbox_start(&sb, &waits, false, NULL, (const char *const[]){ "rollback", "--wait", "forever", NULL });
    process_hear(&waits, true, "waiting for the lock");
    go_on(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    process_wait(&waits);
    said(&waits, 5, "somebody else changed what is applied while this rollback was kept from the lock; nothing was run", "Look at `jetbase history`");
    sandbox_file(&sb, "V1__step_1.sql", "SELECT 1;\n");
    says(&sb, "upgrade", 5, "Checksum mismatch for versions: ...", "jetbase fix-checksums");
    snprintf(path, sizeof path, "%s/migrations/V1__step_1.sql", sb.dir);
    assert_int_equal(unlink(path), 0);
    says(&sb, "upgrade", 5, "Version ... has been migrated but is missing from the current migration files.", "jetbase fix-files");
    sandbox_close(&sb);
}

static sqlite3 *beside(const struct sandbox *sb, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(sb->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void copy(const char *from, const char *to)
{
    char line[900];
    snprintf(line, sizeof line, "cp '%s' '%s'", from, to);
    assert_int_equal(system(line), 0);
}

/* The disk takes no write any more from some point on; where that is the release, the lock stays. */
static void disk_full(void)
{
    static const char *const message = "the lock could not be released: ...";
    for (int n = 1; n < 200; n++) {
        struct sandbox sb;
        struct process p;
        char fail[32];
        snprintf(fail, sizeof fail, "write:%d+", n);
        open_files(&sb, SANDBOX_SQLITE, 1);
        faulty_start(&sb, &p, fail, upgrade);
        process_wait(&p);
        bool heard = strstr(p.err, "error: the lock could not be released") != NULL;
        if (heard)
            said(&p, 1, message, "The migration of this run is committed.");
        else
            process_free(&p);
        if (heard)
            run_has(&sb, "unlock --if-dead", 0, NULL, NULL);
        sandbox_close(&sb);
        if (heard)
            return;
    }
    fail_msg("never said: %s", message);
}

static void sqlite_file(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char other[400];
    sqlite3 *db;
    if (kind != SANDBOX_SQLITE)
        return;
    disk_full();
    open_files(&sb, kind, 2);
    run_has(&sb, "upgrade --count 1", 0, NULL, "");
    db = beside(&sb, "BEGIN IMMEDIATE");
    says(&sb, "upgrade", 3, "DETAIL: It names nobody now: when this run asked, somebody held it or kept its row locked...", "Nothing was done. Run the command again.");
    assert_int_equal(sqlite3_exec(db, "ROLLBACK; BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    says(&sb, "upgrade", 3, "the database file is locked by ...", "Nothing was changed. Try again in a moment.");
    says(&sb, "status", 3, "the database file is exclusively locked by a writer: ...", "Nothing was changed. Try again in a moment.");
    sqlite3_close(db);
    stopped_at(&sb, &p, "locked=stop");
    killed(&p);
    db = beside(&sb, "BEGIN IMMEDIATE");
    says(&sb, "unlock --if-dead", 3, "somebody else keeps the lock row, or the database, busy; the lock was not changed", "Try again in a moment.");
    sqlite3_close(db);
    snprintf(other, sizeof other, "%s.copy", sb.path);
    copy(sb.path, other);
    assert_int_equal(rename(other, sb.path), 0);
    says(&sb, "upgrade", 3, "unknown: taken on another file (a copy, a restored file or an overlay): ...", "Make sure that its holder has ended, then: jetbase unlock --process-id ");
    run_has(&sb, "unlock", 0, NULL, NULL);
    stopped_at(&sb, &p, "locked=stop");
    copy(sb.path, other);
    assert_int_equal(rename(other, sb.path), 0);
    go_on(&p);
    said(&p, 1, "the database file ... was moved, removed or replaced while it was in use", "What was not committed before stays undone.");
    snprintf(other, sizeof other, "%s-journal", sb.path);
    FILE *file = fopen(other, "we");
    assert_true(file && fputs("this is no journal, but it is there", file) >= 0 && fclose(file) == 0);
    says(&sb, "status", 1, "the database file needs recovery: its last writer died inside a transaction", "The next program that writes recovers it by itself");
    sandbox_close(&sb);
}

/* The verdict that the judge gives, as commands print it, must be a message of the page; it is heard by that. */
static void judged(const struct db_lock_row *row)
{
    char evidence[600], words[700];
    bool explained = false;
    enum lock_verdict verdict = lock_judge(row, evidence, sizeof evidence);
    snprintf(words, sizeof words, "%s: %s", lock_verdict_name(verdict), evidence);
    for (size_t i = 0; i < count; i++) {
        const char *text = strncmp(messages[i].text, "Verdict: UNKNOWN: ", 18) == 0 ? messages[i].text + 18 : messages[i].text;
        if (!text_holds(words, text))
            continue;
        explained = messages[i].heard = true;
    }
    if (!explained)
        fail_msg("man/jetbase-oncall.7 does not explain the verdict: %s", words);
}

/* Every verdict there can be, from the judge itself: some need a machine that was restarted, a file system without locks, a role that sees no locks. */
static void verdicts(enum sandbox_kind kind)
{
    (void)kind;
    for (int why = WHY_NONE; why <= WHY_HIDDEN; why++)
        for (int has_run = 0; has_run < 2; has_run++) {
            struct db_lock_row row = { .table = true, .row = true, .locked = true, .has_run = has_run, .witness = WITNESS_UNKNOWN, .why = (enum db_why)why };
            snprintf(row.run.witness, sizeof row.run.witness, "pg");
            judged(&row);
        }
    for (int session = 0; session < 2; session++) {
        struct db_lock_row row = { .table = true, .row = true, .locked = true, .has_run = true, .witness = WITNESS_HELD, .session_pid = session * 77 };
        row.run.session_pid = session * 77;
        snprintf(row.run.witness, sizeof row.run.witness, "pg");
        judged(&row);
        row.own = true;
        judged(&row);
        row.own = false;
        row.witness = WITNESS_ABSENT;
        judged(&row);
    }
}

/* SQLite: a lock that was taken before a restart. */
static void other_boot(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    if (kind != SANDBOX_SQLITE)
        return;
    open_files(&sb, kind, 1);
    stopped_at(&sb, &p, "locked=stop");
    killed(&p);
    sandbox_sql(&sb, "UPDATE jetbase_runs SET witness = 'ofd:00000000-0000-4000-8000-000000000000' || substr(witness, 41)");
    says(&sb, "upgrade", 3, "unknown: taken on another machine, or before a restart: ...", "Make sure that its holder has ended, then: jetbase unlock --process-id ");
    sandbox_close(&sb);
}

/* ---- PostgreSQL alone ---- */

static PGconn *client(const struct sandbox *sb, const char *sql)
{
    PGconn *conn = PQconnectdb(sb->conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQclear(PQexec(conn, sql));
    return conn;
}

/* The same database at another port. */
static struct sandbox at_port(const struct sandbox *sb, int port)
{
    struct sandbox other = *sb;
    snprintf(other.variable, sizeof other.variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", port, strrchr(sb->url, '/'));
    return other;
}

static void server(enum sandbox_kind kind)
{
    struct sandbox sb, nowhere;
    struct process p;
    PGconn *conn;
    if (kind != SANDBOX_POSTGRES)
        return;
    open_files(&sb, kind, 1);
    nowhere = at_port(&sb, pg_server_free_port());
    says(&nowhere, "upgrade", 6, "can't connect to PostgreSQL at ...", "HINT: ");
    says(&nowhere, "upgrade --wait 100ms", 6, "note: waiting for the server: ...", "(waited ");
    stopped_at(&sb, &p, "commit:1=stop");
    run_has(&sb, "unlock", 0, NULL, NULL);
    go_on(&p);
    said(&p, 0, "somebody unlocked this run before it gave the lock back; all its migrations were committed under the lock", NULL);
    conn = client(&sb, "BEGIN; LOCK TABLE t1 IN SHARE MODE");
    sandbox_file(&sb, "V2__wait.sql", "ALTER TABLE t1 ADD more int;\n");
    says(&sb, "upgrade --lock-timeout 100ms", 3, "canceling statement due to lock timeout", "V2__wait.sql was rolled back: nothing of it remains.");
    says(&sb, "upgrade --lock-timeout 2s", 3, "DETAIL: It waited for session ...", "V2__wait.sql was rolled back: nothing of it remains.");
    PQfinish(conn);
    sandbox_close(&sb);
}

static void poolers(enum sandbox_kind kind)
{
    static const char statement_mode[] = "the pooler at ... ended the connection at a BEGIN: it lets no transaction through (PgBouncer's statement mode)";
    struct sandbox sb, behind;
    struct process p;
    struct bouncer bouncer;
    struct proxy *proxy;
    if (kind != SANDBOX_POSTGRES)
        return;
    open_files(&sb, kind, 1);
    proxy = proxy_start(pg_server_port());
    proxy_pose_as_pooler(proxy);
    behind = at_port(&sb, proxy_port(proxy));
    stopped_at(&behind, &p, "locked=stop");
    says(&sb, "upgrade", 3, "unknown: its run has no witness: ...", "Make sure that its holder has ended, then: jetbase unlock --process-id ");
    killed(&p);
    run_has(&sb, "unlock", 0, NULL, NULL);
    sandbox_start(&sb, &p, true, "locked=stop", upgrade);
    assert_true(process_wait_stopped(&p));
    says(&behind, "upgrade", 3, "unknown: this connection goes through a pooler: ...", "Make sure that its holder has ended, then: jetbase unlock --process-id ");
    killed(&p);
    run_has(&sb, "unlock", 0, NULL, NULL);
    sandbox_file(&sb, "V2__vacuum.sql", "VACUUM;\n");
    says(&behind, "upgrade", 1, "... runs outside a transaction, and this run has no witness: ...", "Nothing was run.");
    proxy_stop(proxy);
    if (bouncer_start(&bouncer, "statement", 4)) {
        behind = at_port(&sb, bouncer.port);
        says(&behind, "upgrade", 2, statement_mode, "HINT: ");
        bouncer_stop(&bouncer);
    } else {
        not_here(statement_mode, "PgBouncer is not installed");
    }
    sandbox_close(&sb);
}

static void cut(enum proxy_side side, const char *after, const char *words, int code, const char *message, const char *next)
{
    struct sandbox sb, through;
    open_files(&sb, SANDBOX_POSTGRES, 1);
    struct proxy *proxy = proxy_start(pg_server_port());
    through = at_port(&sb, proxy_port(proxy));
    proxy_cut(proxy, side, after, words, 1);
    says(&through, "upgrade", code, message, next);
    assert_int_equal(proxy_cuts(proxy), 1);
    proxy_stop(proxy);
    sandbox_close(&sb);
}

static void connection(enum sandbox_kind kind)
{
    struct sandbox sb, through;
    struct process p;
    struct proxy *proxy;
    if (kind != SANDBOX_POSTGRES)
        return;
    cut(PROXY_SERVER, "is_locked = TRUE", "COMMIT", 6, "the connection was lost while the lock was taken; nothing was run", "The lock is released. Run the command again");
    cut(PROXY_CLIENT, NULL, "CREATE TABLE t1", 6, "the connection was lost in ...", "The lock is released.");
    cut(PROXY_SERVER, "CREATE TABLE t1", "COMMIT", 0, "note: ... was committed before the connection was lost", NULL);
    open_files(&sb, kind, 1);
    stopped_at(&sb, &p, "fence:1=stop");
    sandbox_sql(&sb, "SELECT pg_terminate_backend(session_pid) FROM jetbase_runs");
    go_on(&p);
    said(&p, 6, "note: ... was not committed: nothing of it remains", "The lock is released. Run the command again");
    proxy = proxy_start(pg_server_port());
    through = at_port(&sb, proxy_port(proxy));
    proxy_swallow(proxy, "CREATE TABLE t1", "COMMIT", 1);
    const char *const argv[] = { process_faulty(), "upgrade", NULL }, *const env[] = { through.variable, "JETBASE_FAILPOINT_MS=silence=1000", NULL };
    process_run(&p, sb.dir, argv, env);
    said(&p, 0, "... no answer came", "V1__step_1.sql was committed");
    sandbox_sql(&sb, "UPDATE jetbase_lock SET is_locked = TRUE, process_id = '7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1'");
    proxy_cut(proxy, PROXY_SERVER, "is_locked = FALSE", "COMMIT", 1);
    says(&through, "unlock", 0, "the answer to the unlock was lost; the lock is ... now", "the lock is free now");
    proxy_stop(proxy);
    sandbox_file(&sb, "V2__more.sql", "CREATE TABLE more (id int);\n");
    stopped_at(&sb, &p, "fence:1=stop");
    pg_server_crash();
    go_on(&p);
    pg_server_start_again();
    said(&p, 1, "the connection was lost at the COMMIT of ...; whether it was committed is not known", "`jetbase lock-status` and `jetbase history` tell what is true.");
    sandbox_close(&sb);
}

static void until(const struct sandbox *sb, const char *sql, int64_t wanted)
{
    while (sandbox_number(sb, sql) != wanted)
        continue;
}

static void standby(enum sandbox_kind kind)
{
    struct sandbox sb, there, both;
    struct process p;
    PGconn *guard;
    char sql[200], *lsn;
    if (kind != SANDBOX_POSTGRES)
        return;
    open_files(&sb, kind, 4);
    there = at_port(&sb, pg_server_standby_port());
    snprintf(there.conninfo, sizeof there.conninfo, "postgresql://postgres@127.0.0.1:%d%s", pg_server_standby_port(), strrchr(sb.url, '/'));
    both = sb;
    snprintf(both.variable, sizeof both.variable, "JETBASE_SQLALCHEMY_URL=postgresql://postgres@127.0.0.1:%d,127.0.0.1:%d%s?target_session_attrs=read-write", pg_server_port(), pg_server_standby_port(), strrchr(sb.url, '/'));
    sandbox_sql(&sb, "CREATE TABLE guard (n int)");
    sandbox_file(&sb, "V4__step_4.sql", "INSERT INTO guard VALUES (1);\n");
    stopped_at(&both, &p, "fence:1=stop");
    lsn = sandbox_text(&sb, "SELECT pg_current_wal_lsn()");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= '%s'", lsn);
    free(lsn);
    until(&sb, sql, 1);
    says(&there, "upgrade", 2, "the server at ... is a standby (in recovery); migrations and unlocks run on the primary only", "HINT: ");
    says(&there, "lock-status", 0, "note: this server is a standby...", "a run or an unlock needs the primary");
    says(&there, "lock-status", 0, "Verdict: UNKNOWN: this server is a standby: rows are replicated, locks are not", "ask the primary");
    sandbox_sql(&there, "ALTER SYSTEM SET primary_conninfo = ''");
    sandbox_sql(&there, "SELECT pg_reload_conf()");
    until(&sb, "SELECT count(*) FROM pg_stat_replication", 0);
    guard = client(&sb, "BEGIN; LOCK TABLE guard");
    kill(p.pid, SIGCONT);
    until(&sb, "SELECT count(*) FROM jetbase_migrations", 3);
    pg_server_crash();
    pg_server_standby_promote();
    process_wait(&p);
    PQfinish(guard);
    said(&p, 6, "of ... migrations that this run had committed this server has ...: it took over without the others", "The lock is released.");
    pg_server_standby_drop();
    pg_server_start_again();
    sandbox_close(&sb);
}

/* Comes last, after both databases. */
static void all_are_heard(enum sandbox_kind kind)
{
    unsigned missing = 0;
    if (kind != SANDBOX_POSTGRES || !sandbox_has(SANDBOX_SQLITE))
        return;
    for (size_t i = 0; i < count; i++) {
        if (!messages[i].heard)
            print_error("man/jetbase-oncall.7 explains what was not said: %s\n", messages[i].text);
        missing += !messages[i].heard;
    }
    assert_int_equal(missing, 0);
}

int main(void)
{
    static const struct run_case tests[] = {
        RUN_TEST(held), RUN_TEST(verdicts), RUN_TEST(other_boot), RUN_TEST(lost), RUN_TEST(at_its_commit), RUN_TEST(half_applied), RUN_TEST(history), RUN_TEST(sqlite_file), RUN_TEST(server), RUN_TEST(poolers), RUN_TEST(connection), RUN_TEST(standby),
        RUN_TEST(all_are_heard),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    read_page();
    return run_group("oncall", tests, sizeof tests / sizeof *tests);
}
