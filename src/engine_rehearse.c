/* engine_rehearse.c: rehearses a plan: each file's upgrade part, its rollback part behind it, and whether that undoes it; all where nothing of it stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rehearse.h"
#include "failpoint.h"
#include "text.h"

enum { LOCK_TIMEOUT_MS = 2000, NAMED_FILES = 8 };

static void add_note(struct rehearsal_migration *m, const char *sentence)
{
    size_t len = strlen(m->note);
    snprintf(m->note + len, sizeof m->note - len, "%s%s", len ? " " : "", sentence);
}

/* ---- one file ---- */

static bool reads_schema(struct rehearsing *g, struct schema **out)
{
    struct error err = { 0 };
    struct schema *schema = schema_make();
    *out = NULL;
    if (schema && g->driver->schema(g->run.db, schema_add, schema, &err)) {
        *out = schema;
        return true;
    }
    if (!schema)
        rehearse_no_memory(&err);
    schema_free(schema);
    if (!rehearse_ended(g, &err)) {
        g->why = err;
        g->over = true;
        g->found->outcome = REHEARSAL_BROKEN;
    }
    return false;
}

/* What is known of the rollback part before it runs. False: it can't be, or need not be. */
static bool down_facts(struct rehearsing *g, uint32_t i, struct script_facts *facts)
{
    const struct migration *file = g->run.plan->items[i].migration;
    struct rehearsal_migration *m = &g->found->migrations[i];
    struct error err = { 0 };
    if (file->type != MIGRATION_VERSIONED) {
        m->down.end = REHEARSAL_NONE;
        return false;
    }
    if (!script_check(file, SECTION_ROLLBACK, engine_dialect(g->run.db), g->run.driver->about(g->run.db)->standard_strings, facts, &err)) {
        m->down.end = REHEARSAL_FAILED;
        m->down.error = malloc(sizeof err);
        if (m->down.error)
            *m->down.error = err;
        return false;
    }
    m->down.end = facts->statements == 0 ? REHEARSAL_NONE : facts->outside ? REHEARSAL_OUTSIDE : REHEARSAL_NOT_REACHED;
    return m->down.end == REHEARSAL_NOT_REACHED;
}

/* The rollback part of a file whose upgrade part ran, up to the comparison; then the state is that after the upgrade again. */
static void rehearse_down(struct rehearsing *g, uint32_t i, const struct script_facts *facts)
{
    struct rehearsal_migration *m = &g->found->migrations[i];
    struct schema *after = NULL;
    struct error err = { 0 };
    if (rehearse_part(g, i, true, facts, &m->down) && reads_schema(g, &after)) {
        m->compared = schema_compare(g->before, after, m);
        if (!m->compared) {
            rehearse_no_memory(&g->why);
            g->over = true;
            g->found->outcome = REHEARSAL_BROKEN;
        }
    }
    schema_free(after);
    if (!g->over && !g->driver->back(g->run.db, &err) && !rehearse_ended(g, &err)) {
        g->why = err;
        g->over = true;
        g->found->outcome = REHEARSAL_BROKEN;
    }
}

static bool has_words(const struct rehearsal_part *part, const char *words)
{
    for (size_t i = 0; i < part->count; i++)
        if (strcasestr(part->statements[i].words, words))
            return true;
    return false;
}

/* The upgrade part failed: is it a fault of the file, or of the rehearsal? */
static void explain(struct rehearsing *g, struct rehearsal_migration *m)
{
    struct error *err = m->up.error;
    if (err && g->adds_value && strcmp(err->sqlstate, "55P04") == 0) {
        add_note(m, "It uses a value that an earlier file of this rehearsal adds to an enum: a run commits that first, one transaction for all can't. Apply the earlier files, then rehearse this one.");
        m->up.end = REHEARSAL_OUTSIDE;
        free(m->up.error);
        m->up.error = NULL;
    } else if (err && g->left_out > 0) {
        add_note(m, "It may need what was not rehearsed.");
    }
    g->over = true;
}

static void say_outside(struct rehearsing *g, uint32_t i)
{
    struct rehearsal_migration *m = &g->found->migrations[i];
    m->up.end = REHEARSAL_OUTSIDE;
    m->down.end = REHEARSAL_NOT_REACHED;
    add_note(m, "It runs outside a transaction, so it can't be rehearsed.");
    if (g->left_out++ == 0)
        g->first_left_out = m->file;
}

