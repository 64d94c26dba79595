/* pg_early.c: the history, asked for in the message that asks the server what it is.
 *
 * That spares a wait, which counts where the server is far away. In which schema our tables stand is not known yet: they are asked for by their names alone, and an answer counts where it comes from the tables that the facts name. Where there are none the server refuses, and writes that to its log: near servers, among them those that a test has just made, are asked in two messages.
 */
#include <stdio.h>
#include <string.h>

#include "pg_private.h"

enum {
    FAR_MS = 4,     /* a wait of so long */
    FRESH_MS = 1000 /* so long an answer that is kept is that of this moment */
};

static bool is_far(const struct pg_waits *waits)
{
    return waits->link_ms >= FAR_MS || (waits->answers > 1 && waits->answer_ms >= FAR_MS);
}

size_t pg_early_fill(const struct db *db, struct pg_early *early, struct pg_ask asks[PG_EARLY_ASKS])
{
    bool look = db->mode == DB_LOOK;
    if (!db->target.history || !is_far(&db->waits) || PQserverVersion(db->conn) < PG_COLUMNS_TELL)
        return 0;
    /* Until the facts are there it may be a pooler's session: what is set holds for the question alone. */
    snprintf(early->timeout, sizeof early->timeout, "%d", look ? pg_look_timeout_ms(db) : PG_QUESTION_LOCK_MS);
    early->limits[0] = look ? NULL : early->timeout;
    early->limits[1] = look ? early->timeout : NULL;
    early->limits[2] = db->search_path;
    asks[0] = asks[2] = (struct pg_ask){ .sql = PG_EARLY_LIMITS, .count = 3, .values = early->limits };
    asks[1] = (struct pg_ask){ .sql = PG_EARLY_HISTORY, .sync = true, .binary = true };
    asks[3] = (struct pg_ask){ .sql = PG_EARLY_RUNS, .sync = true };
    return PG_EARLY_ASKS;
}

/* Is this an answer about that table, even if it is that somebody kept it locked all the time, or that it may not be read? That is not asked again. */
static bool answers(const PGresult *res, int column, Oid table)
{
    const char *state = pg_state(res);
    if (table == InvalidOid)
        return false;
    return pg_good(res) ? PQftable(res, column) == table : strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0 || strcmp(state, "42501") == 0;
}

static void keep(struct db *db, int i, struct pg_ask *ask)
{
    db->early[i] = ask->res;
    ask->res = NULL;
}

void pg_early_keep(struct db *db, const PGresult *facts, struct pg_ask asks[PG_EARLY_ASKS])
{
    if (!db->has_migrations || !answers(asks[1].res, 1, pg_facts_number(facts, PG_FACTS_MIGRATIONS)))
        return;
    keep(db, 0, &asks[1]);
    if (db->has_runs && answers(asks[3].res, 0, pg_facts_number(facts, PG_FACTS_RUNS)))
        keep(db, 1, &asks[3]);
    db->early_ms = db->sys->mono_ms();
}

bool pg_early_take(struct db *db, struct pg_ask *asks, size_t count)
{
    bool good = db->early[0] && (count == 1 || db->early[1]) && db->sys->mono_ms() - db->early_ms <= FRESH_MS;
    for (size_t i = 0; good && i < count; i++) {
        asks[i].res = db->early[i];
        db->early[i] = NULL;
    }
    if (good && count > 1)
        asks[1].sql = PG_EARLY_RUNS;
    pg_early_drop(db);
    return good;
}

void pg_early_drop(struct db *db)
{
    for (int i = 0; i < 2; i++) {
        PQclear(db->early[i]);
        db->early[i] = NULL;
    }
}
