/* pg.c: the PostgreSQL driver's table of functions. */
#include "pg_rehearse.h"

static const struct db_about *pg_about(const struct db *db)
{
    return &db->about;
}

static void pg_idle(struct db *db, db_idle_fn idle, void *user)
{
    db->target.idle = idle;
    db->target.idle_user = user;
}

const struct db_driver db_postgres = {
    .version = DB_DRIVER_VERSION,
    .name = "postgresql",
    .caps = DB_PIPELINE | DB_SESSIONS | DB_NOTIFY | DB_UNLOCK_DURING_RUN,
    .open = pg_open,
    .close = pg_close,
    .idle = pg_idle,
    .about = pg_about,
    .submit = pg_submit,
    .next = pg_next,
    .rollback = pg_rollback,
    .tables_read = pg_tables_read,
    .tables_prepare = pg_tables_prepare,
    .witness_take = pg_witness_take,
    .witness_drop = pg_witness_drop,
    .lock_read = pg_lock_read,
    .lock_change = pg_lock_change,
    .session_read = pg_session_read,
    .lockers_read = pg_lockers_read,
    .session_end = pg_session_end,
    .blocker_stop = pg_blocker_stop,
    .wait_change = pg_wait_change,
    .history_read = pg_history_read,
    .unfinished_read = pg_unfinished_read,
    .invalid_read = pg_invalid_read,
    .runs_read = pg_runs_read,
    .runs_prune = pg_runs_prune,
    .rehearsing = &pg_rehearsing,
    .preflight_read = pg_preflight_read,
};
