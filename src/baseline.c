/* baseline.c: which versions a baseline records: an existing schema starts at a version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "plan_private.h"
#include "repair.h"
#include "text.h"
#include "version.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out making the baseline.");
}

/* No file has that version: the ones around it are told. */
static bool refuse_version(struct folder *folder, const char *version, struct error *err)
{
    const struct migration *below = NULL, *above = NULL;
    char shown[256], file[2][300] = { "", "" };
    for (size_t i = 0; version_valid(version) && i < folder_count(folder); i++) {
        const struct migration *m = folder_at(folder, i);
        if (m->type != MIGRATION_VERSIONED)
            continue;
        if (version_compare(m->version, version) < 0)
            below = m;
        else if (!above)
            above = m;
    }
    text_visible(shown, sizeof shown, version);
    if (below)
        text_visible(file[0], sizeof file[0], below->file);
    if (above)
        text_visible(file[1], sizeof file[1], above->file);
    error_set(err, ERR_USAGE, "no migration file has the version '%s'", shown);
    if (!below && !above)
        return error_hint(err, "A baseline names the version of a file in migrations/: the last one whose changes the schema has already.");
    return error_hint(err, "The nearest: %s%s%s.", file[0], below && above ? ", " : "", file[1]);
}

/* Is this file recorded, with its checksum? */
static bool recorded(const struct history *history, const struct migration *m)
{
    return history_of(history, m) != NULL && !history_differs(history, m);
}

static size_t versions_of(const struct history *history)
{
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++)
        count += history->rows[i].type == MIGRATION_VERSIONED && !plan_seen_before(history, i);
    return count;
}

static bool refuse_history(const struct history *history, size_t versions, struct error *err)
{
    char latest[256];
    text_visible(latest, sizeof latest, history_latest(history)->version);
    error_set(err, ERR_HISTORY, "the history has %zu version%s already, the latest %s: a baseline is for a database whose history has none", versions, versions == 1 ? "" : "s", latest);
    return error_hint(err, "What is pending above it is applied by `jetbase upgrade`; what is recorded and wrong is mended by `jetbase fix`, or taken back by `jetbase rollback`. `jetbase status` shows both.");
}

static bool add(struct repair *found, const struct migration *m, struct error *err)
{
    struct repair_baseline *b = &found->baseline[found->baseline_count++];
    b->version = text_dup(m->version);
    b->description = text_dup(m->description);
    b->file = text_dup(m->file);
    memcpy(b->checksum, m->checksum, sizeof b->checksum);
    return (b->version && b->description && b->file) || no_memory(err);
}

static bool choose(struct folder *folder, const struct history *history, const char *version, struct repair *found, struct error *err)
{
    size_t versions = versions_of(history), known = 0, files = 0;
    if (!version_valid(version) || !folder_find_equal(folder, version))
        return refuse_version(folder, version, err);
    found->baseline = calloc(folder_count(folder) + 1, sizeof *found->baseline);
    if (!found->baseline)
        return no_memory(err);
    for (size_t i = 0; i < folder_count(folder); i++) {
        struct migration *m = folder_at(folder, i);
        if (m->type != MIGRATION_VERSIONED || version_compare(m->version, version) > 0)
            continue;
        if (!migration_hash(m, err) || (versions == 0 && !add(found, m, err)))
            return false;
        files++;
        known += recorded(history, m);
    }
    return versions == 0 || (known == files && versions == files) || refuse_history(history, versions, err);
}

bool baseline_find(const char *project_dir, const struct history *history, const char *version, const atomic_int *stop, struct repair *found, struct error *err)
{
    struct folder *folder = NULL;
    char *spelt = text_dup(version + (version[0] == 'V'));
    bool ok;
    repair_clear(found);
    if (!spelt)
        return no_memory(err);
    for (char *at = spelt; *at; at++)
        *at = *at == '_' ? '.' : *at;
    ok = half_none(history, err) && folder_read(project_dir, &folder, err);
    if (ok)
        folder_stop_at(folder, stop);
    ok = ok && choose(folder, history, spelt, found, err);
    folder_free(folder);
    free(spelt);
    return ok;
}
