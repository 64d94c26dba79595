/* command_lock.c: lock-status and unlock: who holds the lock, whether that holder lives, and opening it. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "engine.h"
#include "lock.h"
#include "output_json.h"
#include "text.h"

enum { SHOWN = 300 };

/* ---- lock-status ---- */

static const char *verdict_word(enum lock_verdict verdict)
{
    static const char *const words[] = { [LOCK_FREE] = "FREE", [LOCK_ALIVE] = "ALIVE", [LOCK_DEAD] = "DEAD", [LOCK_UNKNOWN] = "UNKNOWN" };
    return words[verdict];
}

/* "deploy@ci-runner-7, pid 9114, jetbase 0.1.0 upgrade"; what is not known is left out. */
static void holder_words(const struct run_row *run, char *to, size_t size)
{
    char user[128], host[256], program[64], command[64];
    struct text t = { 0 };
    text_visible(user, sizeof user, run->os_user);
    text_visible(host, sizeof host, run->host);
    text_visible(program, sizeof program, run->program);
    text_visible(command, sizeof command, run->command);
    text_printf(&t, "%s@%s", user[0] ? user : "?", host[0] ? host : "?");
    if (run->pid > 0)
        text_printf(&t, ", pid %d", run->pid);
    if (program[0])
        text_printf(&t, ", %s%s%s", program, command[0] ? " " : "", command);
    text_copy(to, size, text_string(&t));
    text_free(&t);
}

static void print_run(struct output *out, const struct lock_view *view)
{
    const struct run_row *run = &view->row.run;
    char who[600], age[32], file[SHOWN];
    holder_words(run, who, sizeof who);
    output_age(run->age_s, age, sizeof age);
    text_visible(file, sizeof file, run->file);
    output_print(out, "Holder: %s", who);
    output_print(out, "Held For: %s", age);
    if (file[0] && run->no_transaction && run->started_statement > 0)
        output_print(out, "Migration: %s, statement %d of %d, outside a transaction", file, run->started_statement, run->statements);
    else if (file[0])
        output_print(out, "Migration: %s (%d statement%s)", file, run->statements, run->statements == 1 ? "" : "s");
}

static void print_blocker(struct output *out, const struct db_blocker *b)
{
    char user[128], address[64], application[128], state[64], query[SHOWN], age[32];
    text_visible(user, sizeof user, b->user);
    text_visible(address, sizeof address, b->address);
    text_visible(application, sizeof application, b->application);
    text_visible(state, sizeof state, b->state);
    text_visible(query, sizeof query, b->query);
    output_age(b->age_s, age, sizeof age);
    output_print(out, "Blocked By: session %d, %s%s%s%s%s%s, %s for %s", b->pid, user[0] ? user : "?", address[0] ? "@" : "", address, application[0] ? " \"" : "", application,
                 application[0] ? "\"" : "", state[0] ? state : "state not known", age);
    if (query[0])
        output_print(out, "  its query: %s", query);
}

static void print_session(struct output *out, const struct db_session *s)
{
    char state[64], wait[128], query[SHOWN], age[32];
    if (!s->found)
        return;
    text_visible(state, sizeof state, s->state);
    text_visible(wait, sizeof wait, s->wait);
    text_visible(query, sizeof query, s->query);
    output_age(s->state_age_s, age, sizeof age);
    output_print(out, "Session: %d, %s for %s%s%s", s->pid, state[0] ? state : "state not known", age, wait[0] ? ", waits: " : "", wait);
    if (query[0])
        output_print(out, "  its query: %s", query);
    for (int i = 0; i < s->blockers; i++)
        print_blocker(out, &s->blocked_by[i]);
    if (s->waiting_behind > 0)
        output_print(out, "Waiting Behind It: %d session%s", s->waiting_behind, s->waiting_behind == 1 ? "" : "s");
}

static void print_lock(struct output *out, const struct lock_view *view)
{
    const struct db_lock_row *row = &view->row;
    char at[64], id[64];
    if (!row->locked) {
        output_print(out, "Status: UNLOCKED");
        return;
    }
    text_visible(at, sizeof at, row->locked_at);
    text_visible(id, sizeof id, row->process_id);
    output_print(out, "Status: LOCKED\nLocked At: %s", at[0] ? at : "None");
    output_print(out, "Process ID: %s", id[0] ? id : "(none)");
    if (row->has_run)
        print_run(out, view);
    else
        output_print(out, "Holder: another program, not a run of this one");
    output_print(out, "Verdict: %s: %s", verdict_word(view->verdict), view->evidence);
    print_session(out, &view->session);
    output_print(out, "An Unlock Now: %s", view->effect);
}

int command_lock_status(const struct call *call, struct error *err)
{
    struct lock_view view;
    struct db *db = NULL;
    if (call->options->watch)
        return command_watch(call, err);
    bool ok = engine_connect(call->project, call->sys, DB_LOOK, NULL, &db, err) && lock_look(db, &view, err);
    if (ok)
        command_note_standby(call, db);
    if (ok && call->out->json)
        ok = output_json(call->out, json_lock(&view, engine_dialect(db) == SCAN_SQLITE), err);
    else if (ok)
        print_lock(call->out, &view);
    if (db)
        db_driver_of(db)->close(db);
    return ok ? 0 : error_exit_code(err->code);
}

