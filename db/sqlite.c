/* sqlite.c: the SQLite driver's table, and a connection's beginning and end. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite_rehearse.h"

static void about_fill(struct db *db)
{
    struct db_about *about = &db->about;
    const char *name = db->path ? strrchr(db->path, '/') : NULL;
    text_copy(about->product, sizeof about->product, "SQLite ");
    text_copy(about->product + strlen(about->product), sizeof about->product - strlen(about->product), sqlite3_libversion());
    text_visible(about->database, sizeof about->database, name ? name + 1 : ":memory:");
    text_copy(about->schema, sizeof about->schema, "main");
    text_copy(about->user, sizeof about->user, db->target.sys->user());
    about->standard_strings = true;
    about->read_only = !sqlite_writable(db);
}

static void db_free(struct db *db)
{
    sqlite_disconnect(db);
    sqlite_witness_drop_all(db);
    free(db->queue);
    free(db->path);
    free(db->real);
    free(db->uri);
    free(db->vfs);
    free(db);
}

/* Counting what SQLite has of memory costs a lock at each of its allocations, and nobody asks. Where the library is in use already, it stays as it is. */
static void count_nothing(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static bool sqlite_open(const struct db_target *target, enum db_mode mode, struct db **out, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct db *db;
    *out = NULL;
    if (!sqlite_load(err))
        return false;
    pthread_once(&once, count_nothing);
    db = calloc(1, sizeof *db);
    if (!db)
        return error_set(err, ERR_NO_MEMORY, "out of memory; nothing was changed");
    db->driver = &db_sqlite;
    db->target = *target;
    db->mode = mode;
    db->seen_version = -1;
    if (!sqlite_url_read(db, err) || !sqlite_connect(db, err)) {
        db_free(db);
        return false;
    }
    about_fill(db);
    *out = db;
    return true;
}

static void sqlite_close(struct db *db)
{
    if (!db)
        return;
    sqlite_rehearsing.end(db);
    sqlite_undo(db);
    db_free(db);
}

static const struct db_about *sqlite_about(const struct db *db)
{
    return &db->about;
}

const struct db_driver db_sqlite = {
    .version = DB_DRIVER_VERSION,
    .name = "sqlite",
    .caps = 0,
    .open = sqlite_open,
    .close = sqlite_close,
    .about = sqlite_about,
    .submit = sqlite_submit,
    .next = sqlite_next,
    .rollback = sqlite_rollback,
    .tables_read = sqlite_tables_read,
    .tables_prepare = sqlite_tables_prepare,
    .witness_take = sqlite_witness_take,
    .witness_drop = sqlite_witness_drop,
    .lock_read = sqlite_lock_read,
    .lock_change = sqlite_lock_change,
    .session_read = NULL,
    .lockers_read = NULL,
    .session_end = NULL,
    .wait_change = sqlite_wait_change,
    .history_read = sqlite_history_read,
    .unfinished_read = sqlite_unfinished_read,
    .invalid_read = NULL,
    .runs_read = sqlite_runs_read,
    .runs_prune = sqlite_runs_prune,
    .rehearsing = &sqlite_rehearsing,
    .preflight_read = sqlite_preflight_read,
};
