/* test_story_readonly.c: `jetbase console --read-only`, and every key that a keyboard has pressed: on nothing at all, on a database whose holder was killed and left a hot journal or a WAL, on a lock that is held and blocked. Not one write: SQLite's files stay the same byte for byte, PostgreSQL's own log of statements tells. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sha256.h"
#include "support/stage.h"
#include "text.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>

#include "support/pg_server.h"
#endif

static const char *const upgrade[] = { "upgrade", NULL };
static const char *const calm[] = { "PAGER=true", "VISUAL=true", NULL };
enum { PATIENCE_S = 60 };

static const char *const none[] = { NULL };
static const char help[] = "Enter alone never confirms";

/* Keys that send more than one byte: arrows, Home, End, paging, Insert, Delete, S-Tab, F1 to F12, Alt with a letter, a press and a wheel of the mouse. */
static const char *const long_keys[] = {
    "\033[A", "\033[B", "\033[C", "\033[D", "\033OA", "\033OB", "\033OC", "\033OD", "\033[H", "\033[F", "\033OH", "\033OF", "\033[1~", "\033[2~", "\033[3~", "\033[4~", "\033[5~", "\033[6~", "\033[Z",
    "\033OP", "\033OQ", "\033OR", "\033OS", "\033[15~", "\033[17~", "\033[18~", "\033[19~", "\033[20~", "\033[21~", "\033[23~", "\033[24~", "\033u", "\033y", "\033F", "\303\244", "\342\202\254",
    "\033[<0;5;7M\033[<0;5;7m", "\033[<0;3;24M\033[<0;3;24m", "\033[<64;5;7M", "\033[<65;5;7M",
};

/* A console that a key has ended is started again; it must have left the terminal as it was. */
static void revive(struct stage *s, const char *opens, const char *key)
{
    if (!term_ended(s->term))
        return;
    int code = term_wait_end(s->term);
    if (term_alternate(s->term) || !term_modes_restored(s->term))
        fail_msg("the key %02x ('%s' before it) ended it with %d and left the terminal spoilt", (unsigned char)key[0], opens, code);
    stage_console(s, calm, "--read-only");
    term_wait_for(s->term, "READ-ONLY");
}

/* After whatever key: the help opens and goes, so every key before it has been done. */
static void settle(struct stage *s, const char *opens, const char *key)
{
    time_t until = time(NULL) + PATIENCE_S;
    for (int turn = 0; !term_has(s->term, help); turn++) {
        revive(s, opens, key);
        if (!term_alternate(s->term)) {
            term_wait_bytes(s->term, 50); /* it is leaving */
            continue;
        }
        if (time(NULL) > until) {
            for (int i = 0; i < 24; i++)
                print_error("|%s|\n", term_row(s->term, i));
            fail_msg("after the key %02x ('%s' before it) the help can't be had", (unsigned char)key[0], opens);
        }
        if (turn > 0) {
            term_key(s->term, "\033");
            term_wait_bytes(s->term, 50);
        }
        term_key(s->term, "?");
        term_wait_bytes(s->term, 50);
    }
    /* One Esc, and time for it: a second one would close what is opened next. */
    do {
        term_key(s->term, "\033");
        for (int i = 0; i < 100 && term_has(s->term, help); i++)
            term_wait_bytes(s->term, 50);
    } while (term_has(s->term, help));
}

/* Until nothing is drawn any more: what was typed has been done, or thrown away with a dialog. */
static void quiet(struct stage *s)
{
    while (term_wait_bytes(s->term, 60))
        continue;
}

/* What is typed while a dialog goes is thrown away with it, and a `?` of the key before may still be on its way: it is opened until it is there, alone, and stays. */
static void open_place(struct stage *s, const char *opens, const char *shows)
{
    time_t until = time(NULL) + PATIENCE_S;
    do {
        if (time(NULL) > until)
            fail_msg("the key %s opens nothing", opens);
        quiet(s);
        while (term_has(s->term, help)) {
            term_key(s->term, "\033");
            quiet(s);
        }
        term_key(s->term, opens);
        for (int i = 0; i < 20 && !term_has(s->term, shows); i++)
            term_wait_bytes(s->term, 100);
        quiet(s);
    } while (!term_has(s->term, shows) || (shows != help && term_has(s->term, help)));
}

/* A key by itself, or inside what another one opens. */
static void press(struct stage *s, const char *opens, const char *shows, const char *key)
{
    if (*opens)
        open_place(s, opens, shows);
    term_key(s->term, key);
    settle(s, opens, key);
}

