/* command_resolve.c: resolve: shows a half-applied file statement by statement, or ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "engine.h"
#include "half.h"
#include "inspection.h"
#include "listener.h"
#include "output_json.h"
#include "signals.h"
#include "text.h"

enum { STATEMENT_SHOWN = 60 };

/* ---- text ---- */

struct printing {
    struct output *out;
    const struct run_row *row;
    bool same;
};

static bool print_one(void *user, int number, const struct scan_statement *found)
{
    const struct printing *p = user;
    const char *state = inspection_state(p->row, p->same, number);
    char shown[STATEMENT_SHOWN * 4], line[16];
    size_t len = strcspn(found->text, "\r\n");
    char cut[STATEMENT_SHOWN + 1];
    snprintf(cut, sizeof cut, "%.*s", (int)(len < STATEMENT_SHOWN ? len : STATEMENT_SHOWN), found->text);
    text_visible(shown, sizeof shown, cut);
    snprintf(line, sizeof line, "%u", found->at.line);
    output_print(p->out, "  %3d  %-12s  line %s: %s%s", number, state ? state : "?", line, shown, strlen(shown) < found->len ? " …" : "");
    return true;
}

static const char *take_over(const struct inspection *in)
{
    return in->lock.verdict == LOCK_DEAD ? " --take-over-dead" : "";
}

static void print_ways(struct output *out, const struct inspection *in, const char *file)
{
    const struct run_row *row = in->row;
    int done = row->done_statement > 0 ? row->done_statement : 0;
    bool back = half_in_rollback(row);
    output_print(out, "\nThe ways out, each a run under the lock:");
    if (!in->same)
        output_print(out, "  jetbase resolve %s --from 1%s\n      run it anew, once you have undone by hand what was done", file, take_over(in));
    else if (done < row->statements)
        output_print(out, "  jetbase resolve %s --from %d%s\n      go on at that statement and end the file as a run does (--from 1 runs it anew)", file, done + 1, take_over(in));
    output_print(out, "  jetbase resolve %s --mark-applied%s\n      %s", file, take_over(in), back ? "you have put back what was undone: the file counts as applied" : "you have done the rest by hand: the file counts as applied");
    output_print(out, "  jetbase resolve %s --mark-rolled-back%s\n      %s", file, take_over(in), back ? "you have undone the rest by hand: the file counts as not applied" : "you have undone by hand what was done: the file counts as not applied");
}

static bool print_inspection(const struct call *call, const struct inspection *in, struct error *err)
{
    struct output *out = call->out;
    struct printing p = { .out = out, .row = in->row, .same = in->same };
    char file[512], words[300], program[128], started[64];
    text_visible(file, sizeof file, in->row->file);
    text_visible(program, sizeof program, in->row->command);
    half_words(in->row, words, sizeof words);
    output_when(in->row->acquired_at, started, sizeof started);
    output_print(out, "%s is half applied%s: %s.", file, half_in_rollback(in->row) ? " in its rollback section" : "", words);
    output_print(out, "Left by: %s of process ID %s, started %s%s%s", program, in->row->process_id, started, in->row->outcome ? ", " : "", run_outcome_name(in->row->outcome));
    if (in->file && !in->same)
        output_warn(out, "the file was changed where its statements are done: which of the statements below ran is not known");
    if (!in->file)
        output_warn(out, "the file is missing from migrations/: put it back before it is resolved");
    else if (!inspection_each(in, print_one, &p, err))
        return false;
    for (int i = 0; i < in->invalid_count; i++)
        output_print(out, "Invalid index: %s (a build that did not end leaves one: drop it, or REINDEX it, before its statement runs again)", in->invalid[i]);
    if (in->lock.row.locked)
        output_print(out, "The lock is held by process ID %s: %s, %s", in->lock.row.process_id, lock_verdict_name(in->lock.verdict), in->lock.evidence);
    print_ways(out, in, file);
    return true;
}

/* ---- JSON ---- */

struct listing {
    json_t *list;
    const struct run_row *row;
    bool same;
};

static bool list_one(void *user, int number, const struct scan_statement *found)
{
    const struct listing *l = user;
    json_t *one = json_pack("{s:i, s:i, s:i, s:o, s:o}", "statement", number, "line", (int)found->at.line, "column", (int)found->at.column, "state", json_words(inspection_state(l->row, l->same, number)), "sql",
                            json_piece(found->text, found->len));
    return json_array_append_new(l->list, one) == 0;
}

static bool json_inspection(const struct call *call, const struct inspection *in, struct error *err)
{
    struct listing l = { .list = json_array(), .row = in->row, .same = in->same };
    json_t *invalid = json_array();
    bool ok = l.list && invalid;
    if (ok && in->file && !inspection_each(in, list_one, &l, err)) {
        json_decref(l.list);
        json_decref(invalid);
        return err->code != ERR_NONE ? false : error_set(err, ERR_NO_MEMORY, "Memory ran out listing statements.");
    }
    for (int i = 0; ok && i < in->invalid_count; i++)
        ok = json_array_append_new(invalid, json_string(in->invalid[i])) == 0;
    return output_json(call->out, json_pack("{s:i, s:o, s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "schema", 1, "file", json_words(in->row->file), "section", half_in_rollback(in->row) ? "rollback" : "upgrade",
                                            "process_id", json_words(in->row->process_id), "statements", in->row->statements, "started", json_count(in->row->started_statement), "done",
                                            json_count(in->row->done_statement > 0 ? in->row->done_statement : 0), "changed", in->file ? json_boolean(!in->same) : json_null(), "list", l.list, "invalid_indexes", invalid), err);
}

/* ---- doing it ---- */

static int do_it(const struct call *call, enum plan_direction direction, struct error *err)
{
    const struct options *o = call->options;
    struct listener listener = { .out = call->out, .sys = call->sys };
    struct engine_wish wish = { .expect_id = NULL };
    struct engine_hooks hooks = { .event = call->out->json ? listener_json : listener_text, .user = &listener, .tick = call->out->json ? NULL : listener_tick, .each_statement = listener_watched(call->out), .wake_fd = -1 };
    wish.plan = (struct plan_wish){ .direction = direction, .resolve_name = o->operands[0], .resolve_from = (unsigned)o->from,
                                    .resolve = o->mark_applied ? RESOLVE_APPLIED : o->mark_rolled_back ? RESOLVE_ROLLED_BACK : RESOLVE_RERUN };
    command_run_wish(call, &wish);
    if (!signals_watch(&hooks.stop, &hooks.wake_fd, err))
        return error_exit_code(err->code);
    return engine_run(call->project, call->sys, &wish, &hooks, err);
}

int command_resolve(const struct call *call, struct error *err)
{
    const struct options *o = call->options;
    struct inspection *in = calloc(1, sizeof *in);
    struct db *db = NULL;
    if (!in)
        return error_exit_code((error_set(err, ERR_NO_MEMORY, "Memory ran out."), ERR_NO_MEMORY));
    bool ok = engine_connect(call->project, call->sys, DB_LOOK, NULL, &db, err) && inspection_make(call->project, db, o->operands[0], in, err), acts = options_resolves(o);
    enum plan_direction direction = ok && half_in_rollback(in->row) ? PLAN_ROLLBACK : PLAN_UPGRADE;
    if (ok && !acts)
        ok = call->out->json ? json_inspection(call, in, err) : print_inspection(call, in, err);
    inspection_close(in);
    free(in);
    if (db)
        db_driver_of(db)->close(db);
    if (!ok)
        return error_exit_code(err->code);
    return acts ? do_it(call, direction, err) : 0;
}
