/* plan.c: what would run, in order, and its digest. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "facts.h"
#include "half.h"
#include "plan_private.h"
#include "sha256.h"
#include "text.h"
#include "version.h"

enum { STATES_LEAST = 512 }; /* files whose state alone takes longer to ask than threads to start */

/* What a plan is made from. */
struct making {
    struct folder *folder;
    const struct history *history;
    const struct plan_wish *wish;
    enum scan_dialect dialect;
    bool standard_strings;
    struct plan *plan;
    size_t capacity;
};

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out making the plan.");
}

const char *plan_why_name(enum plan_why why)
{
    switch (why) {
    case WHY_NEW:
        return "new";
    case WHY_CHANGED:
        return "changed";
    case WHY_ALWAYS:
        return "always";
    case WHY_HALF:
        return "half-applied";
    }
    return "";
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->items);
    free(plan);
}

static bool add_item(struct making *making, struct migration *m, enum plan_why why, int64_t rows, struct error *err)
{
    struct plan *plan = making->plan;
    if (plan->count == making->capacity) {
        size_t more = making->capacity == 0 ? 16 : making->capacity * 2;
        struct plan_item *items = realloc(plan->items, more * sizeof *items);
        if (items == NULL)
            return no_memory(err);
        plan->items = items;
        making->capacity = more;
    }
    plan->items[plan->count++] = (struct plan_item){.migration = m, .why = why, .history_rows = rows};
    return true;
}

/* The user's version as file names have it after `_` became `.`; NULL where none was given. Free it. */
static bool wished_version(const struct plan_wish *wish, char **version, struct error *err)
{
    *version = NULL;
    if (wish->to_version == NULL || wish->to_version[0] == '\0')
        return true;
    *version = text_dup(wish->to_version);
    if (*version == NULL)
        return no_memory(err);
    for (char *c = *version; *c != '\0'; c++)
        if (*c == '_')
            *c = '.';
    return true;
}

static bool check_wish(const struct plan_wish *wish, struct error *err)
{
    bool up = wish->direction == PLAN_UPGRADE;
    if (wish->count < 0)
        return error_set(err, ERR_USAGE, "'count' must be a positive integer.");
    if (wish->count > 0 && wish->to_version != NULL)
        return error_set(err, ERR_USAGE, "Cannot specify both 'count' and 'to_version' for %s. Select only one, or do not specify either to %s.", up ? "upgrade" : "rollback",
                         up ? "run all pending migrations" : "rollback the last migration");
    return true;
}

/* "V1.5__a.sql, V2__b.sql" grow behind the sentence; where there is no room for more, "…" ends it. */
static void note_passed_over(struct plan *plan, const struct migration *m, const struct history_entry *latest)
{
    static const char more[] = ", \xE2\x80\xA6";
    char latest_shown[64], file[160];
    size_t used = strlen(plan->note), room = sizeof plan->note - used;
    text_visible(file, sizeof file, m->file);
    text_visible(latest_shown, sizeof latest_shown, latest->version);
    if (used == 0)
        snprintf(plan->note, room, "not run, because the version is below the latest applied, %s: %s", latest_shown, file);
    else if (strlen(file) + 2 * sizeof more < room)
        snprintf(plan->note + used, room, ", %s", file);
    else if (used < sizeof more || strcmp(plan->note + used + 1 - sizeof more, more) != 0)
        snprintf(plan->note + used, room, "%s", more);
}

static bool choose_versions(struct making *making, const char *to_version, struct error *err)
{
    const struct history_entry *latest = plan_order_mark(making->history);
    size_t count = folder_count(making->folder);
    bool found = false, out = false;
    for (size_t i = 0; i < count && !found; i++) {
        struct migration *m = folder_at(making->folder, i);
        if (!plan_is_pending(making->history, m))
            continue;
        /* Only --skip-file-validation lets such a file stand, and there Jetbase never runs it. */
        if (!plan_passed_over(m, latest, &out, err))
            return false;
        if (out) {
            note_passed_over(making->plan, m, latest);
            continue;
        }
        if (to_version == NULL && making->wish->count > 0 && making->plan->count == (size_t)making->wish->count)
            break;
        if (!add_item(making, m, WHY_NEW, 0, err))
            return false;
        found = to_version != NULL && strcmp(m->version, to_version) == 0;
    }
    if (to_version == NULL || found)
        return true;
    char shown[256];
    text_visible(shown, sizeof shown, to_version);
    return error_set(err, ERR_FAILED, "The specified to_version '%s' does not exist among pending migrations.", shown);
}

