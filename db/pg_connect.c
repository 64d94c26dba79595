/* pg_connect.c: opens and closes a PostgreSQL connection, and learns what there is to know about it in one message. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_rehearse.h"
#include "text.h"

/* What of the connection string matters before we are connected. */
struct hints {
    int timeout_ms;
    bool many_hosts;
};

/* Reads the hints, and the password that must appear nowhere. The library's own words about a bad string may quote it, so they are not shown. */
static bool hints_read(struct db *db, struct hints *out, struct error *err)
{
    const char *environment = getenv("PGCONNECT_TIMEOUT"), *password = getenv("PGPASSWORD");
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(db->target.url->conninfo, &why);
    PQfreemem(why);
    if (!options)
        return error_set(err, ERR_CONFIG, "the connection string of %s is not one that PostgreSQL's library takes", db->target.url->shown);
    out->timeout_ms = environment ? atoi(environment) * 1000 : 0;
    text_copy(db->password, sizeof db->password, password ? password : "");
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (!o->val)
            continue;
        if (strcmp(o->keyword, "connect_timeout") == 0)
            out->timeout_ms = atoi(o->val) * 1000;
        else if (strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0)
            out->many_hosts |= strchr(o->val, ',') != NULL;
        else if (strcmp(o->keyword, "password") == 0)
            text_copy(db->password, sizeof db->password, o->val);
    }
    PQconninfoFree(options);
    if (out->timeout_ms <= 0)
        out->timeout_ms = PG_CONNECT_MS;
    return true;
}

/* "host 127.0.0.1, port 5432" */
static void where(const struct db *db, char *to, size_t size)
{
    const struct url *url = db->target.url;
    const char *host = db->conn ? PQhost(db->conn) : NULL, *port = db->conn ? PQport(db->conn) : NULL;
    if (!host || !host[0])
        host = url->host ? url->host : "the local socket";
    if (!port || !port[0])
        port = url->port ? url->port : "5432";
    snprintf(to, size, "%s port %s", host, port);
}

static bool no_connection(struct db *db, const char *why, struct error *err)
{
    char place[512], said[1024], raw[1024], state[6];
    where(db, place, sizeof place);
    text_copy(raw, sizeof raw, why ? why : PQerrorMessage(db->conn));
    pg_refusal(raw, state);
    pg_visible(db, said, sizeof said, raw);
    error_set(err, ERR_NO_CONNECTION, "can't connect to PostgreSQL at %s: %s", place, said);
    if (err) {
        text_copy(err->sqlstate, sizeof err->sqlstate, state);
        err->not_up = pg_not_up(state, said, PQconnectionNeedsPassword(db->conn) == 1);
    }
    return error_hint(err, "Nothing was done. Check that the server runs and that %s is right.", db->target.url->shown);
}

static bool stopped(const struct db *db)
{
    return db->target.stop && atomic_load(db->target.stop) != 0;
}

/* One wait for the server. The first, for the link, is a round trip to the server or to what stands before it. In one of those for answers a session is begun, which takes a server next door some ms too: a single one tells nothing, of several the shortest is nearest to a round trip. */
static void waited(struct db *db, PostgresPollingStatusType for_what, int64_t ms)
{
    struct pg_waits *w = &db->waits;
    if (for_what == PGRES_POLLING_READING) {
        if (w->answers == 0 || ms < w->answer_ms)
            w->answer_ms = ms;
        w->answers++;
    } else if (!w->linked) {
        w->link_ms = ms;
        w->linked = true;
    }
}

/* Drives the connection to its end within the time that is left. */
static bool connect_poll(struct db *db, int timeout_ms, struct error *err)
{
    int64_t until = db->sys->mono_ms() + timeout_ms;
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (want != PGRES_POLLING_OK) {
        int64_t left = until - db->sys->mono_ms();
        struct pollfd fds[2] = { { .fd = PQsocket(db->conn), .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT }, { .fd = db->target.wake_fd, .events = POLLIN } };
        char late[64];
        if (want == PGRES_POLLING_FAILED || fds[0].fd < 0)
            return no_connection(db, NULL, err);
        if (stopped(db))
            return error_set(err, ERR_CANCELLED, "stopped while connecting; nothing was done");
        snprintf(late, sizeof late, "no answer within %d s", timeout_ms / 1000);
        if (left <= 0)
            return no_connection(db, late, err);
        /* Whatever is done before the server has begun its session makes that begin later. */
        bool begun = PQstatus(db->conn) == CONNECTION_AWAITING_RESPONSE || PQstatus(db->conn) == CONNECTION_AUTH_OK;
        int64_t since = db->sys->mono_ms();
        int got = begun ? pg_poll(db, fds, 2, (int)left) : poll(fds, 2, (int)left);
        if (got < 0 && errno != EINTR)
            return no_connection(db, strerror(errno), err);
        if (got > 0 && fds[0].revents) {
            waited(db, want, db->sys->mono_ms() - since);
            want = PQconnectPoll(db->conn);
        }
    }
    return true;
}

