/* pg_rehearse_effect.c: what a statement did, read from the server after it: locks from pg_locks of our own session, files and sizes of the relations that it locked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_rehearse.h"
#include "text.h"

/* All relations that a migration may change, with the file and the rows that each has now. */
static const char known_sql[] =
    "SELECT c.oid, COALESCE(pg_catalog.pg_relation_filenode(c.oid)::pg_catalog.int8, 0), c.relkind, n.nspname::pg_catalog.text OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) c.relname::pg_catalog.text,"
    " CASE WHEN t.oid IS NOT NULL THEN tn.nspname::pg_catalog.text OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) t.relname::pg_catalog.text END,"
    " CASE WHEN c.reltuples OPERATOR(pg_catalog.>) 0::pg_catalog.float4 THEN c.reltuples::pg_catalog.int8"
    " WHEN pg_catalog.pg_stat_get_live_tuples(c.oid) OPERATOR(pg_catalog.>) 0::pg_catalog.int8 THEN pg_catalog.pg_stat_get_live_tuples(c.oid)"
    " WHEN c.relpages OPERATOR(pg_catalog.=) 0 AND c.reltuples OPERATOR(pg_catalog.=) 0::pg_catalog.float4 THEN 0::pg_catalog.int8 ELSE -1::pg_catalog.int8 END"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    " LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) c.oid LEFT JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) i.indrelid"
    " LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace"
    " WHERE n.nspname OPERATOR(pg_catalog.<>) ALL (ARRAY['pg_catalog', 'information_schema', 'pg_toast']::pg_catalog.name[]) AND c.relkind OPERATOR(pg_catalog.<>) 'c' ORDER BY c.oid";

/* $1: with sizes. The relations that our session holds locks on (those of the system aside): modes as a set of bits, then what pg_class has of them now. */
static const char held_sql[] =
    "WITH h AS MATERIALIZED (SELECT l.relation AS oid, pg_catalog.bit_or(1 OPERATOR(pg_catalog.<<) CASE l.mode WHEN 'AccessShareLock' THEN 0 WHEN 'RowShareLock' THEN 1 WHEN 'RowExclusiveLock' THEN 2"
    " WHEN 'ShareUpdateExclusiveLock' THEN 3 WHEN 'ShareLock' THEN 4 WHEN 'ShareRowExclusiveLock' THEN 5 WHEN 'ExclusiveLock' THEN 6 ELSE 7 END) AS modes"
    " FROM pg_catalog.pg_locks l WHERE l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.granted"
    " AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())"
    " AND l.relation::pg_catalog.int8 OPERATOR(pg_catalog.>=) 16384::pg_catalog.int8 GROUP BY l.relation)"
    " SELECT h.oid, h.modes, c.relkind, COALESCE(pg_catalog.pg_relation_filenode(c.oid)::pg_catalog.int8, 0), n.nspname::pg_catalog.text OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) c.relname::pg_catalog.text,"
    " CASE WHEN t.oid IS NOT NULL THEN tn.nspname::pg_catalog.text OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) t.relname::pg_catalog.text END,"
    " CASE WHEN $1::pg_catalog.bool AND h.modes OPERATOR(pg_catalog.>) 1 AND c.relkind IN ('r', 'm', 'i') THEN CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'i' THEN pg_catalog.pg_relation_size(c.oid) ELSE pg_catalog.pg_total_relation_size(c.oid) END END,"
    " CASE WHEN $1::pg_catalog.bool AND h.modes OPERATOR(pg_catalog.>) 1 AND c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) END"
    " FROM h LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) h.oid LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    " LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) c.oid LEFT JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) i.indrelid"
    " LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace"
    " WHERE c.oid IS NULL OR n.nspname::pg_catalog.text OPERATOR(pg_catalog.<>) 'pg_toast' ORDER BY h.oid";

enum { HELD_OID, HELD_MODES, HELD_KIND, HELD_FILE, HELD_NAME, HELD_OF, HELD_BYTES, HELD_MAIN };

static bool no_memory(struct error *err)
{
    return error_set(err, ERR_NO_MEMORY, "out of memory for what the statement did");
}

