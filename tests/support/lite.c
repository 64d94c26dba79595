/* lite.c: SQLite files, connections and child processes for the tests of the SQLite driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text.h"

static void lite_fill(struct lite *l, const char *query)
{
    struct error err = { 0 };
    snprintf(l->shown, sizeof l->shown, "sqlite:///%s%s%s", l->path, query ? "?" : "", query ? query : "");
    if (!url_parse(l->shown, &l->url, &err))
        fail_msg("%s: %s", l->shown, err.message);
    atomic_init(&l->stop, 0);
    l->target = (struct db_target){ .url = &l->url, .sys = &sys_real, .stop = &l->stop, .wake_fd = -1 };
}

void lite_open(struct lite *l, const char *query)
{
    memset(l, 0, sizeof *l);
    files_folder(l->dir);
    snprintf(l->path, sizeof l->path, "%s/shop.db", l->dir);
    lite_fill(l, query);
}

void lite_at(struct lite *l, const char *path)
{
    memset(l, 0, sizeof *l);
    text_copy(l->path, sizeof l->path, path);
    lite_fill(l, NULL);
}

void lite_close(struct lite *l)
{
    url_free(&l->url);
    if (l->dir[0])
        files_remove(l->dir);
}

struct db *lite_connect(struct lite *l, enum db_mode mode)
{
    struct db *db = NULL;
    struct error err = { 0 };
    if (!db_sqlite.open(&l->target, mode, &db, &err))
        fail_msg("open %s: %s", l->path, err.message);
    return db;
}

struct run_row lite_run_row(const char *process_id, const char *witness)
{
    struct run_row run = { .pid = (int)getpid(), .statements = 3 };
    text_copy(run.process_id, sizeof run.process_id, process_id);
    text_copy(run.witness, sizeof run.witness, witness);
    text_copy(run.host, sizeof run.host, "testhost");
    text_copy(run.os_user, sizeof run.os_user, "tester");
    text_copy(run.program, sizeof run.program, "jetbase test");
    text_copy(run.command, sizeof run.command, "upgrade");
    text_copy(run.file, sizeof run.file, "V1__a.sql");
    return run;
}

/* Takes the witness where it is not taken yet, and changes the lock to process ID `to`. */
enum db_change lite_change(struct db *db, enum db_change_kind kind, const char *from, const char *to)
{
    struct error err = { 0 };
    struct run_row run;
    struct db_lock_change change = { .kind = kind, .from = from, .by = "me@here", .reason = "test", .timeout_ms = 10000 };
    enum db_change got;
    char witness[DB_WITNESS_SIZE] = "";
    if (to) {
        if (!db_sqlite.witness_take(db, to, witness, &err))
            fail_msg("witness: %s", err.message);
        run = lite_run_row(to, witness);
        change.run = &run;
    }
    got = db_sqlite.lock_change(db, &change, &err);
    if (got == CHANGE_FAILED)
        fail_msg("lock_change: %s", err.message);
    if (to && got != CHANGE_DONE)
        db_sqlite.witness_drop(db, to);
    return got;
}

void lite_acquire(struct db *db, const char *process_id)
{
    struct db_tables tables;
    struct error err = { 0 };
    if (!db_sqlite.tables_prepare(db, &tables, &err))
        fail_msg("tables_prepare: %s", err.message);
    assert_int_equal(lite_change(db, CHANGE_ACQUIRE, NULL, process_id), CHANGE_DONE);
}

enum db_change lite_release(struct db *db, const char *process_id)
{
    struct error err = { 0 };
    struct db_lock_change change = { .kind = CHANGE_RELEASE, .from = process_id, .outcome = RUN_OK, .detail = "done", .timeout_ms = 10000 };
    enum db_change got = db_sqlite.lock_change(db, &change, &err);
    db_sqlite.witness_drop(db, process_id);
    return got;
}

struct db_lock_row lite_look(struct db *db)
{
    struct db_lock_row row;
    struct error err = { 0 };
    if (!db_sqlite.lock_read(db, &row, &err))
        fail_msg("lock_read: %s", err.message);
    return row;
}

bool lite_step(struct db *db, const struct db_step *step, struct db_result *result, struct error *err)
{
    struct db_result own;
    if (!result)
        result = &own;
    if (!db_sqlite.submit(db, step, err))
        fail_msg("submit: %s", err->message);
    assert_int_equal(db_sqlite.next(db, -1, result, err), DB_RESULT);
    assert_int_equal(result->kind, step->kind);
    return result->ok;
}

bool lite_simple(struct db *db, enum db_step_kind kind, const char *process_id, struct error *err)
{
    struct db_step step = { .kind = kind, .process_id = process_id, .has_run = true };
    return lite_step(db, &step, NULL, err);
}

