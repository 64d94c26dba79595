/* script_judge.c: what may stand in a migration file and what is refused, with the way out. */
#include <string.h>
#include <strings.h>

#include "scanner_private.h"
#include "script_private.h"

#define BESIDE "this statement can't run inside a transaction, and others stand beside it"
#define WAY_OUT_BESIDE "Split the file, so that it stands in one of its own; or write `-- jetbase: no-transaction` at the head of this one: its statements then run one by one, and a failure leaves it half applied."
#define WAY_OUT_TX "Take it out: every file runs in one transaction of its own. One BEGIN … COMMIT around the whole section may stay; so may SAVEPOINT, RELEASE and ROLLBACK TO."
#define WAY_OUT_BLOCKS WAY_OUT_TX " Or write `-- jetbase: no-transaction` at the head of the file: its statements then run one by one, with the transactions it has, and a failure leaves it half applied."
#define WAY_OUT_COMMIT "Put COMMIT at the end of the section, or take BEGIN and COMMIT out: every file runs in one transaction of its own. Or write `-- jetbase: no-transaction` at the head of the file: its statements then run one by one, with the transactions it has, and a failure leaves it half applied."
#define WAY_OUT_KEYS "The file turns foreign keys on for this transaction, and inside the one that it gets anyway the pragma does nothing. With `-- jetbase: no-transaction` at its head the statements run one by one, as written, and a failure leaves it half applied. Or take the pragma out: foreign keys are then off."

bool script_refuse(const struct script_judge *j, const struct place *at, const char *message, const char *hint, struct error *err)
{
    error_set(err, ERR_REFUSED, "%s", message);
    error_hint(err, "%s", hint);
    err->place = *at;
    script_show_place(j->m->path, err);
    return false;
}

/* A statement that is refused wherever it stands: why, and the way out. */
static bool never_allowed(const struct script_judge *j, const struct scan_statement *s, const char **message, const char **hint)
{
    switch (s->class) {
    case SCAN_TX_OTHER:
        *message = "this statement ends or changes the transaction that the migration runs in";
        *hint = WAY_OUT_TX;
        return true;
    case SCAN_NEVER_IN_TX:
        *message = "DISCARD ALL gives up everything the session holds, and with it the mark that shows that this run lives";
        *hint = "Take it out: jetbase cleans the session after every file by itself.";
        return strncasecmp(s->text, "DISCARD", 7) == 0;
    case SCAN_COPY_STDIO:
        *message = "COPY FROM STDIN and TO STDOUT need a client that feeds or takes the rows; a migration file has none";
        *hint = "Use INSERT, or COPY with a file on the server (pg_dump writes INSERTs with --inserts).";
        return true;
    case SCAN_CLIENT_COMMAND:
        *message = scanner_client_message(j->dialect);
        *hint = scanner_client_hint(j->dialect);
        return true;
    case SCAN_OWN_TABLE:
        *message = "this statement names a table of jetbase's own lock: jetbase_lock and jetbase_runs are jetbase's alone";
        *hint = "Take it out. `jetbase unlock` frees the lock, `jetbase runs` shows the runs.";
        return true;
    case SCAN_SQLITE_REFUSED:
        *message = "this statement reaches beyond the transaction, or takes away its rollback";
        *hint = "Take it out. ATTACH, DETACH and pragmas like journal_mode and locking_mode belong to the program that uses the database, not to a migration.";
        return true;
    default:
        return false;
    }
}

const char *scanner_client_message(enum scan_dialect dialect)
{
    return dialect == SCAN_POSTGRES ? "a backslash outside of strings: psql's own commands mean nothing to the server" : "a line that begins with a point: sqlite3's own commands mean nothing to the database";
}

const char *scanner_client_hint(enum scan_dialect dialect)
{
    return dialect == SCAN_POSTGRES ? "Take it out: a migration file holds SQL only. (pg_dump writes two such lines, \\restrict and \\unrestrict: both may go.)" : "Take it out: a migration file holds SQL only.";
}

/* The modes of the file's own BEGIN or SET TRANSACTION become those of ours. */
static bool take_modes(struct script_judge *j, const struct scan_statement *s, struct error *err)
{
    if (s->read_only)
        return script_refuse(j, &s->at, "a migration can't run READ ONLY: that it was applied could not be recorded", "Take READ ONLY out.", err);
    if (s->isolation != ISOLATION_DEFAULT)
        j->facts.isolation = s->isolation;
    j->facts.deferrable = j->facts.deferrable || s->deferrable;
    return true;
}

/* `sqlite3 .dump` writes PRAGMA foreign_keys=OFF before its BEGIN, other tools set it back behind the COMMIT. In our transaction both do nothing, and off is what a connection has. */
static bool keys_pragma(const struct scan_statement *s)
{
    return s->pragma == PRAGMA_KEYS_OFF || s->pragma == PRAGMA_KEYS_ON;
}