/* The keys that change something, and what their dialogs would ask for: y, a version, and the words given (NULL-terminated). */
static void those_that_change(struct stage *s, const char *const words[])
{
    static const char *const asked[] = { "y", "1", "2", NULL };
    char key[2] = "";
    for (const char *k = "uUrRFTxX"; *k; k++) {
        key[0] = *k;
        for (const char *const *list = asked; list; list = list == asked ? words : NULL)
            for (size_t i = 0; list[i]; i++) {
                term_key(s->term, key);
                term_wait_bytes(s->term, 200);
                term_wait_bytes(s->term, 50);
                term_key(s->term, list[i]);
                settle(s, key, list[i]);
            }
    }
}

static void every_key(struct stage *s, const char *const words[])
{
    static const struct { const char *opens, *shows; } places[] = { { "d", "Esc " }, { "v", "Esc " }, { "?", help } };
    static const char in_dialogs[] = "uUrRFTxXcyfmn12 \r\t";
    char key[2] = "";
    stage_console(s, calm, "--read-only");
    term_wait_for(s->term, "READ-ONLY");
    term_wait_for(s->term, "q quit");
    for (int c = 1; c < 128; c++) {
        key[0] = (char)c;
        press(s, "", "", key);
    }
    for (size_t i = 0; i < sizeof long_keys / sizeof long_keys[0]; i++)
        press(s, "", "", long_keys[i]);
    for (size_t p = 0; p < sizeof places / sizeof places[0]; p++)
        for (size_t i = 0; in_dialogs[i]; i++) {
            key[0] = in_dialogs[i];
            press(s, places[p].opens, places[p].shows, key);
        }
    those_that_change(s, words);
    assert_int_equal(term_quit(s->term), 0);
    assert_true(term_modes_restored(s->term));
}

/* ---- SQLite: the files ---- */

/* Name and hash of each file of the project but its migrations; what SQLite keeps in shared memory beside a WAL is no part of the database. */
static void files_of(const struct sandbox *sb, struct text *to)
{
    DIR *dir = opendir(sb->dir);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[700], hash[65];
        struct text bytes = { 0 };
        char chunk[65536];
        size_t got;
        FILE *file;
        if (strncmp(entry->d_name, "app.db", 6) != 0 || strstr(entry->d_name, "-shm"))
            continue;
        snprintf(path, sizeof path, "%s/%s", sb->dir, entry->d_name);
        file = fopen(path, "re");
        assert_non_null(file);
        while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
            text_add(&bytes, chunk, got);
        fclose(file);
        sha256_hex(text_string(&bytes), bytes.len, hash);
        text_free(&bytes);
        text_printf(to, "%s %s\n", entry->d_name, hash);
    }
    closedir(dir);
}

static void files_stay(struct stage *s, const char *wanted)
{
    struct text before = { 0 }, after = { 0 };
    files_of(&s->sb, &before);
    assert_true(*wanted ? strstr(text_string(&before), wanted) != NULL : before.len == 0);
    every_key(s, none);
    files_of(&s->sb, &after);
    assert_string_equal(text_string(&after), text_string(&before));
    text_free(&before);
    text_free(&after);
    stage_close(s);
}

/* There is no database yet, and no key makes one. */
static void no_file(void **state)
{
    struct stage s = { 0 };
    (void)state;
    if (!sandbox_has(SANDBOX_SQLITE))
        skip();
    sandbox_open(&s.sb, SANDBOX_SQLITE);
    sandbox_file(&s.sb, "V1__one.sql", "CREATE TABLE one (id INTEGER);\n-- rollback\nDROP TABLE one;\n");
    files_stay(&s, "");
}

/* V1 is applied and the holder of the lock was killed in V2: unlock, take-over and more would be allowed. */
static void holder_killed(struct stage *s, const char *failpoint)
{
    static const char *const one[] = { "upgrade", "--count", "1", NULL };
    struct process holder;
    assert_int_equal(sandbox_run(&s->sb, NULL, one), 0);
    sandbox_file(&s->sb, "V2__big.sql",
                 "CREATE TABLE big (n INTEGER, t TEXT);\nINSERT INTO big WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) SELECT n, 'a row that is wide enough to fill pages, number ' || n FROM c;\n"
                 "-- rollback\nDROP TABLE big;\n");
    sandbox_start(&s->sb, &holder, true, failpoint, upgrade);
    assert_true(process_wait_stopped(&holder));
    kill(holder.pid, SIGKILL);
    process_wait(&holder);
    process_free(&holder);
}

static void hot_journal(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, SANDBOX_SQLITE, 1);
    holder_killed(&s, "statement:2=stop");
    files_stay(&s, "app.db-journal ");
}

static void left_wal(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, SANDBOX_SQLITE, 1);
    sandbox_sql(&s.sb, "PRAGMA journal_mode = WAL");
    holder_killed(&s, "statement:2=stop");
    files_stay(&s, "app.db-wal ");
}

/* ---- PostgreSQL: the server's log ---- */

