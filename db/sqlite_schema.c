/* sqlite_schema.c: the schema of an SQLite database as a list of objects: rows of sqlite_master, and what pragmas show of tables. */
#include <ctype.h>
#include <string.h>

#include "sqlite_rehearse.h"

#define TABLES " FROM main.sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
#define TABLES_WITH(what) " FROM main.sqlite_master m, " what " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

/* Each gives kind, what, part of what, definition. Definitions that are SQL text are compared without blanks, comments and quotes of names: ALTER TABLE changes these. */
static const char *const queries[] = {
    "SELECT 'table', 'table ' || m.name, '', ''" TABLES,
    "SELECT 'text', 'text of table ' || m.name, 'table ' || m.name, m.sql" TABLES,
    "SELECT 'column', 'column ' || m.name || '.' || c.name, 'table ' || m.name, c.type || CASE WHEN c.\"notnull\" THEN ' not null' ELSE '' END || CASE WHEN c.pk THEN ' primary key ' || c.pk ELSE '' END"
    " || CASE c.hidden WHEN 2 THEN ' generated' WHEN 3 THEN ' generated stored' ELSE '' END" TABLES_WITH("pragma_table_xinfo(m.name) c"),
    "SELECT 'default', 'default of ' || m.name || '.' || c.name, 'column ' || m.name || '.' || c.name, c.dflt_value" TABLES_WITH("pragma_table_xinfo(m.name) c") " AND c.dflt_value IS NOT NULL",
    "SELECT 'column order', 'order of the columns of ' || m.name, 'table ' || m.name, (SELECT group_concat(c.name, ', ') FROM (SELECT name FROM pragma_table_xinfo(m.name) ORDER BY cid) c)" TABLES,
    "SELECT 'foreign key', 'foreign key of ' || m.name || ' (' || group_concat(f.\"from\", ', ') || ') to ' || f.\"table\", 'table ' || m.name, coalesce(group_concat(f.\"to\", ', '), '') || ' on update ' || f.on_update || ' on delete ' || f.on_delete"
    TABLES_WITH("pragma_foreign_key_list(m.name) f") " GROUP BY m.name, f.id",
    "SELECT 'index', 'index ' || i.name, 'table ' || i.tbl_name, coalesce(i.sql, (SELECT 'unique ' || group_concat(x.name, ', ') FROM (SELECT name FROM pragma_index_xinfo(i.name) WHERE key ORDER BY seqno) x)) FROM main.sqlite_master i WHERE i.type = 'index'",
    "SELECT t.type, t.type || ' ' || t.name || CASE t.type WHEN 'trigger' THEN ' on ' || t.tbl_name ELSE '' END, CASE t.type WHEN 'trigger' THEN 'table ' || t.tbl_name ELSE '' END, t.sql FROM main.sqlite_master t WHERE t.type IN ('view', 'trigger')",
    "SELECT 'setting', 'user_version', '', user_version FROM pragma_user_version",
    "SELECT 'setting', 'application_id', '', application_id FROM pragma_application_id",
};

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || ((unsigned char)c & 0x80);
}

/* Past a comment, or to where it was. */
static const char *past_comment(const char *at)
{
    const char *end;
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (at[0] != '/' || at[1] != '*')
        return at;
    end = strstr(at + 2, "*/");
    return end ? end + 2 : at + strlen(at);
}

/* SQL without blanks, comments and quotes of names, in small letters but for strings. */
static void plain(struct text *to, const char *sql)
{
    bool apart = false;
    char last = '\0';
    text_reset(to);
    for (const char *at = sql; *at;) {
        const char *past = past_comment(at);
        if (past != at || isspace((unsigned char)*at)) {
            apart = true;
            at = past != at ? past : at + 1;
            continue;
        }
        char close = *at == '\'' ? '\'' : *at == '"' ? '"' : *at == '`' ? '`' : *at == '[' ? ']' : '\0';
        const char *end = close ? strchr(at + 1, close) : at + 1;
        end = !end ? at + strlen(at) : close ? end + 1 : end;
        bool name = close && close != '\'', word = name || in_word(*at);
        if (word && in_word(last) && (apart || name))
            text_add(to, " ", 1);
        apart = false;
        if (close == '\'') {
            text_add(to, at, (size_t)(end - at));
            last = '\'';
        } else {
            for (const char *c = at + name; c < end - name; c++) {
                char small = (char)tolower((unsigned char)*c);
                text_add(to, &small, 1);
            }
            last = name ? 'x' : *at;
        }
        at = end;
    }
}

static bool read_one(struct db *db, const char *sql, struct text *definition, db_schema_fn fn, void *user, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite_query(db, &stmt, sql, "");
    bool memory = true;
    while (rc == SQLITE_OK && memory && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *kind = (const char *)sqlite3_column_text(stmt, 0), *what = (const char *)sqlite3_column_text(stmt, 1), *of = (const char *)sqlite3_column_text(stmt, 2), *text = (const char *)sqlite3_column_text(stmt, 3);
        struct db_schema_object o = { .kind = kind ? kind : "", .what = what ? what : "", .part_of = of ? of : "", .definition = text ? text : "" };
        if (strcmp(o.kind, "text") == 0 || strcmp(o.kind, "index") == 0 || strcmp(o.kind, "view") == 0 || strcmp(o.kind, "trigger") == 0) {
            plain(definition, o.definition);
            o.definition = text_string(definition);
        }
        memory = !definition->failed && fn(user, &o);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    if (!memory)
        return error_set(err, ERR_NO_MEMORY, "out of memory for the schema");
    return rc == SQLITE_DONE || sqlite_fault(db, rc, "reading the schema", err);
}

bool sqlite_schema_read(struct db *db, db_schema_fn fn, void *user, struct error *err)
{
    struct text definition = { 0 };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof queries / sizeof *queries; i++)
        ok = read_one(db, queries[i], &definition, fn, user, err);
    text_free(&definition);
    return ok;
}