static bool connect_start(struct db *db, const struct hints *hints, struct error *err)
{
    char timeout[16];
    const char *application = db->target.application ? db->target.application : "jetbase";
    /* What stands before dbname yields to the connection string, what stands after it does not. */
    const char *const keywords[] = { "fallback_application_name", "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname", "client_encoding", NULL };
    const char *const values[] = { application, timeout, "10", "5", "3", "25000", db->target.url->conninfo, "UTF8", NULL };
    snprintf(timeout, sizeof timeout, "%d", hints->timeout_ms / 1000);
    /* Only the blocking way tries the next of several hosts when one does not answer. */
    db->conn = hints->many_hosts ? PQconnectdbParams(keywords, values, 1) : PQconnectStartParams(keywords, values, 1);
    if (!db->conn)
        return error_set(err, ERR_NO_MEMORY, "out of memory while connecting");
    if (PQstatus(db->conn) == CONNECTION_BAD)
        return no_connection(db, NULL, err);
    if (hints->many_hosts)
        return true;
    PQsetErrorVerbosity(db->conn, PQERRORS_VERBOSE); /* else a refusal comes without its SQLSTATE */
    bool open = connect_poll(db, hints->timeout_ms, err);
    PQsetErrorVerbosity(db->conn, PQERRORS_DEFAULT);
    return open;
}

/* "PostgreSQL 15.8" of version()'s long line. */
static void product(const char *version, char *to, size_t size)
{
    size_t len = strcspn(version, " ");
    if (version[len])
        len += 1 + strcspn(version + len + 1, " ,");
    snprintf(to, size, "%.*s", (int)len, version);
}

static void about_fill(struct db *db, const PGresult *facts)
{
    struct db_about *about = &db->about;
    const char *host = PQhost(db->conn), *strings = PQparameterStatus(db->conn, "standard_conforming_strings");
    product(PQgetvalue(facts, 0, 0), about->product, sizeof about->product);
    pg_copy(facts, 0, 1, about->database, sizeof about->database);
    pg_copy(facts, 0, 2, about->schema, sizeof about->schema);
    about->session_pid = (int)pg_number(facts, 3);
    pg_copy(facts, 0, 4, about->user, sizeof about->user);
    about->standby = PQgetvalue(facts, 0, 5)[0] == 't';
    about->lag_s = -1;
    pg_copy(facts, 0, 6, db->server_start, sizeof db->server_start);
    text_copy(about->host, sizeof about->host, host ? host : "");
    about->pooler = PQbackendPID(db->conn) != about->session_pid;
    about->standard_strings = !strings || strcmp(strings, "on") == 0;
}

/* Quotes a name as an identifier; the caller frees it with free(). */
static char *quoted(PGconn *conn, const char *name)
{
    char *q = PQescapeIdentifier(conn, name, strlen(name)), *own = text_dup(q);
    PQfreemem(q);
    return own;
}

/* The texts of statements on our tables, which stand in the schema that we know by now. */
static bool texts_fill(struct db *db)
{
    char *schema = quoted(db->conn, db->about.schema[0] ? db->about.schema : "public");
    bool ok = schema && pg_sql_fill(db->sql, schema);
    free(schema);
    return ok;
}

static bool usable(const struct db *db, struct error *err)
{
    char place[512];
    if (db->mode != DB_RUN || !db->about.standby)
        return true;
    where(db, place, sizeof place);
    error_set(err, ERR_CONFIG, "the server at %s is a standby (in recovery); migrations and unlocks run on the primary only", place);
    return error_hint(err, "Nothing was done. Name the primary in the URL, or add target_session_attrs=read-write.");
}

