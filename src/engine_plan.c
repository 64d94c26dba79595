/* engine_plan.c: opens connections and makes plans, for runs, dry runs and looks alike. */
#include <string.h>

#include "ahead.h"
#include "engine_private.h"
#include "text.h"

enum { LOOK_TIMEOUT_MS = 5000 }; /* a question of a looking connection must not hang behind a server in trouble */

enum scan_dialect engine_dialect(const struct db *db)
{
    return strcmp(db_driver_of(db)->name, "sqlite") == 0 ? SCAN_SQLITE : SCAN_POSTGRES;
}

static bool connect_target(const struct project *project, struct db_target *target, enum db_mode mode, const struct engine_hooks *hooks, struct ahead *ahead, struct db **out, struct error *err)
{
    const struct db_driver *driver = db_driver_for(&project->url, err);
    *out = NULL;
    if (!driver)
        return false;
    target->url = &project->url;
    target->schema = project->schema;
    target->wake_fd = -1;
    target->idle = ahead ? ahead_more : NULL;
    target->idle_user = ahead;
    target->history = ahead != NULL;
    if (hooks) {
        target->stop = hooks->stop;
        target->wake_fd = hooks->wake_fd;
        target->tick = hooks->tick;
        target->tick_user = hooks->user;
    }
    return driver->open(target, mode, out, err);
}

bool engine_connect_reading(const struct project *project, const struct sys *sys, enum db_mode mode, const struct engine_hooks *hooks, struct ahead *ahead, struct db **out, struct error *err)
{
    struct db_target target = { .sys = sys, .statement_timeout_ms = mode == DB_LOOK ? LOOK_TIMEOUT_MS : 0 };
    return connect_target(project, &target, mode, hooks, ahead, out, err);
}

bool engine_connect(const struct project *project, const struct sys *sys, enum db_mode mode, const struct engine_hooks *hooks, struct db **out, struct error *err)
{
    return engine_connect_reading(project, sys, mode, hooks, NULL, out, err);
}

bool engine_open(struct run *run, struct ahead *ahead, struct error *err)
{
    struct db_target target = { .sys = run->sys, .lock_timeout_ms = run->wish->lock_timeout_ms, .statement_timeout_ms = run->wish->statement_timeout_ms };
    if (!connect_target(run->project, &target, DB_RUN, run->hooks, ahead, &run->db, err))
        return false;
    run->driver = db_driver_of(run->db);
    return true;
}

bool engine_schema_there(const struct project *project, struct db *db, struct error *err)
{
    char shown[256];
    if (!db_driver_of(db)->about(db)->schema_missing)
        return true;
    text_visible(shown, sizeof shown, project->schema);
    error_set(err, ERR_FAILED, "The schema '%s', which postgres_schema names, does not exist in this database.", shown);
    return error_hint(err, "Nothing was changed. Create it, or correct postgres_schema: its whole value is one name, upper and lower case as written.");
}

void engine_read_ahead(const struct project *project, const struct plan_wish *wish, struct ahead *ahead)
{
    /* Of a part of what is pending, and where nothing is compared, the most part need not be hashed. */
    bool all = wish->direction == PLAN_UPGRADE && wish->resolve == RESOLVE_NONE && wish->count == 0 && !wish->to_version && !wish->skip_checksums;
    ahead_begin(ahead, project->dir, all, wish->stop);
}

bool engine_history(struct db *db, struct ahead *ahead, struct history **out, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    if (driver->idle)
        driver->idle(db, ahead_more, ahead);
    bool ok = history_read(db, out, err);
    if (driver->idle)
        driver->idle(db, NULL, NULL);
    return ok;
}

bool engine_plan(const struct project *project, struct db *db, const struct plan_wish *wish, struct ahead *ahead, struct folder **folder_out, struct plan **out, struct error *err)
{
    struct history *history = NULL;
    struct ahead own = { 0 };
    *folder_out = NULL;
    if (!ahead)
        ahead = &own;
    engine_read_ahead(project, wish, ahead);
    /* A folder that can't be read is told of before the history is asked for. */
    bool ok = ahead_list(ahead, err) && engine_history(db, ahead, &history, err) && engine_schema_there(project, db, err) && ahead_take(ahead, history, folder_out, err) &&
              plan_make(*folder_out, history, wish, engine_dialect(db), db_driver_of(db)->about(db)->standard_strings, out, err);
    ahead_drop(ahead);
    history_free(history);
    if (!ok) {
        folder_free(*folder_out);
        *folder_out = NULL;
    }
    return ok;
}

static bool open_and_plan(struct run *run, struct ahead *ahead, struct error *err)
{
    if (!run->db && project_database_missing(run->project)) {
        if (!engine_connect(run->project, run->sys, DB_LOOK, run->hooks, &run->db, err))
            return false;
        run->driver = db_driver_of(run->db);
        if (!engine_plan(run->project, run->db, &run->wish->plan, ahead, &run->folder, &run->plan, err))
            return false;
        if (run->plan->count == 0)
            return true;
        plan_free(run->plan);
        run->plan = NULL;
        ahead->folder = run->folder; /* with what is known of its files */
        ahead->keep = ENGINE_KEPT_BYTES;
        run->folder = NULL;
        run->driver->close(run->db);
        run->driver = NULL;
        run->db = NULL;
    }
    return (run->db || engine_open(run, ahead, err)) && engine_plan(run->project, run->db, &run->wish->plan, ahead, &run->folder, &run->plan, err);
}

bool engine_open_and_plan(struct run *run, struct error *err)
{
    struct ahead ahead = { .keep = ENGINE_KEPT_BYTES };
    engine_read_ahead(run->project, &run->wish->plan, &ahead);
    bool ok = open_and_plan(run, &ahead, err);
    ahead_drop(&ahead);
    return ok;
}
