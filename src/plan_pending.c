/* plan_pending.c: what is pending, for looking: every fault is told, none stops the list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "half.h"
#include "plan_private.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out listing what is pending.");
}

void pending_free(struct pending *pending)
{
    if (pending == NULL)
        return;
    free(pending->items);
    free(pending);
}

/* One line of an error: its place without the file, which stands beside it, and the first line of its message. */
static void tell_fault(struct pending_item *item, const struct error *cause)
{
    char line[sizeof cause->message + 64];
    size_t len = strcspn(cause->message, "\n");
    if (cause->place.line > 0)
        snprintf(line, sizeof line, "line %u: %.*s", cause->place.line, (int)len, cause->message);
    else
        snprintf(line, sizeof line, "%.*s", (int)len, cause->message);
    text_visible(item->fault, sizeof item->fault, line);
}

/* Fills one item; latest: the row that new versions are compared with. False where it is not pending after all, or memory ran out (*err filled). */
static bool fill_item(struct pending_item *item, struct migration *m, const struct history *history, const struct history_entry *latest, enum scan_dialect dialect, bool standard_strings, struct error *err)
{
    struct script_facts facts = {0};
    struct error own;
    error_clear(&own);
    *item = (struct pending_item){.migration = m, .why = m->type == MIGRATION_RUNS_ALWAYS ? WHY_ALWAYS : WHY_NEW};
    if (m->type == MIGRATION_VERSIONED)
        facts_both_ahead(m, dialect, standard_strings);
    bool hashed = facts_hash(m, &own);
    if (hashed && m->type != MIGRATION_VERSIONED && !plan_repeatable_runs(history, m, &item->why))
        return false;
    bool out = false;
    hashed = hashed && (m->type != MIGRATION_VERSIONED || plan_passed_over(m, latest, &out, &own));
    if (hashed && out) {
        char line[1024];
        item->passed_over = true;
        snprintf(line, sizeof line, "out of order: version %.300s is lower than the latest applied, %.300s", m->version, latest->version);
        text_visible(item->fault, sizeof item->fault, line);
    } else if (hashed && facts_check(m, dialect, standard_strings, &facts, &own)) {
        item->statements = facts.statements;
        item->outside = facts.outside;
    } else {
        item->unread = own.code == ERR_FILE;
        tell_fault(item, &own);
    }
    const struct run_row *half = half_of(history, m->file);
    if (half != NULL && !half_in_rollback(half)) {
        item->why = WHY_HALF;
        half_words(half, item->half, sizeof item->half);
    }
    if (own.code == ERR_NO_MEMORY)
        return no_memory(err);
    return true;
}

static bool tell_disagreement(struct folder *folder, const struct history *history, struct pending *p, struct error *err)
{
    if (history_latest(history) == NULL)
        return true;
    struct disagreement d = {0};
    struct text unreadable = {0}, all = {0};
    bool ok = plan_find_missing(folder, history, &d, err) && plan_find_changed(folder, history, &d, &unreadable, err);
    if (ok && d.changed_count > 0)
        text_printf(&all, "%s changed since applied: %s; ", d.changed_count > 1 ? "versions" : "version", text_string(&d.changed));
    if (ok && d.missing_count > 0)
        text_printf(&all, "applied, but the file is missing: %s %s; ", d.missing_count > 1 ? "versions" : "version", text_string(&d.missing));
    if (ok && d.repeatable_count > 0)
        text_printf(&all, "applied, but the file is missing: %s; ", text_string(&d.repeatables));
    if (ok && unreadable.len > 0)
        text_printf(&all, "%s; ", text_string(&unreadable));
    if (ok && all.failed)
        ok = no_memory(err);
    if (ok && all.len > 2) {
        all.at[all.len - 2] = '\0';
        text_copy(p->disagree, sizeof p->disagree, all.at);
    }
    text_free(&all);
    text_free(&unreadable);
    disagreement_free(&d);
    return ok;
}

bool pending_list(struct folder *folder, const struct history *history, enum scan_dialect dialect, bool standard_strings, struct pending **out, struct error *err)
{
    *out = NULL;
    struct error own;
    error_clear(&own);
    struct pending *p = calloc(1, sizeof *p);
    size_t count = folder_count(folder);
    const struct history_entry *latest = plan_order_mark(history);
    if (p == NULL || (p->items = calloc(count + 1, sizeof *p->items)) == NULL) {
        free(p);
        return no_memory(err);
    }
    for (size_t i = 0; i < count && own.code == ERR_NONE; i++) {
        struct migration *m = folder_at(folder, i);
        if (m->type == MIGRATION_VERSIONED && !plan_is_pending(history, m))
            continue;
        if (fill_item(&p->items[p->count], m, history, latest, dialect, standard_strings, &own))
            p->count++;
    }
    if (own.code != ERR_NONE || !tell_disagreement(folder, history, p, &own)) {
        pending_free(p);
        if (err != NULL)
            *err = own;
        return false;
    }
    *out = p;
    return true;
}

int pending_check(const struct pending *p, const struct history *h)
{
    bool pending = false, disagree = p->disagree[0] != '\0' || h->half_count > 0;
    for (size_t i = 0; i < p->count; i++) {
        disagree = disagree || p->items[i].passed_over || p->items[i].why == WHY_HALF;
        pending = pending || p->items[i].why != WHY_ALWAYS;
    }
    return disagree ? 5 : pending ? 7 : 0;
}