/* PgBouncer's statement mode ends a client at its first transaction block, which would be in the middle of a run: better now. */
static bool transactions_pass(struct db *db, struct error *err)
{
    struct pg_ask ask = { .sql = PG_BEGIN, .sync = true };
    char place[512];
    if (db->mode != DB_RUN || !db->about.pooler)
        return true;
    bool ok = pg_batch(db, &ask, 1, err);
    pg_batch_free(&ask, 1);
    if (ok)
        return true;
    where(db, place, sizeof place);
    error_set(err, ERR_CONFIG, "the pooler at %s ended the connection at a BEGIN: it lets no transaction through (PgBouncer's statement mode)", place);
    return error_hint(err, "Nothing was done. Connect to the server itself, or to a pool in session or transaction mode.");
}

/* What is asked in one message: what the server is, and the history where it may come with that. */
static bool learn(struct db *db, struct error *err)
{
    const char *values[1] = { db->target.schema };
    struct pg_ask asks[1 + PG_EARLY_ASKS] = { { .sql = values[0] ? PG_FACTS_GIVEN : PG_FACTS, .count = values[0] ? 1 : 0, .values = values, .sync = true } };
    struct pg_early early;
    size_t more = pg_early_fill(db, &early, asks + 1);
    const PGresult *facts;
    bool ok = !stopped(db) && pg_batch(db, asks, 1 + more, err);
    facts = asks[0].res;
    if (stopped(db))
        ok = error_set(err, ERR_CANCELLED, "stopped while connecting; nothing was done");
    if (ok && !pg_good(facts))
        ok = pg_fault(db, facts, "the server was asked what it is", err);
    if (ok && PQntuples(facts) != 1)
        ok = error_set(err, ERR_FAILED, "the server gave no answer to what it is");
    if (ok) {
        about_fill(db, facts);
        ok = texts_fill(db) || error_set(err, ERR_NO_MEMORY, "out of memory while connecting");
    }
    ok = ok && pg_tables_learn(db, facts, err);
    db->tables_fresh = ok;
    ok = ok && pg_look_standby(db, err) && usable(db, err) && transactions_pass(db, err);
    if (ok && more > 0)
        pg_early_keep(db, facts, asks + 1);
    pg_batch_free(asks, 1 + more);
    return ok;
}

bool pg_open(const struct db_target *target, enum db_mode mode, struct db **out, struct error *err)
{
    struct hints hints = { 0 };
    struct db *db;
    *out = NULL;
    if (!pg_load(err))
        return false;
    db = calloc(1, sizeof *db);
    if (!db)
        return error_set(err, ERR_NO_MEMORY, "out of memory while connecting");
    db->driver = &db_postgres;
    db->target = *target;
    db->sys = target->sys;
    db->mode = mode;
    if (!hints_read(db, &hints, err) || !connect_start(db, &hints, err))
        goto fail;
    PQsetNoticeReceiver(db->conn, pg_notice, db);
    if (PQsetnonblocking(db->conn, 1) != 0 || !PQenterPipelineMode(db->conn)) {
        no_connection(db, NULL, err);
        goto fail;
    }
    db->cancel = pg_cancel_make(db->conn);
    if (!db->cancel || (target->schema && !(db->search_path = quoted(db->conn, target->schema)))) {
        error_set(err, ERR_NO_MEMORY, "out of memory while connecting");
        goto fail;
    }
    if (!learn(db, err)) {
        if (err)
            err->not_up = err->code == ERR_NO_CONNECTION; /* it went away while it was asked */
        goto fail;
    }
    /* Behind a pooler the session is shared: settings would reach strangers. */
    db->sets_due = !db->about.pooler;
    db->target.idle = NULL;
    db->target.history = false;
    *out = db;
    return true;
fail:
    pg_close(db);
    return false;
}

static bool commit_outstanding(const struct db *db)
{
    for (size_t i = 0; i < db->steps.count; i++)
        if (db->steps.at[db->steps.head + i].kind == STEP_COMMIT)
            return true;
    return false;
}

void pg_close(struct db *db)
{
    if (!db)
        return;
    pg_rehearsing.end(db);
    /* The server would finish the statement first; nobody reads its answer any more. */
    if (db->steps.count > 0 && !db->down && !commit_outstanding(db))
        pg_cancel_send(db->cancel);
    pg_onlooker_free(db->onlooker);
    pg_cancel_free(db->cancel);
    pg_witness_drop(db, NULL);
    pg_early_drop(db);
    PQclear(db->answer);
    PQclear(db->copy);
    PQfinish(db->conn);
    pg_sql_free(db->sql);
    free(db->search_path);
    free(db->unfinished);
    free(db->queries.at);
    free(db->steps.at);
    explicit_bzero(db->password, sizeof db->password);
    free(db);
}
