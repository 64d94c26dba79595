/* command_fix.c: fix, fix-files, fix-checksums, validate-files and validate-checksums, in Jetbase's words. */
#include <string.h>

#include "command.h"
#include "engine.h"
#include "listener.h"
#include "output_json.h"
#include "repair.h"
#include "signals.h"
#include "text.h"

/* ---- text ---- */

/* What was only looked for is a result; what was done, or needed not be, is a remark that --quiet leaves out. */
static void say(const struct call *call, bool fix, const char *line)
{
    if (fix)
        output_say(call->out, "%s", line);
    else
        output_print(call->out, "%s", line);
}

static void list(const struct call *call, bool fix, const char *name)
{
    char line[600], safe[560];
    text_visible(safe, sizeof safe, name);
    snprintf(line, sizeof line, "→ %s", safe);
    say(call, fix, line);
}

/* The versions (or the repeatables) among the missing ones, below a title where there are any. */
static void list_missing(const struct call *call, bool fix, const struct repair *found, bool versions, const char *title)
{
    bool any = false;
    for (size_t i = 0; i < found->missing_count; i++) {
        const struct repair_missing *m = &found->missing[i];
        if ((m->type == MIGRATION_VERSIONED) != versions)
            continue;
        if (!any && title)
            say(call, fix, title);
        any = true;
        list(call, fix, versions ? m->version : m->file);
    }
}

static void tell_files(const struct call *call, bool fix, const struct repair *found)
{
    if (found->missing_count == 0) {
        say(call, fix, fix ? "No missing migration files." : "All migrations have corresponding files.");
    } else if (fix) {
        list_missing(call, fix, found, true, "Stopped tracking the following missing versions:");
        list_missing(call, fix, found, false, "Removed the following missing repeatable migrations from the database:");
    } else {
        say(call, fix, "The following migration versions are missing their corresponding files:");
        list_missing(call, fix, found, true, NULL);
        list_missing(call, fix, found, false, NULL);
    }
}

static void tell_checksums(const struct call *call, bool fix, const struct repair *found)
{
    if (found->none_applied) {
        say(call, fix, "No migrations have been applied; nothing to repair.");
        return;
    }
    if (found->changed_count == 0) {
        say(call, fix, "All migration checksums are valid - no altered upgrade statements detected.");
        return;
    }
    if (!fix)
        say(call, fix, "JETBASE - Checksum Audit Report\n----------------------------------------\nChanges detected in the following migration versions:");
    for (size_t i = 0; i < found->changed_count; i++) {
        char version[256];
        text_visible(version, sizeof version, found->changed[i].version);
        if (fix)
            output_say(call->out, "Repaired checksum for version: %s", version);
        else
            list(call, fix, version);
    }
    if (fix)
        say(call, fix, "Successfully repaired checksums");
}

/* ---- JSON ---- */

/* null where they were not looked at. */
static json_t *missing_json(const struct repair *found)
{
    json_t *array = found->parts & REPAIR_FILES ? json_array() : json_null();
    for (size_t i = 0; array && i < found->missing_count; i++) {
        const struct repair_missing *m = &found->missing[i];
        json_t *one = json_pack("{s:o, s:s, s:o}", "version", json_words(m->version), "type", migration_type_name(m->type), "file", json_words(m->file));
        if (json_array_append_new(array, one) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *changed_json(const struct repair *found)
{
    json_t *array = found->parts & REPAIR_CHECKSUMS ? json_array() : json_null();
    for (size_t i = 0; array && i < found->changed_count; i++) {
        const struct repair_changed *c = &found->changed[i];
        json_t *one = json_pack("{s:o, s:o, s:o, s:s}", "version", json_words(c->version), "file", json_words(c->file), "recorded", json_words(c->recorded), "actual", c->actual);
        if (json_array_append_new(array, one) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* ---- commands ---- */

static bool tell(const struct call *call, const struct engine_repair_wish *wish, int code, const struct repair *found, struct error *err)
{
    bool fix = wish->fix;
    if (call->out->json)
        return code != 0 || output_json(call->out, json_pack("{s:i, s:o, s:o, s:b}", "schema", 1, "missing", missing_json(found), "changed", changed_json(found), "fixed", found->fixed), err);
    /* Of a failure only that part is told which is true all the same: what was done, or needed not be. */
    if ((found->parts & wish->parts & REPAIR_FILES) && (code == 0 || found->fixed || found->missing_count == 0))
        tell_files(call, fix, found);
    if ((found->parts & wish->parts & REPAIR_CHECKSUMS) && (code == 0 || found->fixed))
        tell_checksums(call, fix, found);
    return true;
}

static int repair(const struct call *call, unsigned parts, bool fix, struct error *err)
{
    struct listener listener = { .out = call->out, .sys = call->sys };
    struct engine_repair_wish wish = { .parts = parts, .fix = fix, .command = call->command->name };
    struct engine_hooks hooks = { .event = listener_course, .user = &listener, .wake_fd = -1 };
    struct repair found = { 0 };
    struct error why = { 0 };
    int code;
    command_run_wish(call, &wish.run);
    command_note_passed(call);
    if (fix && !signals_watch(&hooks.stop, &hooks.wake_fd, err))
        return error_exit_code(err->code);
    code = engine_repair(call->project, call->sys, &wish, &hooks, &found, err);
    if (!tell(call, &wish, code, &found, &why)) {
        *err = why;
        code = error_exit_code(why.code);
    }
    repair_clear(&found);
    return code;
}

int command_fix(const struct call *call, struct error *err)
{
    int code = repair(call, REPAIR_FILES | REPAIR_CHECKSUMS, true, err);
    if (code == 0)
        output_say(call->out, "Fix completed successfully.");
    return code;
}

int command_fix_checksums(const struct call *call, struct error *err)
{
    return repair(call, REPAIR_CHECKSUMS, true, err);
}

int command_fix_files(const struct call *call, struct error *err)
{
    return repair(call, REPAIR_FILES, true, err);
}

int command_validate_checksums(const struct call *call, struct error *err)
{
    return repair(call, REPAIR_CHECKSUMS, call->options->fix, err);
}

int command_validate_files(const struct call *call, struct error *err)
{
    return repair(call, REPAIR_FILES, call->options->fix, err);
}
