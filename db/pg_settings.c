/* pg_settings.c: the settings that go with our own statements, in one SELECT: only those that are given, since the server reads each text anew. */
#include <stdio.h>
#include <string.h>

#include "pg_private.h"

/* What lets the server notice that its client has gone: its witness goes with it. Not every server knows each. */
static const struct {
    const char *name, *value;
} watches[PG_WATCHES] = {
    { "client_connection_check_interval", "2000" }, { "tcp_keepalives_idle", "10" }, { "tcp_keepalives_interval", "5" }, { "tcp_keepalives_count", "3" }, { "tcp_user_timeout", "20000" },
};

static void __attribute__((format(printf, 2, 3))) add(struct pg_settings *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    s->len += (size_t)vsnprintf(s->sql + s->len, sizeof s->sql - s->len, format, args);
    va_end(args);
    if (s->len >= sizeof s->sql) /* cut, the server refuses it */
        s->len = sizeof s->sql - 1;
}

void pg_settings_begin(struct pg_settings *s, const char *lock, const char *key)
{
    s->len = 0;
    s->count = 0;
    if (lock) {
        s->values[s->count++] = key;
        add(s, "SELECT pg_catalog.%s($1::pg_catalog.int8)", lock);
    } else {
        add(s, "SELECT true");
    }
}

void pg_settings_add(struct pg_settings *s, const char *name, const char *value, bool local)
{
    if (!value)
        return;
    s->values[s->count++] = value;
    add(s, ", pg_catalog.set_config('%s', $%d::pg_catalog.text, %s)", name, s->count, local ? "true" : "false");
}

/* Before the server has answered which of them it knows, it is asked on the way. */
static void add_unknown(struct pg_settings *s, const char *name, const char *value)
{
    s->values[s->count++] = value;
    add(s, ", CASE WHEN pg_catalog.current_setting('%s', true) IS NOT NULL THEN pg_catalog.set_config('%s', $%d::pg_catalog.text, false) END", name, name, s->count);
}

void pg_settings_watch(const struct db *db, struct pg_settings *s)
{
    if (db->sets_refused || db->about.pooler)
        return;
    for (int i = 0; i < PG_WATCHES; i++) {
        if (!db->watches_known)
            add_unknown(s, watches[i].name, watches[i].value);
        else if (db->watches[i])
            pg_settings_add(s, watches[i].name, watches[i].value, false);
    }
}

bool pg_settings_send(struct db *db, enum pg_query_kind kind, bool ends, const struct pg_settings *s, struct error *err)
{
    return pg_send(db, (struct pg_query){ .kind = kind, .of_step = kind != QUERY_SETS, .ends_step = ends }, s->sql, s->count, s->values, err);
}

int pg_look_timeout_ms(const struct db *db)
{
    return db->target.statement_timeout_ms > 0 ? db->target.statement_timeout_ms : PG_LOOK_TIMEOUT_MS;
}

bool pg_sets_submit(struct db *db, struct error *err)
{
    struct pg_settings s;
    char timeout[PG_NUMBER_SIZE];
    if (!db->sets_due)
        return true;
    snprintf(timeout, sizeof timeout, "%d", pg_look_timeout_ms(db));
    pg_settings_begin(&s, NULL, NULL);
    pg_settings_watch(db, &s);
    pg_settings_add(&s, "search_path", db->search_path, false);
    pg_settings_add(&s, "default_transaction_read_only", db->mode == DB_LOOK ? "on" : NULL, false);
    pg_settings_add(&s, "statement_timeout", db->mode == DB_LOOK ? timeout : NULL, false);
    db->sets_due = false;
    return pg_settings_send(db, QUERY_SETS, false, &s, err) && pg_submit_sync(db, false, err);
}

void pg_sets_note(struct db *db, const PGresult *res)
{
    if (!pg_good(res)) {
        db->sets_refused = true;
        return;
    }
    /* They stand first behind the `true`. */
    for (int i = 0; i < PG_WATCHES && !db->watches_known; i++)
        db->watches[i] = PQnfields(res) > i + 1 && !PQgetisnull(res, 0, i + 1);
    db->watches_known = true;
}