bool script_judge(struct script_judge *j, const struct scan_statement *s, const struct place *why, bool *send, struct error *err)
{
    const char *message, *hint;
    *send = false;
    j->facts.colons = j->facts.colons || s->unescaped_colon;
    if (never_allowed(j, s, &message, &hint))
        return script_refuse(j, why, message, hint, err);
    if (j->alone)
        return script_judge_alone(j, s, send, err);
    if (j->facts.outside)
        return script_refuse(j, &j->begin, BESIDE, WAY_OUT_BESIDE, err);
    if (s->class == SCAN_NEVER_IN_TX) {
        if (j->begun || j->set_modes || j->facts.statements > 0)
            return script_refuse(j, why, BESIDE, WAY_OUT_BESIDE, err);
        j->facts.outside = true;
        j->begin = *why; /* of what is refused where more follows */
    }
    if (j->committed && !keys_pragma(s))
        return script_refuse(j, &j->commit, "more statements follow this COMMIT: they would run outside of its transaction", WAY_OUT_COMMIT, err);
    if (s->class == SCAN_TX_BEGIN) {
        if (j->begun || j->set_modes || j->facts.statements > j->keys_off)
            return script_refuse(j, &s->at, "a transaction begins in the middle of the section", j->keys_on ? WAY_OUT_KEYS : WAY_OUT_BLOCKS, err);
        j->begun = true;
        j->begin = s->at;
        return take_modes(j, s, err);
    }
    if (s->class == SCAN_TX_COMMIT) {
        if (!j->begun)
            return script_refuse(j, &s->at, "this ends a transaction that the section has not begun", j->dialect == SCAN_POSTGRES ? WAY_OUT_BLOCKS : WAY_OUT_TX, err);
        j->committed = j->facts.wrapped = true;
        j->commit = s->at;
        return true;
    }
    if (s->class == SCAN_TX_SET) {
        if (j->facts.statements > 0)
            return script_refuse(j, &s->at, "SET TRANSACTION must stand before all other statements", "Move it to the beginning of the section.", err);
        j->set_modes = true;
        return take_modes(j, s, err);
    }
    j->keys_off += s->pragma == PRAGMA_KEYS_OFF && j->keys_off == j->facts.statements;
    j->keys_on = s->pragma == PRAGMA_KEYS_ON && j->facts.statements == j->keys_off;
    j->facts.statements++;
    *send = true;
    return true;
}

bool script_judge_alone(struct script_judge *j, const struct scan_statement *s, bool *send, struct error *err)
{
    bool inside = j->block == BLOCK_BEGIN || j->block == BLOCK_INSIDE;
    *send = true;
    if (s->class == SCAN_TX_BEGIN) {
        if (inside)
            return script_refuse(j, &s->at, "a transaction begins inside another", "Take it out, or put COMMIT before it.", err);
        if (s->read_only)
            return script_refuse(j, &s->at, "a migration's transaction can't be READ ONLY: that the lock is still ours could not be checked in it", "Take READ ONLY out.", err);
        j->block = BLOCK_BEGIN;
        j->begin = s->at;
    } else if (s->class == SCAN_TX_COMMIT) {
        if (!inside && j->dialect == SCAN_SQLITE)
            return script_refuse(j, &s->at, "this ends a transaction that the section has not begun", "Take it out.", err);
        if (!inside) { /* PostgreSQL itself only warns of it, and goes on */
            *send = false;
            return true;
        }
        j->block = BLOCK_COMMIT;
    } else if ((s->class == SCAN_SAVEPOINT || s->class == SCAN_TX_SET) && !inside) {
        return script_refuse(j, &s->at, "this needs a transaction, and here none is open", "Put BEGIN and COMMIT around the statements that belong together.", err);
    } else if (s->class == SCAN_TX_SET && s->read_only) {
        return script_refuse(j, &s->at, "a migration's transaction can't be READ ONLY: that the lock is still ours could not be checked in it", "Take READ ONLY out.", err);
    } else if (s->class == SCAN_NEVER_IN_TX && inside) {
        return script_refuse(j, &s->at, "this statement can't run inside a transaction, and the file has begun one", "Put it before BEGIN or behind COMMIT.", err);
    } else if (s->pragma == PRAGMA_SCHEMA_ON && !inside) {
        return script_refuse(j, &s->at, "PRAGMA writable_schema can't be set outside a transaction: what is broken by it could not be rolled back", "Put BEGIN before it, and COMMIT behind the statements that write the schema.", err);
    } else {
        j->block = inside ? BLOCK_INSIDE : BLOCK_NONE;
    }
    j->facts.statements++;
    return true;
}

bool script_judge_end(const struct script_judge *j, struct error *err)
{
    if (j->block == BLOCK_BEGIN || j->block == BLOCK_INSIDE)
        return script_refuse(j, &j->begin, "this transaction is not committed at the end of the section", "Put COMMIT behind its last statement.", err);
    if (j->begun && !j->committed)
        return script_refuse(j, &j->begin, "this transaction is not committed at the end of the section", "Put COMMIT at the end, or take BEGIN out: every file runs in one transaction of its own.", err);
    return true;
}
