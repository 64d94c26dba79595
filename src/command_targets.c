/* command_targets.c: status --all-targets: every target side by side, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "output_json.h"
#include "targets.h"
#include "text.h"

enum { COLUMNS = 5 };

/* The cells of one line, safe to show. */
struct line {
    char cells[COLUMNS][1600];
};

static void lock_cell(const struct lock_view *lock, char *to, size_t size)
{
    static const char *const verdicts[] = { [LOCK_FREE] = "free", [LOCK_ALIVE] = "alive", [LOCK_DEAD] = "dead", [LOCK_UNKNOWN] = "unknown" };
    const struct run_row *run = &lock->row.run;
    char user[128], host[256];
    text_visible(user, sizeof user, run->os_user);
    text_visible(host, sizeof host, run->host);
    if (!lock->row.locked)
        snprintf(to, size, "free");
    else if (!lock->row.has_run)
        snprintf(to, size, "held by another program, %s", verdicts[lock->verdict]);
    else
        snprintf(to, size, "held by %s@%s, %s", user[0] ? user : "?", host[0] ? host : "?", verdicts[lock->verdict]);
}

/* The first line of what kept it from being looked at. */
static void why_not(const struct target_look *look, char *to, size_t size)
{
    char line[1500];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(look->err.message, "\n"), look->err.message);
    text_visible(to, size, line);
}

static void fill(const struct target_look *look, struct line *line)
{
    snprintf(line->cells[0], sizeof line->cells[0], "%s%s", look->name, look->guarded ? " PROTECTED" : "");
    snprintf(line->cells[1], sizeof line->cells[1], "%s", look->database[0] ? look->database : "(no URL)");
    if (!look->reached) {
        snprintf(line->cells[2], sizeof line->cells[2], "?");
        snprintf(line->cells[3], sizeof line->cells[3], "?");
        why_not(look, line->cells[4], sizeof line->cells[4]);
        return;
    }
    text_visible(line->cells[2], sizeof line->cells[2], look->version[0] ? look->version : "(none)");
    snprintf(line->cells[3], sizeof line->cells[3], "%zu%s", look->pending, look->half[0] ? ", HALF APPLIED" : look->disagree[0] ? ", DISAGREES" : "");
    lock_cell(&look->lock, line->cells[4], sizeof line->cells[4]);
    if (look->standby)
        snprintf(line->cells[4] + strlen(line->cells[4]), sizeof line->cells[4] - strlen(line->cells[4]), "; a standby");
}

static bool print_rows(const struct call *call, const struct target_look *looks, size_t count, struct error *err)
{
    static const struct table_column columns[COLUMNS] = { { "Target", "32", false }, { "Database", "36", false }, { "Current", "37", false }, { "Pending", "37", false }, { "Lock", "37", false } };
    struct line *lines = calloc(count + 1, sizeof *lines);
    const char **cells = calloc(count * COLUMNS + 1, sizeof *cells);
    bool ok = (lines && cells) || error_set(err, ERR_NO_MEMORY, "Memory ran out showing the targets.");
    for (size_t i = 0; ok && i < count; i++) {
        fill(&looks[i], &lines[i]);
        for (size_t column = 0; column < COLUMNS; column++)
            cells[i * COLUMNS + column] = lines[i].cells[column];
    }
    ok = ok && output_rows(call->out, "Targets", columns, COLUMNS, cells, count, err);
    free(cells);
    free(lines);
    return ok;
}

static json_t *look_json(const struct target_look *look)
{
    bool reached = look->reached;
    return json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "target", json_words(look->name), "url", json_words(look->database), "protected", look->guard_known ? json_boolean(look->guarded) : json_null(), "reachable",
                     (int)reached, "error", reached ? json_null() : json_error(&look->err), "version", json_words(look->version), "pending", json_count(reached ? (int64_t)look->pending : -1),
                     "half_applied", json_words(look->half), "disagree", json_words(look->disagree), "standby", reached ? json_boolean(look->standby) : json_null(), "lock",
                     reached ? json_lock(&look->lock, look->utc) : json_null());
}

static json_t *looks_json(const struct target_look *looks, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++)
        if (json_array_append_new(list, look_json(&looks[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return json_pack("{s:i, s:o}", "schema", 1, "targets", list);
}

/* What stands in the way of an upgrade, in whole sentences below the lines. */
static void warn_of(const struct call *call, const struct target_look *look)
{
    char half[600];
    text_visible(half, sizeof half, look->half);
    if (look->half[0])
        output_warn(call->out, "%s: %s is half applied; no migration starts before it is resolved: jetbase --target %s resolve %s", look->name, half, look->name, half);
    if (look->disagree[0])
        output_warn(call->out, "%s: history and files disagree, an upgrade will be refused: %s", look->name, look->disagree);
}

int command_all_targets(const struct call *call, struct error *err)
{
    char *warnings = NULL;
    char **names = project_targets(call->project, &warnings, err);
    size_t count = 0;
    int answer = 0;
    output_warn_lines(call->out, warnings);
    free(warnings);
    if (!names)
        return error_exit_code(err->code);
    while (names[count])
        count++;
    struct target_look *looks = targets_look(call->project, call->sys, names, TARGETS_PATIENCE_MS, err);
    bool ok = looks && (call->out->json ? output_json(call->out, looks_json(looks, count), err) : (call->options->check && call->out->quiet) || print_rows(call, looks, count, err));
    for (size_t i = 0; ok && i < count; i++)
        warn_of(call, &looks[i]);
    if (ok && call->options->check) {
        answer = targets_check(looks, count);
        call->out->failure_told = answer != 0; /* the answer is the status itself */
    }
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    free(looks);
    return ok ? answer : error_exit_code(err->code);
}