#ifdef JETBASE_POSTGRES
/* Words that change something, wherever they stand in a statement. */
static const char *const changing[] = { "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ALTER ", "DROP ", "TRUNCATE", "GRANT ", "LOCK TABLE", "COPY ", "pg_terminate", "pg_cancel", "pg_advisory", "pg_try_advisory", "pg_notify", "NOTIFY", "nextval", "setval" };

static long log_end(char path[300])
{
    struct stat st;
    snprintf(path, 300, "%s/log", pg_server_socket_dir());
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

static void statement_allowed(const char *line, const char *statement)
{
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
        if (strstr(statement, changing[i]))
            fail_msg("a statement that changes something: %s", line);
}

/* Every statement that the server got in this database since `from`. Gives how many there were. */
static int statements_since(const struct stage *s, const char *path, long from)
{
    static const char *const heads[] = { "statement: ", "execute " };
    char line[8192], mark[100];
    int count = 0;
    FILE *log = fopen(path, "re");
    assert_non_null(log);
    assert_int_equal(fseek(log, from, SEEK_SET), 0);
    snprintf(mark, sizeof mark, "@%s@", strrchr(s->sb.conninfo, '/') + 1);
    while (fgets(line, sizeof line, log))
        for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
            const char *at = strstr(line, heads[i]);
            if (!at || !strstr(line, mark))
                continue;
            statement_allowed(line, at);
            count++;
        }
    fclose(log);
    return count;
}

/* The server tells of each statement in this database, on one line, with the database's name. */
static void watch_statements(const struct stage *s)
{
    char sql[300];
    const char *name = strrchr(s->sb.conninfo, '/') + 1;
    sandbox_sql(&s->sb, "ALTER SYSTEM SET log_line_prefix = '@%d@ '");
    sandbox_sql(&s->sb, "SELECT pg_reload_conf()");
    while (sandbox_number(&s->sb, "SELECT count(*) FROM pg_settings WHERE name = 'log_line_prefix' AND setting = '@%d@ '") == 0)
        continue;
    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET log_min_messages = 'log'", name);
    sandbox_sql(&s->sb, sql);
    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET log_statement = 'all'", name);
    sandbox_sql(&s->sb, sql);
}

static void statements_stay(struct stage *s, const char *const words[])
{
    char path[300];
    long from;
    int seen;
    watch_statements(s);
    from = log_end(path);
    every_key(s, words);
    seen = statements_since(s, path, from);
    assert_true(seen > 10); /* a few for each look and plan */
    /* The log does tell of a change, and it is seen for one. */
    from = log_end(path);
    sandbox_sql(&s->sb, "SELECT 1");
    assert_int_equal(statements_since(s, path, from), 1);
}

static void fresh_database(void **state)
{
    struct stage s = { 0 };
    (void)state;
    sandbox_open(&s.sb, SANDBOX_POSTGRES);
    sandbox_file(&s.sb, "V1__one.sql", "CREATE TABLE one (id INTEGER);\n-- rollback\nDROP TABLE one;\n");
    statements_stay(&s, none);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM pg_class WHERE relname LIKE 'jetbase%'"), 0);
    stage_close(&s);
}

/* The holder lives and is blocked: unlock, cancel and end would be allowed. */
static void held_and_blocked(void **state)
{
    struct stage s;
    struct process run;
    PGconn *conn;
    char *id, pid[20];
    (void)state;
    stage_open(&s, SANDBOX_POSTGRES, 1);
    sandbox_file(&s.sb, "V2__orders.sql", "ALTER TABLE orders ADD COLUMN total int;\n");
    sandbox_sql(&s.sb, "CREATE TABLE orders (id int)");
    conn = PQconnectdb(s.sb.conninfo);
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "LOCK TABLE orders"));
    assert_int_equal(PQtransactionStatus(conn), PQTRANS_INTRANS);
    sandbox_start(&s.sb, &run, false, NULL, upgrade);
    while (sandbox_number(&s.sb, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
        continue;
    id = sandbox_text(&s.sb, "SELECT substr(process_id, 1, 4) FROM jetbase_lock");
    snprintf(pid, sizeof pid, "%d", PQbackendPID(conn));
    statements_stay(&s, (const char *const[]){ id, pid, NULL });
    free(id);
    assert_int_equal(sandbox_number(&s.sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked"), 1);
    PQclear(PQexec(conn, "ROLLBACK"));
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQfinish(conn);
    process_wait(&run);
    assert_int_equal(run.exit, 0);
    process_free(&run);
    stage_close(&s);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file),
        cmocka_unit_test(hot_journal),
        cmocka_unit_test(left_wal),
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(fresh_database),
        cmocka_unit_test(held_and_blocked),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("story_readonly", tests, NULL, NULL);
}