/* ---- unlock ---- */

/* What the unlock did to whoever held the lock. */
static void effect_words(const struct lock_view *before, bool ended, char *to, size_t size)
{
    char file[SHOWN];
    text_visible(file, sizeof file, before->row.run.file);
    if (before->verdict == LOCK_DEAD)
        snprintf(to, size, "%s", before->effect);
    else if (ended)
        snprintf(to, size, "its session was ended; what it had open is rolled back");
    else if (before->row.has_run && !before->fenced)
        snprintf(to, size, "a statement of %s outside a transaction may go on: do not start another run beside it", file[0] ? file : "its migration");
    else
        snprintf(to, size, "%s", before->effect);
}

static void say_unlocked(const struct call *call, const struct lock_view *before, const struct lock_view *after)
{
    char who[600], id[64], effect[500];
    output_say(call->out, "Unlock successful.");
    if (!before->row.locked) {
        output_note(call->out, "the lock was not held");
        return;
    }
    if (before->row.has_run)
        holder_words(&before->row.run, who, sizeof who);
    else
        text_copy(who, sizeof who, "another program");
    text_visible(id, sizeof id, before->row.process_id);
    effect_words(before, call->options->terminate && before->verdict != LOCK_DEAD, effect, sizeof effect);
    if (before->verdict == LOCK_DEAD)
        output_note(call->out, "it was held by process ID %s (%s), DEAD: %s; %s", id, who, before->evidence, effect);
    else
        output_warn(call->out, "it was held by process ID %s (%s), %s: %s; %s", id[0] ? id : "(none)", who, verdict_word(before->verdict), before->evidence, effect);
    if (after->row.locked)
        output_note(call->out, "the lock has been taken again since, by process ID %s", after->row.process_id);
}

static json_t *unlock_json(const struct call *call, const struct lock_view *before, const struct lock_view *after)
{
    bool held = before->row.locked;
    char effect[500] = "";
    if (held)
        effect_words(before, call->options->terminate && before->verdict != LOCK_DEAD, effect, sizeof effect);
    return json_pack("{s:i, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "schema", 1, "unlocked", 1, "was_locked", held, "process_id", json_words(held ? before->row.process_id : NULL), "verdict",
                     json_words(held ? lock_verdict_name(before->verdict) : NULL), "evidence", json_words(held ? before->evidence : NULL), "effect", json_words(effect), "locked_again_by",
                     json_words(after->row.locked ? after->row.process_id : NULL));
}

static bool refuse_terminate(struct error *err)
{
    error_set(err, ERR_USAGE, "--terminate ends a session of the server, and SQLite has none");
    return error_hint(err, "Nothing was done. On SQLite end the process itself; `jetbase lock-status` shows its host and pid.");
}

/* The connection was lost at the unlock: is the lock free, or another's, all the same? It is only looked: an unlock that names nobody must not be sent twice. */
static bool truth_after(const struct call *call, struct db **db, const struct lock_view *before, struct lock_view *after, struct error *err)
{
    struct error lost = *err, ignored = { 0 };
    db_driver_of(*db)->close(*db);
    *db = NULL;
    if (!engine_connect(call->project, call->sys, DB_LOOK, NULL, db, &ignored) || !lock_look(*db, after, &ignored) ||
        (after->row.locked && strcmp(after->row.process_id, before->row.process_id) == 0)) {
        *err = lost;
        return false;
    }
    error_clear(err);
    output_warn(call->out, "the answer to the unlock was lost; the lock is %s now", after->row.locked ? "another run's" : "free");
    return true;
}

int command_unlock(const struct call *call, struct error *err)
{
    const struct options *o = call->options;
    struct unlock_wish wish = { .sys = call->sys, .expect_id = o->process_id, .only_dead = o->if_dead, .terminate = o->terminate, .reason = o->reason };
    struct lock_view before, after;
    struct db *db = NULL;
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    bool ok = !(o->terminate && call->project->url.kind == URL_SQLITE) || refuse_terminate(err);
    /* No file is made for a lock that is not there. */
    ok = ok && engine_connect(call->project, call->sys, project_database_missing(call->project) ? DB_LOOK : DB_RUN, NULL, &db, err);
    ok = ok && (lock_unlock(db, &wish, &before, &after, err) == LOCK_OK || (err->code == ERR_NO_CONNECTION && truth_after(call, &db, &before, &after, err)));
    if (ok && call->out->json)
        ok = output_json(call->out, unlock_json(call, &before, &after), err);
    else if (ok)
        say_unlocked(call, &before, &after);
    if (db)
        db_driver_of(db)->close(db);
    return ok ? 0 : error_exit_code(err->code);
}