static void rehearse_file(struct rehearsing *g, uint32_t i)
{
    const struct plan_item *item = &g->run.plan->items[i];
    struct rehearsal_migration *m = &g->found->migrations[i];
    struct script_facts facts;
    struct schema *after = NULL;
    char sentence[600], more[40] = "";
    if (item->facts.outside) {
        say_outside(g, i);
        return;
    }
    if (g->left_out > 0) {
        if (g->left_out > 1)
            snprintf(more, sizeof more, " and %zu more", g->left_out - 1);
        snprintf(sentence, sizeof sentence, "It was rehearsed without %s%s.", g->first_left_out, more);
        add_note(m, sentence);
    }
    if (item->facts.isolation > ISOLATION_READ_COMMITTED)
        add_note(m, "It asks for another isolation level; the rehearsal has READ COMMITTED.");
    if (!rehearse_part(g, i, false, &item->facts, &m->up)) {
        if (!g->over)
            explain(g, m);
        return;
    }
    g->adds_value = g->adds_value || has_words(&m->up, "ADD VALUE");
    FAILPOINT("rehearsed");
    if (!reads_schema(g, &after))
        return;
    if (down_facts(g, i, &facts))
        rehearse_down(g, i, &facts);
    schema_free(g->before);
    g->before = after;
}

/* ---- the whole ---- */

/* May it begin? Beside a run it would see that one's half-done work, or keep it waiting. */
static bool lock_is_free(struct rehearsing *g, struct error *err)
{
    struct lock_view *view = &g->run.holder;
    if (!lock_look(g->run.db, view, err))
        return false;
    if (!view->row.locked)
        return true;
    lock_held_error(view, err);
    error_state(err, "Nothing was rehearsed.");
    struct engine_event event = { .kind = EV_LOCK_REFUSED, .lock = view, .error = err };
    engine_tell(&g->run, &event);
    return false;
}

static bool connect(struct rehearsing *g, struct error *err)
{
    struct run *run = &g->run;
    bool sqlite = run->project->url.kind == URL_SQLITE;
    if (sqlite ? !engine_connect(run->project, run->sys, DB_LOOK, run->hooks, &run->db, err) : !engine_open(run, NULL, err))
        return false;
    run->driver = db_driver_of(run->db);
    g->driver = run->driver->rehearsing;
    return engine_plan(run->project, run->db, &run->wish->plan, NULL, &run->folder, &run->plan, err);
}

/* Said before anything runs: what is going to be held, and for how long anybody may have to wait for it. */
static void say_beforehand(struct rehearsing *g)
{
    const struct plan *plan = g->run.plan;
    struct text words = { 0 };
    text_puts(&words, "rehearses ");
    for (size_t i = 0; i < plan->count && i < NAMED_FILES; i++) {
        text_puts(&words, i ? ", " : "");
        text_add_visible(&words, plan->items[i].migration->file, strlen(plan->items[i].migration->file));
    }
    if (plan->count > NAMED_FILES)
        text_printf(&words, " and %zu more", plan->count - NAMED_FILES);
    if (g->found->copy)
        text_puts(&words, " on a copy; the database itself is only read");
    else
        text_printf(&words, " in one transaction of %s, which is rolled back; each lock that they take is held until then. It ends at once where somebody waits behind it for %g s", g->found->database, g->found->lock_timeout_ms / 1000.0);
    if (!words.failed)
        engine_note(&g->run, EV_NOTE, text_string(&words));
    text_free(&words);
}

static bool make_result(struct rehearsing *g, struct error *err)
{
    const struct plan *plan = g->run.plan;
    struct rehearsal *r = g->found = calloc(1, sizeof *r);
    if (!r || !(r->migrations = calloc(plan->count + 1, sizeof *r->migrations)))
        return rehearse_no_memory(err);
    r->copy = g->run.project->url.kind == URL_SQLITE;
    text_visible(r->database, sizeof r->database, g->run.driver->about(g->run.db)->database);
    r->lock_timeout_ms = g->run.wish->lock_timeout_ms;
    r->statement_timeout_ms = g->run.wish->statement_timeout_ms;
    r->count = plan->count;
    for (size_t i = 0; i < plan->count; i++) {
        const struct migration *m = plan->items[i].migration;
        text_copy(r->migrations[i].file, sizeof r->migrations[i].file, m->file);
        text_copy(r->migrations[i].version, sizeof r->migrations[i].version, m->version ? m->version : "");
        r->migrations[i].type = m->type;
    }
    return true;
}

/* The versions of the files whose rollbacks do not undo their upgrades; gives `to`. */
static const char *list_left(const struct rehearsal *found, char *to, size_t size)
{
    enum { LISTED = 12 };
    size_t n = 0, at = 0;
    to[0] = '\0';
    for (size_t i = 0; i < found->count; i++)
        if (rehearsal_not_undone(&found->migrations[i]) && n++ < LISTED && at < size)
            at += (size_t)snprintf(to + at, size - at, "%sV%s", n > 1 ? ", " : "", found->migrations[i].version);
    if (n > LISTED && at < size)
        snprintf(to + at, size - at, " and %zu more", n - LISTED);
    return to;
}

