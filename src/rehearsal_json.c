/* rehearsal_json.c: a rehearsal as JSON. */
#include "output_json.h"
#include "rehearsal_show.h"

/* Takes over both, and gives the list; NULL where memory ran out: what is missing in a list would look as if it were not there. */
static json_t *push(json_t *list, json_t *item)
{
    if (json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *modes(unsigned set)
{
    json_t *list = json_array();
    for (int mode = MODES - 1; list && mode >= 0; mode--)
        if (set & (1u << mode))
            list = push(list, json_string(db_lock_mode_name((enum db_lock_mode)mode)));
    return list;
}

static json_t *effects(const struct rehearsal_statement *s)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < s->effect_count; i++) {
        const struct db_effect *e = &s->effects[i];
        list = push(list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:o, s:o}", "kind", db_relation_kind_name(e->kind), "name", json_words(e->name), "of", json_words(e->of), "locks", modes(e->modes), "held", modes(e->held),
                             "made", (int)e->made, "dropped", (int)e->gone, "new", (int)e->new_here, "rewritten", (int)e->rewritten, "emptied", (int)e->emptied, "bytes", json_count(e->bytes), "rows", json_count(e->rows)));
    }
    return list;
}

static json_t *part(const struct rehearsal_part *p)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < p->count; i++) {
        const struct rehearsal_statement *s = &p->statements[i];
        list = push(list, json_pack("{s:i, s:i, s:o, s:f, s:o, s:b, s:o}", "line", (int)s->at.line, "column", (int)s->at.column, "sql", json_words(s->words), "ms", s->ms, "rows", json_count(s->rows), "failed", (int)s->failed,
                             "relations", effects(s)));
    }
    return json_pack("{s:s, s:f, s:o, s:o}", "end", rehearsal_end_name(p->end), "ms", p->ms, "statements", list, "error", p->error ? json_error(p->error) : json_null());
}

static json_t *differences(const struct rehearsal_migration *m)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < m->difference_count; i++) {
        const struct rehearsal_difference *d = &m->differences[i];
        list = push(list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:b}", "how", rehearsal_how_name(d->how), "kind", json_words(d->kind), "what", json_words(d->what), "before", json_words(d->before), "after", json_words(d->after),
                             "slight", (int)d->slight));
    }
    return list;
}

bool rehearsal_json(struct output *out, const struct rehearsal *r, int code, const struct error *why, struct error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < r->count; i++) {
        const struct rehearsal_migration *m = &r->migrations[i];
        list = push(list, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "file", json_words(m->file), "version", json_words(m->version), "type", migration_type_name(m->type), "upgrade", part(&m->up), "rollback", part(&m->down),
                             "undone", m->compared ? json_boolean(!rehearsal_not_undone(m)) : json_null(), "differences", differences(m), "note", json_words(m->note)));
    }
    return output_json(out,
                       json_pack("{s:i, s:s, s:o, s:b, s:i, s:o, s:f, s:b, s:o, s:o, s:i}", "schema", 1, "outcome", rehearsal_outcome_name(r->outcome), "database", json_words(r->database), "copy", (int)r->copy, "lock_timeout_ms",
                                 r->lock_timeout_ms, "statement_timeout_ms", json_count(r->statement_timeout_ms > 0 ? r->statement_timeout_ms : -1), "ms", r->ms, "rolled_back", (int)r->rolled_back, "migrations", list, "error",
                                 code ? json_error(why) : json_null(), "exit", code),
                       err);
}
