/* command_watch.c: lock-status --watch: a line each time something about the lock changes, until it is free. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "engine.h"
#include "output_json.h"
#include "pause.h"
#include "signals.h"
#include "text.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 1000 };

/* What makes a new line: whatever a person would want to be told; ages and the running query's text change all the time. */
static void key_of(const struct lock_view *view, char *to, size_t size)
{
    const struct run_row *run = &view->row.run;
    const struct db_session *s = &view->session;
    struct text t = { 0 };
    if (view->row.locked)
        text_printf(&t, "%s|%s|%s|%d|%d|%s", view->row.process_id, lock_verdict_name(view->verdict), run->file, run->no_transaction ? run->started_statement : 0, s->pid, view->evidence);
    else
        text_puts(&t, "free");
    for (int i = 0; i < s->blockers; i++)
        text_printf(&t, "|%d", s->blocked_by[i].pid);
    text_copy(to, size, text_string(&t));
    text_free(&t);
}

static void print_line(const struct call *call, const struct lock_view *view)
{
    struct lock_view shown = *view;
    char at[64], who[2000];
    output_clock(call->sys->wall_us(), at, sizeof at);
    output_when(view->row.run.acquired_at, shown.row.run.acquired_at, sizeof shown.row.run.acquired_at);
    if (view->row.locked)
        lock_words(&shown, who, sizeof who);
    output_print(call->out, "%s  %s%s", at, view->row.locked ? "LOCKED  " : "UNLOCKED", view->row.locked ? who : "");
    output_flush(call->out);
}

/* Nobody reads it any more (| head). */
static bool unread(const struct output *out)
{
    struct pollfd fd = { .fd = fileno(out->out) };
    return out->write_errno != 0 || ferror(out->out) || (poll(&fd, 1, 0) > 0 && (fd.revents & (POLLERR | POLLNVAL)));
}

static bool stopped(const struct engine_hooks *hooks, struct error *err)
{
    if (atomic_load(hooks->stop) == 0)
        return false;
    error_set(err, ERR_CANCELLED, "stopped by a signal; the lock was only looked at");
    return true;
}

/* A moment in which it can't be seen is no end: on SQLite the holder has the file for itself, or it changes hands too fast. */
static bool passes(const struct error *err)
{
    return err->code == ERR_LOCK_BUSY || err->code == ERR_LOCK_CHANGED;
}

/* Looks until it is free. */
static bool watch(const struct call *call, struct db *db, const struct engine_hooks *hooks, struct error *err)
{
    struct pause pause = { .first_ms = PAUSE_FIRST_MS, .most_ms = PAUSE_MOST_MS };
    char told[1500] = "", key[1500];
    struct lock_view view;
    bool changed;
    while (!stopped(hooks, err)) {
        bool seen = lock_look(db, &view, err);
        if (!seen && !passes(err)) {
            stopped(hooks, err); /* the wish to stop cancels the question */
            return false;
        }
        if (seen)
            key_of(&view, key, sizeof key);
        if (seen && strcmp(key, told) != 0) {
            if (call->out->json && !output_json(call->out, json_lock(&view, engine_dialect(db) == SCAN_SQLITE), err))
                return false;
            print_line(call, &view);
            text_copy(told, sizeof told, key);
            pause_reset(&pause);
        }
        error_clear(err);
        if ((seen && !view.row.locked) || unread(call->out))
            return true;
        if (!db_driver_of(db)->wait_change(db, pause_next(&pause, call->sys), hooks->wake_fd, &changed, err))
            return false;
    }
    return false;
}

int command_watch(const struct call *call, struct error *err)
{
    struct engine_hooks hooks = { .wake_fd = -1 };
    struct db *db = NULL;
    bool ok = signals_watch(&hooks.stop, &hooks.wake_fd, err) && engine_connect(call->project, call->sys, DB_LOOK, &hooks, &db, err) && watch(call, db, &hooks, err);
    if (db)
        db_driver_of(db)->close(db);
    if (ok)
        return 0;
    return err->code == ERR_CANCELLED ? 128 + atomic_load(hooks.stop) : error_exit_code(err->code);
}
