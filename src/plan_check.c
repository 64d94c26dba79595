/* plan_check.c: compares history with the files, as Jetbase does before an upgrade. */
#include <string.h>

#include "facts.h"
#include "plan_private.h"
#include "version.h"

void disagreement_free(struct disagreement *d)
{
    text_free(&d->changed);
    text_free(&d->missing);
    text_free(&d->repeatables);
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out comparing history with the migration files.");
}

bool plan_is_pending(const struct history *history, const struct migration *m)
{
    return m->type == MIGRATION_VERSIONED && history_of(history, m) == NULL;
}

/* Is m, which is pending, below the latest applied version? latest may be NULL; one that is no version (put in by hand) has nothing below it. */
static bool is_out_of_order(const struct migration *m, const struct history_entry *latest)
{
    return latest != NULL && version_valid(latest->version) && version_compare(m->version, latest->version) < 0;
}

const struct history_entry *plan_order_mark(const struct history *history)
{
    const struct history_entry *highest = history_latest(history);
    for (size_t i = 0; highest && version_valid(highest->version) && i < history->count; i++) {
        const struct history_entry *row = &history->rows[i];
        if (row->type == MIGRATION_VERSIONED && version_valid(row->version) && version_compare(row->version, highest->version) > 0)
            highest = row;
    }
    return highest;
}

bool plan_passed_over(const struct migration *m, const struct history_entry *mark, bool *out, struct error *err)
{
    bool allowed = false;
    *out = is_out_of_order(m, mark);
    if (*out && !script_out_of_order(m, &allowed, err))
        return false;
    *out = *out && !allowed;
    return true;
}

bool plan_repeatable_runs(const struct history *history, const struct migration *m, enum plan_why *why)
{
    if (m->type == MIGRATION_RUNS_ALWAYS) {
        *why = WHY_ALWAYS;
        return true;
    }
    const struct history_entry *row = history_of(history, m);
    *why = row == NULL ? WHY_NEW : WHY_CHANGED;
    return row == NULL || strcmp(row->checksum, m->checksum) != 0;
}

/* Adds a name once. */
static void add_name(struct text *names, unsigned *count, const char *name)
{
    if (*count > 0)
        text_puts(names, ", ");
    text_add_visible(names, name, strlen(name));
    (*count)++;
}

struct migration *plan_file_of(struct folder *folder, const struct history_entry *row)
{
    if (row->type == MIGRATION_VERSIONED)
        return folder_find_equal(folder, row->version);
    struct migration *m = folder_find_file(folder, row->file, MIGRATION_RUNS_ALWAYS);
    return m != NULL ? m : folder_find_file(folder, row->file, MIGRATION_RUNS_ON_CHANGE);
}

bool plan_seen_before(const struct history *history, size_t i)
{
    const struct history_entry *row = &history->rows[i];
    for (size_t k = 0; k < i; k++) {
        const struct history_entry *other = &history->rows[k];
        if (other->type != row->type)
            continue;
        if (row->type == MIGRATION_VERSIONED ? strcmp(other->version, row->version) == 0 : strcmp(other->file, row->file) == 0)
            return true;
    }
    return false;
}

bool plan_find_missing(struct folder *folder, const struct history *history, struct disagreement *d, struct error *err)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_entry *row = &history->rows[i];
        if (plan_file_of(folder, row) || plan_seen_before(history, i))
            continue;
        if (row->type != MIGRATION_VERSIONED) {
            add_name(&d->repeatables, &d->repeatable_count, row->file);
            continue;
        }
        if (d->missing_count == 0)
            text_visible(d->first_missing, sizeof d->first_missing, row->version);
        add_name(&d->missing, &d->missing_count, row->version);
    }
    return !(d->missing.failed || d->repeatables.failed) || no_memory(err);
}

