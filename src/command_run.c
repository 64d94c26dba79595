/* command_run.c: upgrade and rollback: as a run, or as a dry run that shows what would run. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ahead.h"
#include "command.h"
#include "confirmed.h"
#include "engine.h"
#include "listener.h"
#include "output_json.h"
#include "preflight.h"
#include "signals.h"
#include "text.h"

static struct plan_wish plan_wish_of(const struct call *call, enum plan_direction direction)
{
    const struct options *o = call->options;
    const struct project *p = call->project;
    return (struct plan_wish){
        .direction = direction,
        .count = o->count,
        .to_version = o->to_version && o->to_version[0] ? o->to_version : NULL,
        .skip_checksums = o->skip_validation || o->skip_checksums || p->skip_validation || p->skip_checksum_validation,
        .skip_files = o->skip_validation || o->skip_files || p->skip_validation || p->skip_file_validation,
    };
}

/* ---- dry run ---- */

/* What a dry run reads from. */
struct preview {
    struct output *out;
    struct plan *plan;
    struct preflight preflight;
    bool looked;             /* the preflight could be made */
    enum scan_dialect dialect;
    bool standard_strings;
};

/* A statement as it will be sent. On a terminal control bytes are made visible, but for line ends and tabs; elsewhere the text is left as it is. */
static bool print_statement(struct output *out, const struct scan_statement *s, struct error *err)
{
    struct text safe = { 0 };
    bool ok;
    if (!out->terminal) {
        fwrite(s->text, 1, s->len, out->out);
        output_print(out, "\n");
        return true;
    }
    for (size_t at = 0; at < s->len;) {
        size_t n = strcspn(s->text + at, "\n\t");
        if (n > s->len - at)
            n = s->len - at;
        text_add_visible(&safe, s->text + at, n);
        at += n;
        if (at < s->len)
            text_add(&safe, s->text + at++, 1);
    }
    ok = !safe.failed;
    if (ok)
        output_print(out, "%s\n", text_string(&safe));
    text_free(&safe);
    return ok || error_set(err, ERR_NO_MEMORY, "Memory ran out showing a statement.");
}

static bool preview_open(const struct preview *p, const struct plan_item *item, struct script **script, struct error *err)
{
    enum section_kind kind = p->plan->direction == PLAN_UPGRADE ? SECTION_UPGRADE : SECTION_ROLLBACK;
    return script_open(item->migration, kind, p->dialect, p->standard_strings, script, err);
}

/* Whoever confirms the digest has read these statements: they must be of the text that it is the digest of. */
static bool preview_same(struct script *script, const struct plan_item *item, struct error *err)
{
    char file[512];
    if (script_unchanged(script, err))
        return true;
    if (err->code != ERR_PLAN)
        return false;
    text_visible(file, sizeof file, item->migration->file);
    error_set(err, ERR_PLAN, "%s was changed while it was shown: what stands above is not the plan", file);
    return error_hint(err, "Run the command again once nobody writes to the file.");
}

static bool preview_text_item(const struct preview *p, const struct plan_item *item, struct error *err)
{
    struct script *script = NULL;
    struct scan_statement found;
    enum scan_answer got = SCAN_ERROR;
    char file[512], how[160];
    bool ok = preview_open(p, item, &script, err);
    script_facts_words(&item->facts, how, sizeof how);
    text_visible(file, sizeof file, item->migration->file);
    if (ok)
        output_print(p->out, "SQL Preview for %s (%u %s%s)\n", file, item->facts.statements, item->facts.statements == 1 ? "statement" : "statements", how);
    while (ok && (got = script_next(script, &found, err)) == SCAN_STATEMENT)
        ok = print_statement(p->out, &found, err);
    ok = ok && got == SCAN_END && preview_same(script, item, err);
    if (ok)
        output_print(p->out, "----------------------------------------\n");
    script_close(script);
    return ok;
}

/* What stands in the way, where anything does. */
static void preflight_text(const struct preview *p)
{
    bool title = false;
    for (size_t i = 0; i < p->preflight.count; i++) {
        const struct preflight_check *c = &p->preflight.checks[i];
        if (c->state != PREFLIGHT_WARN && c->state != PREFLIGHT_BLOCKS && !(c->state == PREFLIGHT_HIDDEN && p->out->verbose))
            continue;
        if (!title)
            output_print(p->out, "Preflight: what the database holds against this plan now");
        title = true;
        output_print(p->out, "%-6s  %s: %s", preflight_state_name(c->state), c->check, c->text);
        if (c->hint[0])
            output_print(p->out, "        %s", c->hint);
    }
}