bool lite_statement(struct db *db, const char *sql, struct db_result *result, struct error *err)
{
    struct db_step step = { .kind = STEP_SQL, .statement = 1, .sql = sql, .len = strlen(sql), .at = { .file = "V1__a.sql", .line = 10, .column = 5 } };
    return lite_step(db, &step, result, err);
}

bool lite_record(struct db *db, const char *process_id, const char *version, struct error *err)
{
    char mark[64];
    struct db_record record = { .kind = RECORD_INSERT, .version = version, .description = "a", .file = "V1__a.sql", .type = "VERSIONED", .checksum = "c", .expect_rows = 1, .last_done = mark };
    struct db_step step = { .kind = STEP_RECORD, .process_id = process_id, .has_run = true, .record = &record };
    snprintf(mark, sizeof mark, "1 V%s__a.sql", version);
    return lite_step(db, &step, NULL, err);
}

/* ---- plain connections ---- */

/* A minute of short naps: SQLite's own longer and longer ones starve beside a busy writer. */
static int nap(void *user, int tries)
{
    (void)user;
    sys_real.sleep_ms(1);
    return tries < 60000;
}

static sqlite3 *plain(const char *path)
{
    sqlite3 *handle = NULL;
    if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        fail_msg("sqlite3_open_v2(%s)", path);
    sqlite3_busy_handler(handle, nap, NULL);
    return handle;
}

void lite_sql(const char *path, const char *sql)
{
    sqlite3 *handle = plain(path);
    char *message = NULL;
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(handle);
}

void lite_text(const char *path, const char *sql, char *to, size_t size)
{
    sqlite3 *handle = plain(path);
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    to[0] = '\0';
    if (sqlite3_step(stmt) == SQLITE_ROW)
        text_copy(to, size, (const char *)sqlite3_column_text(stmt, 0));
    if (sqlite3_finalize(stmt) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    sqlite3_close(handle);
}

int64_t lite_number(const char *path, const char *sql)
{
    char words[64];
    lite_text(path, sql, words, sizeof words);
    return words[0] ? strtoll(words, NULL, 10) : -1;
}

/* ---- children ---- */

static void child_become(const char *const argv[], int in, int out)
{
    char *args[16] = { (char[]){ "child" } };
    int n = 1;
    for (; argv[n - 1] && n < 15; n++)
        args[n] = strdup(argv[n - 1]);
    args[n] = NULL;
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(99);
    execv("/proc/self/exe", args);
    _exit(97);
}

void lite_spawn(struct lite_child *child, const char *const argv[])
{
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0)
        child_become(argv, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    child->to = in[1];
    child->from = out[0];
}

bool lite_ready(struct lite_child *child)
{
    char word[6] = "";
    size_t got = 0;
    while (got < 6) {
        ssize_t n = read(child->from, word + got, 6 - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return memcmp(word, "ready\n", 6) == 0;
}

void lite_go(struct lite_child *child)
{
    assert_int_equal(write(child->to, "g", 1), 1);
}

int lite_wait(struct lite_child *child)
{
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    close(child->to);
    close(child->from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void lite_kill(struct lite_child *child)
{
    kill(child->pid, SIGKILL);
    assert_int_equal(lite_wait(child), 128 + SIGKILL);
}

void lite_say_ready(void)
{
    char go;
    if (write(1, "ready\n", 6) != 6)
        _exit(96);
    /* The parent's end of file is its death: nobody is left to wait for. */
    if (read(0, &go, 1) != 1)
        _exit(95);
}

void lite_become_nobody(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        _exit(94);
}

/* ---- the folder ---- */

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* FNV-1a over a file's bytes; the file must not be in use by this process's SQLite. */
static uint64_t bytes_of(const char *path)
{
    uint64_t hash = 14695981039346656037u;
    FILE *f = fopen(path, "re");
    int c;
    if (!f)
        return 0;
    while ((c = getc(f)) != EOF)
        hash = (hash ^ (unsigned char)c) * 1099511628211u;
    fclose(f);
    return hash;
}

void lite_listing(const char *dir, char *to, size_t size)
{
    struct dirent **entries = NULL;
    struct text all = { 0 };
    int n = scandir(dir, &entries, not_dots, alphasort);
    for (int i = 0; i < n; i++) {
        char path[2 * FILES_PATH];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        if (stat(path, &st) == 0)
            text_printf(&all, "%s %lld %lld.%09ld %llx\n", entries[i]->d_name, (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned long long)bytes_of(path));
        free(entries[i]);
    }
    free(entries);
    text_copy(to, size, text_string(&all));
    text_free(&all);
}