bool plan_find_changed(struct folder *folder, const struct history *history, struct disagreement *d, struct text *unreadable, struct error *err)
{
    size_t count = folder_count(folder);
    for (size_t i = 0; i < count; i++) {
        struct migration *m = folder_at(folder, i);
        if (m->type != MIGRATION_VERSIONED || history_of(history, m) == NULL)
            continue;
        struct error own;
        error_clear(&own);
        if (facts_hash(m, &own)) {
            if (history_differs(history, m))
                add_name(&d->changed, &d->changed_count, m->version);
        } else if (unreadable != NULL && own.code != ERR_NO_MEMORY) {
            if (unreadable->len > 0)
                text_puts(unreadable, "; ");
            if (own.place.line > 0) {
                text_add_visible(unreadable, m->file, strlen(m->file));
                text_puts(unreadable, ": ");
            }
            text_add_visible(unreadable, own.message, strlen(own.message));
        } else {
            if (err != NULL)
                *err = own;
            return false;
        }
    }
    return !(d->changed.failed || (unreadable != NULL && unreadable->failed)) || no_memory(err);
}

static bool check_order(struct folder *folder, const struct history *history, const struct history_entry *latest, struct error *err)
{
    size_t count = folder_count(folder);
    for (size_t i = 0; i < count; i++) {
        const struct migration *m = folder_at(folder, i);
        bool out = false;
        if (!plan_is_pending(history, m))
            continue;
        if (!plan_passed_over(m, latest, &out, err))
            return false;
        if (!out)
            continue;
        char file[512], version[256];
        text_visible(file, sizeof file, m->file);
        text_visible(version, sizeof version, latest->version);
        error_set(err, ERR_HISTORY,
                         "%s has version %s which is lower than the latest migrated version %s.\n"
                         "New migration files cannot have versions lower than the latest migrated version.\n"
                         "Please rename the file to have a version higher than %s.",
                         file, m->version, version, version);
        return error_hint(err, "Or, where it may run behind the versions above it, write `-- jetbase: out-of-order` at its head.");
    }
    return true;
}

static bool refuse_missing(const struct disagreement *d, struct error *err)
{
    if (d->missing_count > 0) {
        error_set(err, ERR_HISTORY, "Version %s has been migrated but is missing from the current migration files.", d->first_missing);
        if (d->missing_count > 1)
            error_detail(err, "All that are missing: %s.", text_string(&d->missing));
        return error_hint(err, "Restore the file, let `jetbase fix-files` stop tracking it, or go on without this check by --skip-file-validation.");
    }
    if (d->repeatable_count > 0) {
        error_set(err, ERR_HISTORY, "The following migrated repeatable files are missing: %s", text_string(&d->repeatables));
        return error_hint(err, "Restore the files, let `jetbase fix-files` stop tracking them, or go on without this check by --skip-file-validation.");
    }
    return true;
}

static bool refuse_changed(const struct disagreement *d, struct error *err)
{
    if (d->changed_count == 0)
        return true;
    error_set(err, ERR_HISTORY, "Checksum mismatch for versions: %s. Files have been changed since migration.", text_string(&d->changed));
    return error_hint(err, "Put the files back as they were and make a new migration of the change; or, where the change is meant, take it over by `jetbase fix-checksums`; or go on without this check by --skip-checksum-validation.");
}

bool plan_validate(struct folder *folder, const struct history *history, const struct plan_wish *wish, struct error *err)
{
    const struct history_entry *latest = history_latest(history);
    if (latest == NULL)
        return true; /* Jetbase compares nothing before the first version is applied */
    struct disagreement d = {0};
    bool ok = true;
    if (!wish->skip_files)
        ok = check_order(folder, history, plan_order_mark(history), err) && plan_find_missing(folder, history, &d, err) && refuse_missing(&d, err);
    if (ok && !wish->skip_checksums)
        ok = plan_find_changed(folder, history, &d, NULL, err) && refuse_changed(&d, err);
    disagreement_free(&d);
    return ok;
}