/* null where it could not be made. */
static json_t *preflight_json(const struct preview *p)
{
    json_t *list = p->looked ? json_array() : json_null();
    for (size_t i = 0; list && i < p->preflight.count; i++) {
        const struct preflight_check *c = &p->preflight.checks[i];
        json_t *one = json_pack("{s:s, s:s, s:o, s:o}", "check", c->check, "state", preflight_state_name(c->state), "text", json_words(c->text), "hint", json_words(c->hint));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool preview_text(const struct preview *p, struct error *err)
{
    bool ok = true;
    if (p->plan->direction == PLAN_ROLLBACK && p->plan->count == 0) {
        output_print(p->out, "Nothing to rollback.");
        return true;
    }
    output_print(p->out, "\nJETBASE - Dry Run Mode\nNo SQL will be executed. This is a preview of what would happen.\n----------------------------------------\n\n");
    for (size_t i = 0; ok && i < p->plan->count; i++)
        ok = preview_text_item(p, &p->plan->items[i], err);
    if (ok && p->plan->count > 0) {
        preflight_text(p);
        output_print(p->out, "Digest: %s", p->plan->digest);
    }
    return ok;
}

/* The statements of one item, one by one: all of a large file never stand in memory. */
static bool preview_statements(const struct preview *p, const struct plan_item *item, struct error *err)
{
    struct script *script = NULL;
    struct scan_statement found;
    enum scan_answer got = SCAN_ERROR;
    const char *between = "";
    bool ok = preview_open(p, item, &script, err);
    while (ok && (got = script_next(script, &found, err)) == SCAN_STATEMENT) {
        output_json_raw(p->out, between);
        between = ",";
        ok = output_json_piece(p->out, json_pack("{s:i, s:i, s:o}", "line", (int)found.at.line, "column", (int)found.at.column, "sql", json_piece(found.text, found.len)), false, err);
    }
    ok = ok && got == SCAN_END && preview_same(script, item, err);
    script_close(script);
    return ok;
}

static bool preview_json_item(const struct preview *p, const struct plan_item *item, struct error *err)
{
    const struct migration *m = item->migration;
    const struct script_facts *facts = &item->facts;
    json_t *head = json_pack("{s:o, s:s, s:o, s:s, s:b, s:b, s:o, s:o}", "file", json_words(m->file), "sha256", m->raw, "version", json_words(m->version), "type", migration_type_name(m->type), "transaction", (int)!facts->outside,
                             "out_of_order", (int)facts->out_of_order, "lock_timeout_ms", json_count(facts->lock_timeout_ms > 0 ? facts->lock_timeout_ms : -1), "statement_timeout_ms",
                             json_count(facts->statement_timeout_ms > 0 ? facts->statement_timeout_ms : -1));
    output_json_raw(p->out, "{");
    if (!output_json_piece(p->out, head, true, err))
        return false;
    output_json_raw(p->out, ",\"statements\":[");
    bool ok = preview_statements(p, item, err);
    output_json_raw(p->out, ok ? "]}" : "");
    return ok;
}

/* Where a file can't be read on (it was checked a moment ago), the object is left unfinished on its line, and the error follows on the next. */
static bool preview_json(const struct preview *p, struct error *err)
{
    output_json_raw(p->out, "{");
    bool ok = output_json_piece(p->out, json_pack("{s:i, s:s}", "schema", 1, "digest", p->plan->digest), true, err);
    output_json_raw(p->out, ",\"plan\":[");
    for (size_t i = 0; ok && i < p->plan->count; i++) {
        output_json_raw(p->out, i ? "," : "");
        ok = preview_json_item(p, &p->plan->items[i], err);
    }
    output_json_raw(p->out, ok ? "]," : "");
    ok = ok && output_json_piece(p->out, json_pack("{s:o}", "preflight", preflight_json(p)), true, err);
    output_json_raw(p->out, ok ? "}\n" : "\n");
    return ok;
}

/* A plan is worth showing also where the database can't be asked about it. */
static void look_against(struct preview *p, struct db *db)
{
    struct error why = { 0 };
    p->looked = preflight_make(db, p->plan, &p->preflight, &why);
    if (!p->looked)
        output_warn(p->out, "what the database holds against this plan could not be looked at: %s", why.message);
}

static int dry_run(const struct call *call, enum plan_direction direction, struct error *err)
{
    struct plan_wish wish = plan_wish_of(call, direction);
    struct preview p = { .out = call->out };
    struct folder *folder = NULL;
    struct db *db = NULL;
    struct ahead ahead = { 0 };
    engine_read_ahead(call->project, &wish, &ahead);
    bool ok = engine_connect_reading(call->project, call->sys, DB_LOOK, NULL, &ahead, &db, err) && engine_plan(call->project, db, &wish, &ahead, &folder, &p.plan, err);
    ahead_drop(&ahead);
    if (ok) {
        command_note_standby(call, db);
        if (p.plan->note[0])
            output_warn(call->out, "%s", p.plan->note);
        p.dialect = engine_dialect(db);
        p.standard_strings = db_driver_of(db)->about(db)->standard_strings;
        look_against(&p, db);
        ok = call->out->json ? preview_json(&p, err) : preview_text(&p, err);
    }
    preflight_free(&p.preflight);
    plan_free(p.plan);
    folder_free(folder);
    if (db)
        db_driver_of(db)->close(db);
    return ok ? 0 : error_exit_code(err->code);
}

/* What is found is told once: under the lock, or where it ends the run ahead of it. */
static void preflight_warn(const struct call *call, const struct preflight *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct preflight_check *c = &found->checks[i];
        if (c->state == PREFLIGHT_WARN)
            output_warn(call->out, "preflight: %s: %s%s%s", c->check, c->text, c->hint[0] ? "; " : "", c->hint);
        else if (c->state == PREFLIGHT_HIDDEN)
            output_detail(call->out, "preflight: %s: hidden: %s", c->check, c->text);
    }
}

static bool preflight_refuse(const struct preflight *found, struct error *err)
{
    struct text all = { 0 };
    for (size_t i = 0; i < found->count; i++) {
        const struct preflight_check *c = &found->checks[i];
        if (c->state == PREFLIGHT_BLOCKS)
            text_printf(&all, "%s%s: %s%s%s", all.len ? "\n" : "", c->check, c->text, c->hint[0] ? "; " : "", c->hint);
    }
    error_set(err, ERR_FAILED, "the preflight found what would block this run; nothing was run");
    error_detail(err, "%s", text_string(&all));
    error_hint(err, "End it, or run without --preflight, which waits for locks up to --lock-timeout.");
    text_free(&all);
    return false;
}

/* engine_last_look_fn. Under the lock it sees what the run itself would meet: a holder that was waited for is gone. */
static bool preflight_passes(void *user, struct db *db, const struct plan *plan, bool under_lock, struct error *err)
{
    const struct call *call = user;
    struct preflight found = { 0 };
    bool ok = preflight_make(db, plan, &found, err);
    bool blocked = ok && preflight_number(&found, PREFLIGHT_BLOCKS) > 0;
    if (under_lock || blocked)
        preflight_warn(call, &found);
    ok = ok && (!blocked || preflight_refuse(&found, err));
    preflight_free(&found);
    return ok;
}

/* ---- run ---- */

void command_run_wish(const struct call *call, struct engine_wish *wish)
{
    const struct options *o = call->options;
    const struct project *p = call->project;
    wish->take_over_dead = o->take_over_dead;
    wish->lock_timeout_ms = o->lock_timeout_ms ? o->lock_timeout_ms : p->lock_timeout_ms;
    wish->statement_timeout_ms = o->statement_timeout_ms ? o->statement_timeout_ms : p->statement_timeout_ms;
    wish->wait_ms = o->wait_ms ? o->wait_ms : p->lock_wait_ms;
    wish->retries = o->retries ? o->retries : p->lock_retry;
}

static int run(const struct call *call, enum plan_direction direction, struct error *err)
{
    const struct options *o = call->options;
    struct listener listener = { .out = call->out, .sys = call->sys };
    struct engine_wish wish = { .plan = plan_wish_of(call, direction) };
    struct engine_hooks hooks = { .event = call->out->json ? listener_json : listener_text, .user = &listener, .tick = call->out->json ? NULL : listener_tick, .each_statement = listener_watched(call->out), .wake_fd = -1 };
    command_run_wish(call, &wish);
    command_note_passed(call);
    if (o->dry_run)
        return dry_run(call, direction, err);
    if (o->preflight) {
        wish.last_look = preflight_passes;
        wish.last_look_user = (void *)(uintptr_t)call;
    }
    if (!signals_watch(&hooks.stop, &hooks.wake_fd, err))
        return error_exit_code(err->code);
    if (!o->plan)
        return engine_run(call->project, call->sys, &wish, &hooks, err);
    struct confirmed confirmed;
    bool known = confirmed_read(o->plan, &confirmed, err);
    wish.digest = confirmed.digest;
    wish.confirmed = &confirmed;
    int code = known ? engine_run(call->project, call->sys, &wish, &hooks, err) : error_exit_code(err->code);
    confirmed_free(&confirmed);
    return code;
}

int command_upgrade(const struct call *call, struct error *err)
{
    return run(call, PLAN_UPGRADE, err);
}

int command_rollback(const struct call *call, struct error *err)
{
    return run(call, PLAN_ROLLBACK, err);
}
