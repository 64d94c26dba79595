/* inspection.c: looks at a half-applied file: which of its statements are done, and which may have run. */
#include "inspection.h"

#include <string.h>

#include "half.h"
#include "text.h"

static bool add_index(void *user, const char *name)
{
    struct inspection *in = user;
    if (in->invalid_count == INSPECTION_INDEXES)
        return false;
    text_visible(in->invalid[in->invalid_count++], INSPECTION_NAME, name);
    return true;
}

bool inspection_make(const struct project *project, struct db *db, const char *name, struct inspection *in, struct error *err)
{
    const struct db_driver *driver = db_driver_of(db);
    memset(in, 0, sizeof *in);
    in->db = db;
    if (!lock_look(db, &in->lock, err) || !history_read(db, &in->history, err))
        return false;
    in->row = plan_find_half(in->history, name, err);
    if (!in->row) {
        if (in->lock.row.locked && in->lock.verdict != LOCK_DEAD)
            error_detail(err, "A run holds the lock: a file that it is still running is not half applied.");
        return false;
    }
    if (!folder_read(project->dir, &in->folder, err))
        return false;
    for (size_t i = 0; i < folder_count(in->folder); i++)
        if (strcmp(folder_at(in->folder, i)->file, in->row->file) == 0)
            in->file = folder_at(in->folder, i);
    if (in->file && !half_same(in->row, in->file, engine_dialect(db), driver->about(db)->standard_strings, &in->same, err))
        return false;
    return !driver->invalid_read || driver->invalid_read(db, add_index, in, err);
}

void inspection_close(struct inspection *in)
{
    folder_free(in->folder);
    history_free(in->history);
}

const char *inspection_state(const struct run_row *row, bool same, int number)
{
    if (!same)
        return NULL;
    if (number <= row->done_statement)
        return "done";
    return number <= row->started_statement ? "may have run" : "not run";
}

bool inspection_each(const struct inspection *in, inspection_fn fn, void *user, struct error *err)
{
    struct script *script = NULL;
    struct scan_statement found;
    enum scan_answer got = SCAN_ERROR;
    enum section_kind kind = half_in_rollback(in->row) ? SECTION_ROLLBACK : SECTION_UPGRADE;
    int number = 0;
    bool ok = script_open(in->file, kind, engine_dialect(in->db), db_driver_of(in->db)->about(in->db)->standard_strings, &script, err);
    while (ok && (got = script_next(script, &found, err)) == SCAN_STATEMENT)
        ok = fn(user, ++number, &found);
    script_close(script);
    return ok && got == SCAN_END;
}