static unsigned long whole(const PGresult *res, int row, int column)
{
    return strtoul(PQgetvalue(res, row, column), NULL, 10);
}

static int64_t count_of(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? -1 : strtoll(PQgetvalue(res, row, column), NULL, 10);
}

static enum db_relation_kind kind_of(char letter)
{
    switch (letter) {
    case 'r':
    case 'p':
    case 'm':
    case 'f':
        return RELATION_TABLE;
    case 'i':
    case 'I':
        return RELATION_INDEX;
    case 'v':
        return RELATION_VIEW;
    case 'S':
        return RELATION_SEQUENCE;
    default:
        return RELATION_OTHER;
    }
}

static void known_free(struct pg_known *k)
{
    free(k->name);
    free(k->of);
}

void pg_effect_free(struct pg_rehearsal *r)
{
    for (size_t i = 0; i < r->count; i++)
        known_free(&r->known[i]);
    free(r->known);
    free(r->held);
    r->known = NULL;
    r->held = NULL;
    r->count = r->held_count = 0;
}

static struct pg_known *known_add(struct pg_rehearsal *r, unsigned long oid, unsigned long file, char kind, const char *name, const char *of)
{
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 256;
        struct pg_known *more = realloc(r->known, cap * sizeof *more);
        if (!more)
            return NULL;
        r->known = more;
        r->cap = cap;
    }
    struct pg_known *k = &r->known[r->count];
    *k = (struct pg_known){ .oid = oid, .file = file, .kind = kind_of(kind), .name = text_dup(name), .of = text_dup(of), .rows = -1, .main = -1, .main_marked = -1 };
    if (!k->name || (of && !k->of)) {
        known_free(k);
        return NULL;
    }
    r->count++;
    return k;
}

bool pg_effect_begin(struct db *db, struct error *err)
{
    struct pg_rehearsal *r = db->rehearsal;
    PGresult *res = pg_rehearse_ask(db, known_sql, 0, NULL, "the tables of the database could not be read", err);
    bool ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++) {
        struct pg_known *k = known_add(r, whole(res, i, 0), whole(res, i, 1), PQgetvalue(res, i, 2)[0], PQgetvalue(res, i, 3), PQgetisnull(res, i, 4) ? NULL : PQgetvalue(res, i, 4));
        if (k)
            k->rows = count_of(res, i, 5);
        ok = k || no_memory(err);
    }
    PQclear(res);
    r->sorted = r->count;
    return ok;
}

static int by_oid(const void *key, const void *at)
{
    const unsigned long *oid = key;
    const struct pg_known *k = at;
    return *oid < k->oid ? -1 : *oid > k->oid;
}

static struct pg_known *known_find(struct pg_rehearsal *r, unsigned long oid)
{
    struct pg_known *k = r->sorted ? bsearch(&oid, r->known, r->sorted, sizeof *r->known, by_oid) : NULL;
    for (size_t i = r->sorted; !k && i < r->count; i++)
        if (r->known[i].oid == oid)
            k = &r->known[i];
    return k;
}

static bool held_keep(struct pg_rehearsal *r, const PGresult *res)
{
    size_t count = (size_t)PQntuples(res);
    struct pg_held *held = malloc((count + 1) * sizeof *held);
    if (!held)
        return false;
    for (size_t i = 0; i < count; i++)
        held[i] = (struct pg_held){ .oid = whole(res, (int)i, HELD_OID), .modes = (unsigned)whole(res, (int)i, HELD_MODES) };
    free(r->held);
    r->held = held;
    r->held_count = count;
    return true;
}

static PGresult *held_read(struct db *db, bool sizes, struct error *err)
{
    const char *values[] = { sizes ? "t" : "f" };
    return pg_rehearse_ask(db, held_sql, 1, values, "the locks of the rehearsal could not be read", err);
}

bool pg_effect_before(struct db *db, struct error *err)
{
    PGresult *res = held_read(db, false, err);
    bool ok = res && (held_keep(db->rehearsal, res) || no_memory(err));
    PQclear(res);
    return ok;
}

