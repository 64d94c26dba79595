/* engine_rehearse_part.c: runs one part of a file in a rehearsal, statement by statement, and keeps what each did. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rehearse.h"
#include "text.h"

/* Where the statement that runs is collected. */
struct collecting {
    struct rehearsal_statement *statement;
    size_t cap;
};

bool rehearse_no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "Memory ran out; what was rehearsed is rolled back.");
}

/* ---- one statement ---- */

static bool collect(void *user, const struct db_effect *effect)
{
    struct collecting *c = user;
    struct rehearsal_statement *s = c->statement;
    if (s->effect_count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 8;
        struct db_effect *more = realloc(s->effects, cap * sizeof *more);
        if (!more)
            return false;
        s->effects = more;
        c->cap = cap;
    }
    s->effects[s->effect_count++] = *effect;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct db_effect *left = a, *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* How a statement begins, on one line: runs of blanks are one. */
static void words_of(const struct scan_statement *found, char words[REHEARSAL_WORDS])
{
    char raw[4 * REHEARSAL_WORDS];
    size_t n = 0;
    bool blank = false;
    for (size_t i = 0; i < found->len && n + 2 < sizeof raw; i++) {
        char c = found->text[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            blank = n > 0;
            continue;
        }
        if (blank)
            raw[n++] = ' ';
        blank = false;
        raw[n++] = c;
    }
    raw[n] = '\0';
    text_visible(words, REHEARSAL_WORDS, raw);
}

static struct rehearsal_statement *statement_add(struct rehearsal_part *part, const struct scan_statement *found, struct error *err)
{
    struct rehearsal_statement *more = part->count & (part->count - 1) ? part->statements : realloc(part->statements, (part->count ? part->count * 2 : 1) * sizeof *more);
    if (!more) {
        rehearse_no_memory(err);
        return NULL;
    }
    part->statements = more;
    struct rehearsal_statement *s = &part->statements[part->count++];
    *s = (struct rehearsal_statement){ .at = found->at, .rows = -1 };
    words_of(found, s->words);
    return s;
}

static void tell(struct rehearsing *g, enum engine_event_kind kind, uint32_t i, bool undo, struct engine_event event)
{
    event.kind = kind;
    event.migration = i + 1;
    event.file = g->run.plan->items[i].migration;
    g->wish.plan.direction = undo ? PLAN_ROLLBACK : PLAN_UPGRADE;
    engine_tell(&g->run, &event);
    g->wish.plan.direction = PLAN_UPGRADE;
}

static bool run_statement(struct rehearsing *g, struct rehearsal_part *part, const struct scan_statement *found, uint32_t number, struct error *err)
{
    struct rehearsal_statement *s = statement_add(part, found, err);
    struct collecting c = { .statement = s };
    struct db_step step = { .kind = STEP_SQL, .statement = number, .at = found->at, .sql = found->text, .len = found->len };
    struct db_result result = { .rows = -1 };
    if (!s)
        return false;
    bool ok = g->driver->statement(g->run.db, &step, &result, collect, &c, err);
    s->ms = (double)(int64_t)(result.ms * 1000 + 0.5) / 1000; /* nobody measures better than that */
    s->rows = ok ? result.rows : -1;
    s->failed = !ok;
    s->behind_locks = g->holds;
    for (size_t i = 0; i < s->effect_count; i++)
        g->holds = g->holds || (!s->effects[i].new_here && s->effects[i].modes > 1u << MODE_ACCESS_SHARE);
    part->ms += s->ms;
    if (s->effect_count > 1)
        qsort(s->effects, s->effect_count, sizeof *s->effects, by_name);
    return ok;
}

/* ---- one part of a file ---- */

static bool part_head(struct rehearsing *g, uint32_t i, bool undo, const struct script_facts *facts, struct error *err)
{
    char application[600];
    const struct migration *m = g->run.plan->items[i].migration;
    snprintf(application, sizeof application, "jetbase rehearses %u/%zu %s", i + 1, g->run.plan->count, m->file);
    struct db_step head = { .kind = STEP_HEAD, .application = application, .lock_timeout_ms = facts->lock_timeout_ms, .statement_timeout_ms = facts->statement_timeout_ms,
                            .foreign_keys_off = facts->foreign_keys_off };
    return g->driver->part(g->run.db, &head, undo, err);
}

static bool part_statements(struct rehearsing *g, uint32_t i, bool undo, const struct script_facts *facts, struct rehearsal_part *part, struct error *err)
{
    const struct migration *m = g->run.plan->items[i].migration;
    struct script *script = NULL;
    struct scan_statement found;
    enum scan_answer got = SCAN_ERROR;
    uint32_t number = 0;
    bool ok = script_open(m, undo ? SECTION_ROLLBACK : SECTION_UPGRADE, engine_dialect(g->run.db), g->run.driver->about(g->run.db)->standard_strings, &script, err);
    while (ok && (got = script_next(script, &found, err)) == SCAN_STATEMENT) {
        number++;
        ok = run_statement(g, part, &found, number, err);
        if (!ok && err->place.line) {
            script_mend_place(m->path, &found.at, &err->place);
            script_show_place(m->path, err);
        }
        if (ok)
            tell(g, EV_STATEMENT_DONE, i, undo, (struct engine_event){ .statement = number, .statements = facts->statements, .ms = part->statements[part->count - 1].ms });
    }
    ok = ok && got == SCAN_END && script_unchanged(script, err);
    script_close(script);
    return ok;
}

bool rehearse_stopped(struct rehearsing *g)
{
    int stop = engine_stopped(g->run.hooks);
    if (stop == 0)
        return false;
    error_set(&g->why, ERR_CANCELLED, "stopped by a %s", stop > 0 ? "signal" : "person");
    g->found->outcome = REHEARSAL_STOPPED;
    g->over = true;
    return true;
}

bool rehearse_ended(struct rehearsing *g, const struct error *fault)
{
    if (g->driver->crowded(g->run.db, &g->why)) {
        g->found->outcome = g->why.code == ERR_NO_CONNECTION ? REHEARSAL_BROKEN : REHEARSAL_CROWDED;
    } else if (rehearse_stopped(g)) {
        return true;
    } else if (fault->code == ERR_NO_CONNECTION || fault->code == ERR_NO_MEMORY || fault->code == ERR_INTERNAL || fault->code == ERR_UNKNOWN_END) {
        g->why = *fault;
        g->found->outcome = REHEARSAL_BROKEN;
    } else {
        return false;
    }
    g->over = true;
    return true;
}

bool rehearse_part(struct rehearsing *g, uint32_t i, bool undo, const struct script_facts *facts, struct rehearsal_part *part)
{
    struct error err = { 0 };
    const struct migration *m = g->run.plan->items[i].migration;
    tell(g, EV_MIGRATION_STARTED, i, undo, (struct engine_event){ .statements = facts->statements });
    if (part_head(g, i, undo, facts, &err) && part_statements(g, i, undo, facts, part, &err) && g->driver->part_end(g->run.db, &err)) {
        part->end = REHEARSAL_GOOD;
        return true;
    }
    if (rehearse_ended(g, &err))
        return false;
    part->end = REHEARSAL_FAILED;
    if (!err.place.file[0])
        text_copy(err.place.file, sizeof err.place.file, m->file);
    part->error = malloc(sizeof err);
    if (part->error)
        *part->error = err;
    return false;
}