/* Two files of one name in different sub-folders share a history row: the first writes it, the second finds it. */
static bool planned_before(const struct plan *plan, const struct migration *m)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].migration->type == m->type && strcmp(plan->items[i].migration->file, m->file) == 0)
            return true;
    return false;
}

static bool choose_repeatables(struct making *making, struct error *err)
{
    size_t count = folder_count(making->folder);
    for (size_t i = 0; i < count; i++) {
        struct migration *m = folder_at(making->folder, i);
        if (m->type == MIGRATION_VERSIONED)
            continue;
        enum plan_why why;
        if (!facts_hash(m, err))
            return false;
        if (!plan_repeatable_runs(making->history, m, &why))
            continue;
        int64_t rows = history_rows_of(making->history, m);
        if (rows == 0 && planned_before(making->plan, m))
            rows = 1;
        if (!add_item(making, m, why, rows, err))
            return false;
    }
    return true;
}

static bool choose_upgrade(struct making *making, struct error *err)
{
    char *to_version;
    if (!wished_version(making->wish, &to_version, err))
        return false;
    bool ok = plan_validate(making->folder, making->history, making->wish, err) && (making->wish->no_versions || choose_versions(making, to_version, err)) && choose_repeatables(making, err);
    free(to_version);
    return ok;
}

/* The index of the newest row of that exact version; history->count where there is none. */
static size_t find_applied(const struct history *h, const char *version)
{
    for (size_t i = h->count; i-- > 0;)
        if (h->rows[i].type == MIGRATION_VERSIONED && strcmp(h->rows[i].version, version) == 0)
            return i;
    return h->count;
}

static bool refuse_rollback_file(struct making *making, const char *version, struct error *err)
{
    char shown[256], file[512];
    text_visible(shown, sizeof shown, version);
    error_set(err, ERR_HISTORY,
              "Migration file for version '%s' not found. Cannot proceed with rollback.\n"
              "Please restore the missing migration file and try again, or run 'jetbase fix' to synchronize the migrations table with existing files before retrying the rollback.",
              shown);
    size_t count = folder_count(making->folder);
    for (size_t i = 0; i < count; i++) {
        const struct migration *m = folder_at(making->folder, i);
        if (m->type != MIGRATION_VERSIONED || !version_valid(version) || version_compare(m->version, version) != 0)
            continue;
        text_visible(file, sizeof file, m->file);
        return error_hint(err, "%s has the same version, spelt %s: give the file the spelling of the history, %s.", file, m->version, shown);
    }
    return false;
}

static bool planned_version(const struct plan *plan, const char *version)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->items[i].migration->version, version) == 0)
            return true;
    return false;
}

/* Adds the versions of rows[from] and newer ones but `keep`, newest first, `limit` of them at most. */
static bool roll_back_rows(struct making *making, size_t from, const char *keep, size_t limit, struct error *err)
{
    const struct history *h = making->history;
    for (size_t i = h->count; i-- > from && making->plan->count < limit;) {
        const struct history_entry *row = &h->rows[i];
        if (row->type != MIGRATION_VERSIONED || (keep != NULL && strcmp(row->version, keep) == 0) || planned_version(making->plan, row->version))
            continue;
        struct migration *m = folder_find_version(making->folder, row->version);
        if (m == NULL)
            return refuse_rollback_file(making, row->version, err);
        if (!add_item(making, m, WHY_NEW, history_rows_of(h, m), err))
            return false;
    }
    return true;
}

static bool choose_rollback(struct making *making, struct error *err)
{
    char *to_version;
    if (!history_check_times(making->history, err) || !wished_version(making->wish, &to_version, err))
        return false;
    size_t limit = making->wish->count > 0 ? (size_t)making->wish->count : 1, from = 0;
    bool ok = true;
    if (to_version != NULL) {
        limit = making->history->count;
        from = find_applied(making->history, to_version);
        if (from == making->history->count) {
            char shown[256];
            text_visible(shown, sizeof shown, to_version);
            ok = error_set(err, ERR_FAILED, "Version '%s' has not been applied yet or does not exist.", shown);
        }
    }
    ok = ok && roll_back_rows(making, from, to_version, limit, err);
    free(to_version);
    return ok;
}