static unsigned held_before(const struct pg_rehearsal *r, unsigned long oid)
{
    size_t low = 0, high = r->held_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->held[middle].oid == oid)
            return r->held[middle].modes;
        if (r->held[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* A file that changed is put back by pg_effect_back(). */
static bool file_note(struct pg_rehearsal *r, struct pg_known *k, unsigned long file)
{
    if (r->undoing) {
        if (r->file_count == r->file_cap) {
            size_t cap = r->file_cap ? r->file_cap * 2 : 64;
            struct pg_file *more = realloc(r->files, cap * sizeof *more);
            if (!more)
                return false;
            r->files = more;
            r->file_cap = cap;
        }
        r->files[r->file_count++] = (struct pg_file){ .at = (size_t)(k - r->known), .file = k->file };
    }
    k->file = file;
    return true;
}

void pg_effect_mark(struct db *db)
{
    db->rehearsal->undoing = true;
    db->rehearsal->undo_count = db->rehearsal->count;
    db->rehearsal->file_count = 0;
    for (size_t i = 0; i < db->rehearsal->count; i++)
        db->rehearsal->known[i].main_marked = db->rehearsal->known[i].main;
}

void pg_effect_back(struct db *db)
{
    struct pg_rehearsal *r = db->rehearsal;
    while (r->file_count > 0) {
        struct pg_file *f = &r->files[--r->file_count];
        r->known[f->at].file = f->file;
    }
    while (r->count > r->undo_count)
        known_free(&r->known[--r->count]);
    for (size_t i = 0; i < r->count; i++)
        r->known[i].main = r->known[i].main_marked;
    r->undoing = false;
}

/* Fills e for row i. False: memory ran out. *tells: there is something to tell. */
static bool effect_of(struct pg_rehearsal *r, const PGresult *res, int i, struct db_effect *e, bool *tells)
{
    unsigned long oid = whole(res, i, HELD_OID), file = whole(res, i, HELD_FILE);
    bool gone = PQgetisnull(res, i, HELD_KIND);
    struct pg_known *k = known_find(r, oid);
    unsigned before = held_before(r, oid);
    int64_t main = count_of(res, i, HELD_MAIN);
    *e = (struct db_effect){ .modes = (unsigned)whole(res, i, HELD_MODES) & ~before, .held = before, .bytes = count_of(res, i, HELD_BYTES), .rows = -1 };
    if (!k && gone) {
        *tells = false; /* it came and went within one statement */
        return true;
    }
    e->made = !k;
    if (!k) {
        k = known_add(r, oid, file, PQgetvalue(res, i, HELD_KIND)[0], PQgetvalue(res, i, HELD_NAME), PQgetisnull(res, i, HELD_OF) ? NULL : PQgetvalue(res, i, HELD_OF));
        if (!k)
            return false;
        k->here = true;
    }
    e->gone = gone && e->modes != 0;
    e->rewritten = !gone && !e->made && k->file != file && file != 0;
    /* A table that the same transaction gave its file is emptied in that. */
    e->emptied = !gone && k->kind == RELATION_TABLE && main == 0 && (e->rewritten || k->main > 0);
    if (main >= 0)
        k->main = main;
    e->kind = k->kind;
    e->new_here = k->here;
    e->rows = k->rows;
    text_copy(e->name, sizeof e->name, gone ? k->name : PQgetvalue(res, i, HELD_NAME));
    text_copy(e->of, sizeof e->of, !gone && !PQgetisnull(res, i, HELD_OF) ? PQgetvalue(res, i, HELD_OF) : k->of ? k->of : "");
    *tells = e->modes != 0 || e->made || e->gone || e->rewritten || e->emptied;
    return !e->rewritten || file_note(r, k, file);
}

bool pg_effect_after(struct db *db, db_effect_fn fn, void *user, struct error *err)
{
    struct pg_rehearsal *r = db->rehearsal;
    PGresult *res = held_read(db, true, err);
    bool ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++) {
        struct db_effect e;
        bool tells = false;
        ok = (effect_of(r, res, i, &e, &tells) && (!tells || fn(user, &e))) || no_memory(err);
    }
    ok = ok && (held_keep(r, res) || no_memory(err));
    PQclear(res);
    return ok;
}
