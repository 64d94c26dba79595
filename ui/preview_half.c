/* preview_half.c: what is known of a half-applied file, with the plan that ends it: both from one reading of history and files. */
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "preview.h"
#include "text.h"

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "out of memory while the half-applied file was looked at; nothing was done");
}

static struct preview_half *copy_of(const struct inspection *in)
{
    struct preview_half *half = calloc(1, sizeof *half);
    if (!half)
        return NULL;
    half->back = half_in_rollback(in->row);
    half->same = in->same;
    half->started = in->row->started_statement;
    half->done = in->row->done_statement > 0 ? in->row->done_statement : 0;
    text_visible(half->process_id, sizeof half->process_id, in->row->process_id);
    text_visible(half->command, sizeof half->command, in->row->command);
    text_visible(half->started_at, sizeof half->started_at, in->row->acquired_at);
    memcpy(half->invalid, in->invalid, sizeof half->invalid);
    half->invalid_count = in->invalid_count;
    return half;
}

/* Made as for a mark, which can always be planned: that the file can be gone on with at some statement is for the run to check. */
static bool plan_end(const struct inspection *in, struct preview **out, struct error *err)
{
    struct plan_wish wish = { .direction = half_in_rollback(in->row) ? PLAN_ROLLBACK : PLAN_UPGRADE, .resolve = RESOLVE_APPLIED, .resolve_name = in->row->file };
    struct plan *plan = NULL;
    bool ok = plan_make(in->folder, in->history, &wish, engine_dialect(in->db), db_driver_of(in->db)->about(in->db)->standard_strings, &plan, err) && preview_copy(plan, in->db, out, err);
    plan_free(plan);
    return ok;
}

bool preview_resolve(const struct project *project, struct db *db, const char *name, struct preview **out, struct error *err)
{
    struct inspection *in = calloc(1, sizeof *in);
    bool ok = in || no_memory(err);
    *out = NULL;
    ok = ok && inspection_make(project, db, name, in, err) && plan_end(in, out, err);
    if (ok && !((*out)->half = copy_of(in))) {
        preview_free(*out);
        *out = NULL;
        ok = no_memory(err);
    }
    if (in)
        inspection_close(in);
    free(in);
    return ok;
}
