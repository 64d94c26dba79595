/* command_baseline.c: baseline: an existing schema starts at a version. */
#include "command.h"
#include "engine.h"
#include "listener.h"
#include "output_json.h"
#include "repair.h"
#include "signals.h"
#include "text.h"

static bool tell_json(const struct call *call, const struct repair *found, struct error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < found->baseline_count; i++) {
        const struct repair_baseline *b = &found->baseline[i];
        json_t *one = json_pack("{s:o, s:o, s:o, s:s}", "version", json_words(b->version), "file", json_words(b->file), "description", json_words(b->description), "checksum", b->checksum);
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return output_json(call->out, json_pack("{s:i, s:o, s:o, s:b}", "schema", 1, "version", json_words(call->options->operands[0]), "baseline", list, "recorded", (int)found->fixed), err);
}

static void tell_text(const struct call *call, const struct repair *found)
{
    char version[256], file[560];
    size_t count = found->baseline_count;
    text_visible(version, sizeof version, call->options->operands[0]);
    if (count == 0) {
        output_say(call->out, "The versions up to %s are recorded already; nothing is to be done.", version);
    } else if (call->options->dry_run) {
        output_print(call->out, "Baseline %s would record as applied, and run none of:", version);
        for (size_t i = 0; i < count; i++) {
            text_visible(file, sizeof file, found->baseline[i].file);
            output_print(call->out, "\xE2\x86\x92 %s", file);
        }
    } else {
        output_say(call->out, "Baseline %s: %zu file%s recorded as applied, none was run.", version, count, count == 1 ? " is" : "s are");
    }
}

int command_baseline(const struct call *call, struct error *err)
{
    struct listener listener = { .out = call->out, .sys = call->sys };
    struct engine_repair_wish wish = { .fix = !call->options->dry_run, .command = call->command->name, .baseline = call->options->operands[0] };
    struct engine_hooks hooks = { .event = listener_course, .user = &listener, .wake_fd = -1 };
    struct repair found = { 0 };
    struct error why = { 0 };
    command_run_wish(call, &wish.run);
    command_note_passed(call);
    if (project_database_missing(call->project)) {
        error_set(err, ERR_FAILED, "there is no database file yet: a baseline is for a schema that is there already");
        return error_hint(err, "On an empty database `jetbase upgrade` makes it."), error_exit_code(err->code);
    }
    if (wish.fix && !signals_watch(&hooks.stop, &hooks.wake_fd, err))
        return error_exit_code(err->code);
    int code = engine_repair(call->project, call->sys, &wish, &hooks, &found, err);
    if (code == 0 && call->out->json && !tell_json(call, &found, &why)) {
        *err = why;
        code = error_exit_code(why.code);
    } else if (code == 0 && !call->out->json) {
        tell_text(call, &found);
    }
    repair_clear(&found);
    return code;
}