/* The plan of a resolve: that one file, in the direction it was left in. */
static bool choose_half(struct making *making, struct error *err)
{
    struct migration *m;
    int64_t rows;
    if (!plan_find_resolve(making->folder, making->history, making->wish, &m, err))
        return false;
    rows = history_rows_of(making->history, m);
    if (!migration_hash(m, err) || !add_item(making, m, WHY_HALF, rows, err))
        return false;
    making->plan->items[0].resolve = making->wish->resolve;
    making->plan->items[0].from = making->wish->resolve == RESOLVE_RERUN ? making->wish->resolve_from : 0;
    return true;
}

static void check_one(void *user, size_t i)
{
    struct making *making = user;
    facts_both_ahead(making->plan->items[i].migration, making->dialect, making->standard_strings);
}

/* By threads where much is to be read; of what was checked before the lock only the state is asked, which is soon done. */
static void check_ahead(struct making *making)
{
    struct plan *plan = making->plan;
    size_t unread = 0;
    for (size_t i = 0; i < plan->count; i++)
        unread += !facts_checked(plan->items[i].migration);
    if (unread >= CREW_LEAST || plan->count >= STATES_LEAST)
        crew_end(crew_start(plan->count, check_one, making), true);
}

/* Versioned files are hashed here, and again under the lock where size or times say that they changed since. Repeatables were when they were chosen. */
static bool check_items(struct making *making, struct error *err)
{
    struct plan *plan = making->plan;
    enum section_kind kind = plan->direction == PLAN_UPGRADE ? SECTION_UPGRADE : SECTION_ROLLBACK;
    if (kind == SECTION_UPGRADE)
        check_ahead(making);
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_item *item = &plan->items[i];
        bool versioned = item->migration->type == MIGRATION_VERSIONED, good;
        if (kind == SECTION_UPGRADE)
            good = (versioned ? facts_both : facts_check)(item->migration, making->dialect, making->standard_strings, &item->facts, err);
        else
            good = (!versioned || facts_hash(item->migration, err)) && script_check(item->migration, kind, making->dialect, making->standard_strings, &item->facts, err);
        if (!good)
            return false;
    }
    return true;
}

/* Every part carries its length, so that no two plans give the same text. */
static void digest_part(struct sha256 *hash, const char *part)
{
    char length[32];
    size_t len = strlen(part);
    sha256_add(hash, length, (size_t)snprintf(length, sizeof length, "%zu:", len));
    sha256_add(hash, part, len);
    sha256_add(hash, ",", 1);
}

static void make_digest(struct plan *plan, const struct history *history)
{
    struct sha256 hash;
    sha256_begin(&hash);
    digest_part(&hash, plan->direction == PLAN_UPGRADE ? "upgrade" : "rollback");
    for (size_t i = 0; i < plan->count; i++) {
        const struct migration *m = plan->items[i].migration;
        digest_part(&hash, migration_type_name(m->type));
        digest_part(&hash, m->file);
        digest_part(&hash, m->version != NULL ? m->version : "");
        digest_part(&hash, m->raw);
        const struct run_row *half = plan->items[i].resolve != RESOLVE_NONE ? half_of(history, m->file) : NULL;
        if (half != NULL) {
            /* Of which run it is the remains, and how far that came: another one's numbers mean another state. */
            char left[DB_ID_SIZE + 40];
            snprintf(left, sizeof left, "half %s %d %d", half->process_id, half->started_statement, half->done_statement);
            digest_part(&hash, left);
        }
    }
    sha256_digest(&hash, plan->digest);
}

bool plan_make(struct folder *folder, const struct history *history, const struct plan_wish *wish, enum scan_dialect dialect, bool standard_strings, struct plan **out, struct error *err)
{
    *out = NULL;
    if (!check_wish(wish, err))
        return false;
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return no_memory(err);
    plan->direction = wish->direction;
    struct making making = {.folder = folder, .history = history, .wish = wish, .dialect = dialect, .standard_strings = standard_strings, .plan = plan};
    bool ok;
    if (wish->resolve != RESOLVE_NONE)
        ok = choose_half(&making, err);
    else
        ok = half_none(history, err) && (wish->direction == PLAN_UPGRADE ? choose_upgrade(&making, err) : choose_rollback(&making, err));
    if (!ok || !check_items(&making, err) || !plan_check_resolve(plan, history, wish, dialect, standard_strings, err)) {
        plan_free(plan);
        return false;
    }
    make_digest(plan, history);
    *out = plan;
    return true;
}
