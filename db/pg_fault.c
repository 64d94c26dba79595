/* pg_fault.c: faults of server and connection in words, without a password. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

/* Shorter ones would turn every message into stars; the library's and the server's own words never hold one. */
enum { PASSWORD_WORTH = 4 };

void pg_visible(const struct db *db, char *to, size_t size, const char *from)
{
    char *found;
    size_t len = strlen(db->password);
    text_visible(to, size, from ? from : "");
    while (len >= PASSWORD_WORTH && (found = strstr(to, db->password))) {
        memset(found, '*', 3);
        memmove(found + 3, found + len, strlen(found + len) + 1);
    }
    for (len = strlen(to); len > 0 && to[len - 1] == ' '; len--)
        to[len - 1] = '\0';
}

const char *pg_state(const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    return state ? state : "";
}

static void field(const struct db *db, const PGresult *res, int code, char *to, size_t size)
{
    pg_visible(db, to, size, PQresultErrorField(res, code));
}

/* The same, and its lines stay lines: each call of a context, each object of a detail has one. */
static void field_lines(const struct db *db, const PGresult *res, int code, char *to, size_t size)
{
    const char *from = PQresultErrorField(res, code);
    struct text all = { 0 }, line = { 0 };
    while (from && *from) {
        size_t len = strcspn(from, "\n");
        char shown[2048];
        text_reset(&line);
        text_add(&line, from, len);
        pg_visible(db, shown, sizeof shown, text_string(&line));
        text_puts(&all, all.len > 0 && shown[0] ? "\n" : "");
        text_puts(&all, shown);
        from += len + (from[len] == '\n');
    }
    text_copy(to, size, text_string(&all));
    text_free(&all);
    text_free(&line);
}

/* The statement inside a function, where the server names one. */
static void field_query(const struct db *db, const PGresult *res, struct error *err)
{
    const char *query = PQresultErrorField(res, PG_DIAG_INTERNAL_QUERY), *position = PQresultErrorField(res, PG_DIAG_INTERNAL_POSITION);
    size_t chars = position ? (size_t)strtoul(position, NULL, 10) : 1;
    struct error shown = { 0 };
    if (!query)
        return;
    place_show(&shown, query, strlen(query), chars - (chars > 0));
    pg_visible(db, err->query, sizeof err->query, shown.source);
    err->query_caret = position && strlen(err->query) == strlen(shown.source) ? shown.caret : 0;
}

static enum error_code code_of(const struct db *db, const char *state)
{
    if (db->cancelled && strcmp(state, "57014") == 0)
        return ERR_CANCELLED;
    if (strcmp(state, "42501") == 0)
        return ERR_RIGHTS;
    if (strcmp(state, "55P03") == 0)
        return ERR_LOCK_BUSY;
    return ERR_SQL;
}

/* A `$1` outside of functions and PREPARE: the server complains of our protocol, of which the file's author knows nothing. */
static bool is_parameter(const char *said, const char *state)
{
    static const char words[] = "bind message supplies 0 parameters";
    return strcmp(state, "08P01") == 0 && strncmp(said, words, sizeof words - 1) == 0;
}

bool pg_fault(const struct db *db, const PGresult *res, const char *doing, struct error *err)
{
    char said[1024];
    const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY), *state = pg_state(res);
    if (!err)
        return false;
    pg_visible(db, said, sizeof said, primary ? primary : PQresultErrorMessage(res));
    if (!said[0])
        snprintf(said, sizeof said, "the server gave an unexpected answer (%s)", PQresStatus(PQresultStatus(res)));
    bool parameter = is_parameter(said, state);
    if (parameter)
        text_copy(said, sizeof said, "the statement has a parameter ($1), and a migration has no value for it");
    if (doing)
        error_set(err, code_of(db, state), "%s: %s", doing, said);
    else
        error_set(err, code_of(db, state), "%s", said);
    text_copy(err->sqlstate, sizeof err->sqlstate, state);
    field_lines(db, res, PG_DIAG_MESSAGE_DETAIL, err->detail, sizeof err->detail);
    field_lines(db, res, PG_DIAG_MESSAGE_HINT, err->hint, sizeof err->hint);
    if (parameter)
        error_hint(err, "Write the value itself.");
    field_lines(db, res, PG_DIAG_CONTEXT, err->context, sizeof err->context);
    field_query(db, res, err);
    return false;
}

