/* sqlite_rehearse_effect.c: what a statement did to a copy: sqlite_master before and after it, the tables that SQLite said it would write, and the pages that it wrote. */
#include <stdlib.h>
#include <string.h>

#include "sqlite_rehearse.h"

enum { WORTH_PAGES = 4 }; /* in fewer pages a table's own and those of the schema can't be told apart */

static void things_free(struct sqlite_thing *things, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(things[i].name);
        free(things[i].of);
    }
    free(things);
}

static void touched_free(struct sqlite_rehearsal *r)
{
    for (size_t i = 0; i < r->touched_count; i++)
        free(r->touched[i]);
    free(r->touched);
    r->touched = NULL;
    r->touched_count = 0;
    r->touched_lost = false;
}

void sqlite_effect_free(struct sqlite_rehearsal *r)
{
    things_free(r->things, r->count);
    touched_free(r);
}

void sqlite_effect_touch(struct db *db, const char *table)
{
    struct sqlite_rehearsal *r = db->rehearsal;
    if (!r || !table || sqlite3_strnicmp(table, "sqlite_", 7) == 0)
        return;
    for (size_t i = 0; i < r->touched_count; i++)
        if (sqlite3_stricmp(r->touched[i], table) == 0)
            return;
    char **more = realloc(r->touched, (r->touched_count + 1) * sizeof *more), *name = text_dup(table);
    if (more)
        r->touched = more;
    if (more && name) {
        r->touched[r->touched_count++] = name;
    } else {
        r->touched_lost = true;
        free(name);
    }
}

static enum db_relation_kind kind_of(const char *type)
{
    return strcmp(type, "table") == 0 ? RELATION_TABLE : strcmp(type, "index") == 0 ? RELATION_INDEX : strcmp(type, "view") == 0 ? RELATION_VIEW : RELATION_OTHER;
}

static const struct sqlite_thing *find(const struct sqlite_thing *things, size_t count, const struct sqlite_thing *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(things[i].name, wanted->name) == 0 && things[i].kind == wanted->kind)
            return &things[i];
    return NULL;
}

/* The same under another name: it was renamed. */
static const struct sqlite_thing *find_root(const struct sqlite_thing *things, size_t count, const struct sqlite_thing *wanted)
{
    for (size_t i = 0; wanted->root > 0 && i < count; i++)
        if (things[i].root == wanted->root && things[i].kind == wanted->kind)
            return &things[i];
    return NULL;
}

