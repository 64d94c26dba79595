/* preview.c: copies a plan, with the texts of its statements, into what a dialog can show. */
#include <stdlib.h>
#include <string.h>

#include "preview.h"
#include "text.h"

enum { SQL_BYTES = 2000 };

void preview_free(struct preview *preview)
{
    if (!preview)
        return;
    for (size_t i = 0; i < preview->count; i++) {
        struct preview_item *item = &preview->items[i];
        for (unsigned s = 0; s < item->sql_count; s++)
            free(item->sql[s]);
        free(item->sql);
        free(item->file);
        free(item->shown);
        free(item->version);
        free(item->description);
    }
    preflight_free(&preview->preflight);
    free(preview->items);
    free(preview->half);
    free(preview);
}

struct preview_item *preview_find(struct preview *preview, const char *file)
{
    for (size_t i = 0; preview && i < preview->count; i++)
        if (strcmp(preview->items[i].file, file) == 0)
            return &preview->items[i];
    return NULL;
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "out of memory while the plan was made; nothing was run");
}

static char *visible(const char *text, size_t len, size_t most)
{
    struct text t = { 0 };
    char *copy;
    text_add_visible(&t, text, len > most ? text_offset(text, len, text_chars(text, most)) : len);
    if (len > most)
        text_puts(&t, " …");
    copy = t.failed ? NULL : text_dup(text_string(&t));
    text_free(&t);
    return copy;
}

bool preview_sql(const struct migration *m, enum section_kind kind, const struct script_facts *facts, enum scan_dialect dialect, bool standard_strings, char ***sql, unsigned *count, struct error *err)
{
    unsigned most = facts->statements < PREVIEW_SQL_SHOWN ? facts->statements : PREVIEW_SQL_SHOWN;
    struct script *script = NULL;
    struct scan_statement found;
    bool ok = true;
    *count = 0;
    *sql = NULL;
    if (most == 0)
        return true;
    *sql = calloc(most, sizeof **sql);
    if (!*sql)
        return no_memory(err);
    if (!script_open(m, kind, dialect, standard_strings, &script, err))
        return false;
    while (ok && *count < most) {
        enum scan_answer got = script_next(script, &found, err);
        if (got == SCAN_END)
            break;
        ok = got == SCAN_STATEMENT && (((*sql)[*count] = visible(found.text, found.len, SQL_BYTES)) || no_memory(err));
        *count += ok;
    }
    script_close(script);
    return ok;
}

static bool copy_item(struct preview *preview, const struct plan_item *item, struct db *db, struct error *err)
{
    struct preview_item *to = &preview->items[preview->count++];
    const struct migration *m = item->migration;
    char label[40];
    migration_label(m, label, sizeof label);
    text_visible(to->label, sizeof to->label, label);
    to->file = text_dup(m->file);
    to->shown = visible(m->file, strlen(m->file), SQL_BYTES);
    to->version = text_dup(m->version);
    to->description = visible(m->description, strlen(m->description), SQL_BYTES);
    to->why = item->why;
    to->statements = item->facts.statements;
    to->colons = item->facts.colons;
    script_facts_words(&item->facts, to->how, sizeof to->how);
    to->outside = item->facts.outside;
    preview->statements += item->facts.statements;
    if (!to->file || !to->shown || !to->description || (m->version && !to->version))
        return no_memory(err);
    return preview_sql(m, preview->direction == PLAN_UPGRADE ? SECTION_UPGRADE : SECTION_ROLLBACK, &item->facts, engine_dialect(db), db_driver_of(db)->about(db)->standard_strings, &to->sql, &to->sql_count, err);
}

bool preview_copy(const struct plan *plan, struct db *db, struct preview **out, struct error *err)
{
    struct preview *preview = calloc(1, sizeof *preview);
    bool ok = true;
    *out = NULL;
    if (preview) {
        preview->direction = plan->direction;
        memcpy(preview->digest, plan->digest, sizeof preview->digest);
        preview->items = calloc(plan->count ? plan->count : 1, sizeof *preview->items);
    }
    if (!preview || !preview->items)
        ok = no_memory(err);
    for (size_t i = 0; ok && i < plan->count; i++)
        ok = copy_item(preview, &plan->items[i], db, err);
    if (ok)
        *out = preview;
    else
        preview_free(preview);
    return ok;
}

bool preview_make(const struct project *project, struct db *db, const struct plan_wish *wish, struct preview **out, struct error *err)
{
    struct folder *folder = NULL;
    struct plan *plan = NULL;
    struct error why;
    bool ok;
    *out = NULL;
    if (!engine_plan(project, db, wish, NULL, &folder, &plan, err))
        return false;
    ok = preview_copy(plan, db, out, err);
    /* A plan is worth showing also where the database can't be asked about it. */
    if (ok && wish->direction == PLAN_UPGRADE && plan->count > 0)
        (*out)->looked = preflight_make(db, plan, &(*out)->preflight, &why);
    plan_free(plan);
    folder_free(folder);
    return ok;
}