/* "session 4711 (app, psql, idle in transaction) keeps jetbase_migrations locked", for each such session; false where there is none any more. */
static bool lockers(struct db *db, struct text *to)
{
    const char *schema[] = { db->about.schema };
    struct pg_ask ask = { .sql = PG_TABLE_LOCKERS, .count = 1, .values = schema };
    struct error ignored;
    int rows = pg_batch(db, &ask, 1, &ignored) && pg_good(ask.res) ? PQntuples(ask.res) : 0;
    for (int i = 0; i < rows; i++) {
        char user[128], application[128], state[64];
        bool has = PQgetvalue(ask.res, i, 2)[0] == 't';
        pg_visible(db, user, sizeof user, PQgetvalue(ask.res, i, 3));
        pg_visible(db, application, sizeof application, PQgetvalue(ask.res, i, 4));
        pg_visible(db, state, sizeof state, PQgetvalue(ask.res, i, 5));
        text_puts(to, i ? "; " : "");
        if (PQgetisnull(ask.res, i, 1))
            text_puts(to, "a prepared transaction (pg_prepared_xacts)");
        else
            text_printf(to, "session %s (%s%s%s%s%s)", PQgetvalue(ask.res, i, 1), user[0] ? user : "user not shown", application[0] ? ", " : "", application, state[0] ? ", " : "", state);
        text_printf(to, " %s %s%s", has ? "keeps" : "waits to lock", PQgetvalue(ask.res, i, 0), has ? " locked" : "");
    }
    pg_batch_free(&ask, 1);
    return rows > 0;
}

/* A run's lock_timeout, or the statement_timeout of a connection for looking, ran out: who is in the way? */
static void fault_busy(struct db *db, const char *doing, struct error *err)
{
    char state[sizeof err->sqlstate];
    struct text who = { 0 };
    int look_ms = db->target.statement_timeout_ms > 0 ? db->target.statement_timeout_ms : PG_LOOK_TIMEOUT_MS;
    bool found = lockers(db, &who);
    if (found) {
        text_copy(state, sizeof state, err->sqlstate);
        error_set(err, err->code, "%s: %s", doing, text_string(&who));
        text_copy(err->sqlstate, sizeof err->sqlstate, state);
    }
    text_free(&who);
    if (!found && db->mode == DB_LOOK)
        return; /* it may have been slow for any reason */
    error_hint(err, "It was waited for %g s. Run the command again once nobody keeps that table locked.", (db->mode == DB_LOOK ? look_ms : PG_QUESTION_LOCK_MS) / 1000.0);
}

bool pg_fault_ours(struct db *db, const PGresult *res, const char *doing, struct error *err)
{
    struct text make = { 0 };
    pg_fault(db, res, doing, err);
    if (err && (err->code == ERR_LOCK_BUSY || (db->mode == DB_LOOK && strcmp(err->sqlstate, "57014") == 0)))
        fault_busy(db, doing, err);
    if (!err || err->code != ERR_RIGHTS || err->hint[0])
        return false;
    pg_tables_dba(db, &make);
    error_hint(err, "Nothing was changed. A DBA can run: %s", text_string(&make));
    text_free(&make);
    return false;
}

bool pg_lost(struct db *db, struct error *err)
{
    char said[1024];
    const char *host = PQhost(db->conn), *port = PQport(db->conn);
    db->down = true;
    (void)PQisBusy(db->conn); /* reads the server's last words out of the buffer */
    if (db->last_words[0])
        text_copy(said, sizeof said, db->last_words);
    else
        pg_visible(db, said, sizeof said, PQerrorMessage(db->conn));
    if (!said[0])
        text_copy(said, sizeof said, "the server said nothing");
    return error_set(err, ERR_NO_CONNECTION, "the connection to PostgreSQL at %s port %s was lost: %s", host && host[0] ? host : "the local socket", port ? port : "", said);
}

bool pg_may_change(const struct db *db, struct error *err)
{
    return db->mode == DB_RUN || error_set(err, ERR_INTERNAL, "a connection for looking changes nothing");
}

bool pg_is_farewell(struct db *db, const PGresult *res)
{
    /* The severity alone tells: a foreign server's 08… or 57P… inside a statement comes as a mere ERROR. */
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    bool over = severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
    if (over && !db->last_words[0])
        field(db, res, PG_DIAG_MESSAGE_PRIMARY, db->last_words, sizeof db->last_words);
    return over;
}

void pg_notice(void *db, const PGresult *res)
{
    pg_is_farewell(db, res);
}