static bool read_things(struct db *db, struct sqlite_thing **out, size_t *count, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    size_t cap = 0;
    int rc = sqlite_query(db, &stmt, "SELECT type, name, tbl_name, rootpage FROM main.sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'", "");
    bool memory = true;
    *out = NULL;
    *count = 0;
    while (rc == SQLITE_OK && memory && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (*count == cap) {
            cap = cap ? cap * 2 : 64;
            struct sqlite_thing *more = realloc(*out, cap * sizeof *more);
            memory = more != NULL;
            *out = more ? more : *out;
        }
        if (memory) {
            struct sqlite_thing *t = &(*out)[*count];
            t->kind = kind_of((const char *)sqlite3_column_text(stmt, 0));
            t->name = text_dup((const char *)sqlite3_column_text(stmt, 1));
            t->of = text_dup((const char *)sqlite3_column_text(stmt, 2));
            t->root = sqlite3_column_int64(stmt, 3);
            t->here = false;
            (*count)++;
            memory = t->name && t->of;
        }
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    if (memory && rc == SQLITE_DONE)
        return true;
    return memory ? sqlite_fault(db, rc, "what the statement did could not be read", err) : error_set(err, ERR_NO_MEMORY, "out of memory for what the statement did");
}

bool sqlite_effect_before(struct db *db, struct error *err)
{
    struct sqlite_rehearsal *r = db->rehearsal;
    struct sqlite_thing *old = r->things;
    size_t count = r->count;
    int pages, ignored;
    touched_free(r);
    if (!read_things(db, &r->things, &r->count, err)) {
        things_free(r->things, r->count);
        r->things = old;
        r->count = count;
        return false;
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct sqlite_thing *was = find(old, count, &r->things[i]);
        r->things[i].here = was && was->here;
    }
    things_free(old, count);
    sqlite3_db_cacheflush(db->handle);
    sqlite3_db_status(db->handle, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &ignored, 1);
    return true;
}

static int64_t number(struct db *db, const char *sql, const char *name)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = -1;
    if (sqlite_query(db, &stmt, sql, name ? "t" : "", name) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static int64_t rows_of(struct db *db, const char *table)
{
    char *sql = sqlite3_mprintf("SELECT count(*) FROM main.\"%w\"", table);
    int64_t rows = sql ? number(db, sql, NULL) : -1;
    sqlite3_free(sql);
    return rows;
}

/* Pages of a b-tree; -1 where this SQLite has no dbstat. */
static int64_t bytes_of(struct db *db, const char *name)
{
    return number(db, "SELECT pgsize FROM dbstat WHERE name = ?1 AND aggregate = TRUE", name);
}

/* The pages that hold its rows: those above them stay as they are where rows are written anew in their places. */
static int64_t leaves_of(struct db *db, const char *name)
{
    return number(db, "SELECT coalesce(sum(pgsize), -1) FROM dbstat WHERE name = ?1 AND pagetype = 'leaf'", name);
}

static bool is_touched(const struct sqlite_rehearsal *r, const char *table)
{
    for (size_t i = 0; i < r->touched_count; i++)
        if (sqlite3_stricmp(r->touched[i], table) == 0)
            return true;
    return false;
}

static struct db_effect effect_of(const struct sqlite_thing *t)
{
    struct db_effect e = { .kind = t->kind, .bytes = -1, .rows = -1, .new_here = t->here };
    text_copy(e.name, sizeof e.name, t->name);
    text_copy(e.of, sizeof e.of, t->kind == RELATION_TABLE || t->kind == RELATION_VIEW ? "" : t->of);
    return e;
}

/* Tells what became of one thing that is there now. */
static bool tell_now(struct db *db, struct sqlite_thing *t, int64_t written, db_effect_fn fn, void *user)
{
    struct sqlite_rehearsal *r = db->rehearsal;
    const struct sqlite_thing *was = find(r->things, r->count, t), *renamed = was ? NULL : find_root(r->things, r->count, t);
    bool table = t->kind == RELATION_TABLE;
    t->here = was ? was->here : renamed ? renamed->here : true;
    struct db_effect e = effect_of(t);
    e.made = !was && !renamed;
    if (!e.made && !(table && (is_touched(r, t->name) || (renamed && is_touched(r, renamed->name)))))
        return true;
    if (table && !e.made) {
        int64_t page = number(db, "PRAGMA page_size", NULL), leaves = leaves_of(db, t->name);
        e.bytes = bytes_of(db, t->name);
        e.rows = rows_of(db, t->name);
        e.rewritten = leaves >= WORTH_PAGES * page && written >= leaves;
    }
    return fn(user, &e);
}

bool sqlite_effect_after(struct db *db, db_effect_fn fn, void *user, struct error *err)
{
    struct sqlite_rehearsal *r = db->rehearsal;
    struct sqlite_thing *now;
    size_t count;
    int pages = 0, ignored;
    bool ok;
    if (r->touched_lost)
        return error_set(err, ERR_NO_MEMORY, "out of memory for what the statement did");
    sqlite3_db_cacheflush(db->handle);
    sqlite3_db_status(db->handle, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &ignored, 1);
    int64_t written = pages * number(db, "PRAGMA page_size", NULL);
    ok = read_things(db, &now, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = tell_now(db, &now[i], written, fn, user) || error_set(err, ERR_NO_MEMORY, "out of memory for what the statement did");
    for (size_t i = 0; ok && i < r->count; i++) {
        const struct sqlite_thing *t = &r->things[i];
        if (find(now, count, t) || find_root(now, count, t))
            continue;
        struct db_effect e = effect_of(t);
        e.gone = true;
        ok = fn(user, &e) || error_set(err, ERR_NO_MEMORY, "out of memory for what the statement did");
    }
    if (ok) {
        things_free(r->things, r->count);
        r->things = now;
        r->count = count;
    } else {
        things_free(now, count);
    }
    return ok;
}