/* What a rehearsal that came to its end found. */
static void judge(struct rehearsing *g)
{
    char which[1600];
    size_t left = 0;
    const struct rehearsal_migration *first = NULL;
    const struct error *fault = NULL;
    bool failed = false;
    for (size_t i = 0; i < g->found->count; i++) {
        const struct rehearsal_migration *m = &g->found->migrations[i];
        failed = failed || m->up.end == REHEARSAL_FAILED || m->down.end == REHEARSAL_FAILED;
        if (!fault)
            fault = m->up.error ? m->up.error : m->down.error;
        if (!first && rehearsal_not_undone(m))
            first = m;
        left += rehearsal_not_undone(m);
    }
    if (!failed && !first)
        return;
    g->found->outcome = REHEARSAL_FAULTS;
    /* What would keep the upgrade from running is said before what would keep it from being taken back. */
    if (fault)
        g->why = *fault;
    else if (failed)
        error_set(&g->why, ERR_NO_MEMORY, "Memory ran out keeping why a statement failed.");
    else if (left == 1)
        error_set(&g->why, ERR_FAILED, "the rollback of %s does not undo its upgrade", first->file);
    else
        error_set(&g->why, ERR_FAILED, "the rollbacks of %zu files do not undo their upgrades: %s", left, list_left(g->found, which, sizeof which));
    if (!failed)
        error_hint(&g->why, "Put into its rollback part what is named above.");
}

static void rehearse_all(struct rehearsing *g)
{
    struct db_rehearsal_wish wish = { .lock_timeout_ms = g->found->lock_timeout_ms, .statement_timeout_ms = g->found->statement_timeout_ms };
    int64_t began = g->run.sys->mono_ms();
    if (!g->driver->begin(g->run.db, &wish, &g->why)) {
        g->over = true;
        g->found->outcome = REHEARSAL_BROKEN;
        rehearse_stopped(g); /* whatever the wish to stop made of the beginning */
    } else if ((g->found->begun = true) && reads_schema(g, &g->before)) {
        for (uint32_t i = 0; !g->over && i < g->run.plan->count; i++)
            rehearse_file(g, i);
    }
    /* A wish that came while nothing ran that could have been cancelled. */
    if (!g->over || g->found->outcome == REHEARSAL_OK) {
        struct error none = { 0 };
        rehearse_ended(g, &none);
    }
    /* Where a statement ended the transaction, there was nothing left to roll back. */
    g->found->rolled_back = g->driver->end(g->run.db) && g->why.code != ERR_NO_CONNECTION && g->why.code != ERR_UNKNOWN_END;
    g->found->ms = (double)(g->run.sys->mono_ms() - began);
    if (g->found->outcome == REHEARSAL_OK)
        judge(g);
    if (g->why.code && g->why.code != ERR_UNKNOWN_END && !g->why.state[0])
        error_state(&g->why, g->found->copy && !g->found->begun ? "Nothing ran; the database was only read." :
                             g->found->copy ? "It ran on a copy, which is gone; the database was only read." :
                             g->found->rolled_back ? "All of it is rolled back; nothing of it stays." : "Nothing was committed: the server rolls it back once it notices that the connection is gone.");
}

static int exit_of(struct rehearsing *g, const struct error *err)
{
    if (!g->found || err->code == ERR_CANCELLED)
        return engine_exit_of(&g->run, err);
    if (g->found->outcome == REHEARSAL_OK)
        return 0;
    return g->found->outcome == REHEARSAL_BROKEN ? error_exit_code(err->code) : 1;
}

static int rehearse(struct rehearsing *g, struct error *err)
{
    if (!connect(g, err) || !lock_is_free(g, err))
        return engine_exit_of(&g->run, err);
    if (g->run.plan->note[0])
        engine_note(&g->run, EV_NOTE, g->run.plan->note);
    if (!make_result(g, err))
        return error_exit_code(err->code);
    if (g->run.plan->count == 0) {
        engine_note(&g->run, EV_NOTHING_TO_DO, NULL);
        g->found->rolled_back = true;
        return 0;
    }
    say_beforehand(g);
    rehearse_all(g);
    *err = g->why;
    return exit_of(g, err);
}

int engine_rehearse(const struct project *project, const struct sys *sys, const struct engine_wish *wish, const struct engine_hooks *hooks, struct rehearsal **out, struct error *err)
{
    struct rehearsing g = { .run = { .project = project, .sys = sys, .hooks = hooks, .command = "rehearse" }, .wish = *wish };
    g.run.wish = &g.wish;
    g.wish.plan.direction = PLAN_UPGRADE;
    g.wish.plan.stop = hooks ? hooks->stop : NULL;
    if (g.wish.lock_timeout_ms <= 0)
        g.wish.lock_timeout_ms = LOCK_TIMEOUT_MS;
    error_clear(err);
    int code = rehearse(&g, err);
    schema_free(g.before);
    *out = g.found;
    return engine_close(&g.run, code, err);
}
