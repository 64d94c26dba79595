/* pg_sql.c: every SQL text of the PostgreSQL driver. "@" stands for the quoted schema of our tables; functions, types and operators carry pg_catalog, so that no search_path matters. */
#include "pg_sql.h"

#include <stdlib.h>
#include <string.h>

#define EQ " OPERATOR(pg_catalog.=) "
#define NE " OPERATOR(pg_catalog.<>) "
#define CAT " OPERATOR(pg_catalog.||) "
#define LIKE " OPERATOR(pg_catalog.~~) "
#define MINUS " OPERATOR(pg_catalog.-) "
#define TEXT "::pg_catalog.text"
#define INT "::pg_catalog.int4"
#define NOW "pg_catalog.clock_timestamp()"
/* The session-level advisory lock on a 64-bit key shows in pg_locks as its two halves, objsubid 1. A witness is exclusive; the shared one is that of somebody who proves a death at this moment. */
#define THIS_DATABASE "(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname" EQ "pg_catalog.current_database())"
/* 'RowExclusiveLock' as documentation and rehearsal spell it: ROW EXCLUSIVE. */
#define MODE_WORDS(mode) "pg_catalog.rtrim(pg_catalog.upper(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(" mode ", 'Lock', ''), 'Access', 'Access '), 'Row', 'Row '), 'Share', 'Share '), 'Update', 'Update ')))"
#define IS_ADVISORY "l.locktype" EQ "'advisory' AND l.database" EQ THIS_DATABASE " AND l.objsubid" EQ "1 AND l.mode" EQ "'ExclusiveLock' AND l.granted"
#define IS_KEY(high, low) IS_ADVISORY " AND l.classid" EQ high "::pg_catalog.oid AND l.objid" EQ low "::pg_catalog.oid"
#define HALF(id, from) "('x'" CAT "pg_catalog.substr(pg_catalog.replace(" id ", '-', ''), " from ", 8))::pg_catalog.\"bit\"(32)::pg_catalog.int8::pg_catalog.oid"

/* A run with a file outside a transaction that is started, not ended, not resolved. Its end clears the numbers; last_done is not asked: another file of that name may have been done before. */
#define UNFINISHED "r.no_transaction AND r.started_statement IS NOT NULL AND r.resolution IS NULL"
#define IS_WITNESS_OF_RUN                                                                                                \
    IS_ADVISORY " AND CASE WHEN r.process_id OPERATOR(pg_catalog.~) '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-'"             \
    " THEN l.classid" EQ HALF("r.process_id", "1") " AND l.objid" EQ HALF("r.process_id", "9") " ELSE false END"

/* Such a witnessed run whose witness another session still holds. */
#define UNFENCED                                                                                                         \
    "unfenced AS MATERIALIZED (SELECT EXISTS (SELECT 1 FROM @.jetbase_runs r, pg_catalog.pg_locks l"                     \
    " WHERE " UNFINISHED " AND r.witness IS NOT NULL"                                                                    \
    " AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() AND " IS_WITNESS_OF_RUN ") AS yes)"

#define LOCK_SET(id) "is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = " id TEXT
#define LOCK_CLEAR "is_locked = FALSE, locked_at = NULL, process_id = NULL"
#define NAMES(alias, id) alias "id" EQ "1 AND " alias "is_locked AND COALESCE(" alias "process_id" TEXT ", '')" EQ id TEXT

#define TELL(from) "(SELECT pg_catalog.count(pg_catalog.pg_notify('jetbase_lock', '')" TEXT ") FROM " from ")"
#define COUNT(from) "(SELECT pg_catalog.count(*) FROM " from ")"

/* $1 process_id … $11 no_transaction */
#define RUN_INSERT                                                                                                        \
    "INSERT INTO @.jetbase_runs (process_id, host, pid, os_user, program, command, session_pid, witness, file, statements, no_transaction, acquired_at)" \
    " SELECT $1" TEXT ", $2" TEXT ", $3" INT ", $4" TEXT ", $5" TEXT ", $6" TEXT ", $7" INT ", $8" TEXT ", $9" TEXT ", $10" INT ", $11::pg_catalog.bool, " NOW " FROM taken"

/* The holder's run as far as a proof of death goes: its witness free, shown by holding its key ourselves to the end of this transaction. Shared, which no exclusive one lets in either, and which nobody takes for a witness; whoever else proves it waits for the lock's row. */
#define PROOF(id, key)                                                                                                                   \
    "holder AS MATERIALIZED (SELECT r.witness FROM @.jetbase_lock k JOIN @.jetbase_runs r ON r.process_id" TEXT EQ "k.process_id" TEXT   \
    " WHERE " NAMES("k.", id) "),"                                                                                                       \
    " proof AS MATERIALIZED (SELECT CASE WHEN h.witness" EQ "'pg' THEN pg_catalog.pg_try_advisory_xact_lock_shared(" key "::pg_catalog.int8) END AS dead FROM holder h)"
#define DIED(id, from)                                                                                                                   \
    "died AS (UPDATE @.jetbase_runs SET outcome = 'died', released_at = COALESCE(released_at, " NOW ")"                                  \
    " WHERE process_id" EQ id TEXT " AND outcome IS NULL AND EXISTS (SELECT 1 FROM " from "))"
/* What the driver decides from: changed, lock names `from`, witness of its run, dead, unfenced. */
#define PROOF_ANSWER(changed, id, unfenced)                                                                                              \
    " SELECT " COUNT(changed) ", " COUNT("@.jetbase_lock k WHERE " NAMES("k.", id)) ", (SELECT witness FROM holder), (SELECT dead FROM proof), " unfenced ", " TELL(changed)
#define UNLOCKED(by, reason) "unlocked_by = " by TEXT ", unlocked_at = " NOW ", unlock_reason = " reason TEXT

/* $1 process ID, $2, $3 halves of its key, $4: that session, where it blocks the one of the run that holds the lock. */
#define BLOCKER(more)                                                                                                                     \
    " FROM @.jetbase_lock k JOIN @.jetbase_runs r ON r.process_id" TEXT EQ "k.process_id" TEXT                                           \
    " JOIN pg_catalog.pg_stat_activity a ON a.pid" EQ "$4" INT                                                                           \
    " WHERE " NAMES("k.", "$1") " AND r.witness" EQ "'pg' AND a.pid" EQ "ANY (pg_catalog.pg_blocking_pids(r.session_pid))" more          \
    " AND EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE " IS_KEY("$2", "$3") " AND l.pid" EQ "r.session_pid)"

/* The tables of $1, names as they are written in SQL, and what is below them: a lock on a partition stands in the way of its parent too. */
#define NAMED_TABLES "(WITH RECURSIVE f(oid) AS (SELECT pg_catalog.to_regclass(n.name)::pg_catalog.oid FROM pg_catalog.unnest($1" TEXT "[]) AS n(name)" \
                     " UNION SELECT i.inhrelid FROM f JOIN pg_catalog.pg_inherits i ON i.inhparent" EQ "f.oid) SELECT f.oid FROM f)"
#define PERCENT(what) "100 OPERATOR(pg_catalog.*) p." what "_done OPERATOR(pg_catalog./) p." what "_total"

#define HISTORY_COLUMNS "SELECT order_executed::pg_catalog.int8, version, description, filename, checksum, migration_type, applied_at::pg_catalog.timestamp FROM "
#define LOCAL_UNLESS_NULL(name, value) "CASE WHEN " value TEXT " IS NOT NULL THEN pg_catalog.set_config('" name "', " value TEXT ", true) END"

#define UTC(column) "pg_catalog.to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
#define STORED(column) "pg_catalog.to_char(" column ", 'YYYY-MM-DD HH24:MI:SS.US')"
#define SECONDS(later, earlier) "pg_catalog.date_part('epoch', " later MINUS earlier ")"
#define IS_OLD SECONDS(NOW, "r.acquired_at") " OPERATOR(pg_catalog.>) ($1::pg_catalog.float8 OPERATOR(pg_catalog.*) 86400::pg_catalog.float8)"
#define RUN_COLUMNS                                                                                                       \
    "SELECT r.process_id, r.host, r.os_user, r.program, r.command, r.pid, r.session_pid, r.witness, " UTC("r.acquired_at") ", "  \
    SECONDS(NOW, "r.acquired_at") ", " SECONDS("r.released_at", "r.acquired_at") ", r.file, r.no_transaction, r.statements,"   \
    " r.started_statement, r.done_statement, r.last_done, " UTC("r.released_at") ", r.outcome, r.detail, r.unlocked_by, "       \
    UTC("r.unlocked_at") ", r.unlock_reason, r.resolution, r.prefix"
#define RUN_SELECT RUN_COLUMNS " FROM @.jetbase_runs r "

#define ACTIVITY(a)                                                                                                       \
    a ".usename, pg_catalog.host(" a ".client_addr), " a ".application_name, " a ".state, " a ".wait_event_type" CAT "'/'" CAT a ".wait_event, "  \
    "CASE WHEN " a ".query" NE "'<insufficient privilege>' THEN " a ".query END, " SECONDS(NOW, a ".state_change")

/* By name, and not out of pg_class: a session that has just begun loads a quarter of what it else must. to_regclass() complains where it may not look. */
#define OURS(table) "CASE WHEN s.open THEN pg_catalog.to_regclass(pg_catalog.format('%I.jetbase_" table "', s.name)) END"
#define NUMBER_TEXT(number) #number
#define AS_TEXT(number) NUMBER_TEXT(number)

/* In microseconds: the text of a time hangs on settings that a file may have changed since. */
#define MICROSECONDS(time) "(pg_catalog.date_part('epoch', " time ") OPERATOR(pg_catalog.*) 1000000::pg_catalog.float8)::pg_catalog.int8" TEXT
#define SERVER_START MICROSECONDS("pg_catalog.pg_postmaster_start_time()")

/* Of schema `s`. The current one is by its nature there and open: only of another must that be asked. */
#define FACTS                                                                                                             \
    "SELECT pg_catalog.version(), pg_catalog.current_database(), s.name, pg_catalog.pg_backend_pid(), CURRENT_USER" TEXT ", pg_catalog.pg_is_in_recovery()," \
    " " SERVER_START ", s.there, s.open, " OURS("migrations") "::pg_catalog.oid, " OURS("lock") " IS NOT NULL, "   \
    OURS("migrations_version_key") " IS NOT NULL, " OURS("runs") "::pg_catalog.oid,"                                                        \
    " pg_catalog.has_column_privilege(" OURS("runs") "::pg_catalog.oid, " AS_TEXT(PG_RUNS_COLUMNS) "::pg_catalog.int2, 'SELECT') IS NOT NULL FROM "

/* $1 as the server reads a name: cut where it is too long for one. */
#define GIVEN_SCHEMA "$1" TEXT "::pg_catalog.name" TEXT

#define RUNS_COLUMN(name, type) "ADD COLUMN IF NOT EXISTS " name " " type
#define RUNS_NEXT(name, type) ", " RUNS_COLUMN(name, type)

/* A standby that receives and has replayed all of it is not behind, however long nothing was written; else the last transaction's age is the best that is known. */
#define STANDBY_FACTS                                                                                                                  \
    "pg_catalog.pg_is_in_recovery(), CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN NULL WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_get_wal_receiver() w WHERE w.pid IS NOT NULL)" \
    " AND pg_catalog.pg_last_wal_receive_lsn()" EQ "pg_catalog.pg_last_wal_replay_lsn() THEN 0::pg_catalog.float8"                      \
    " ELSE pg_catalog.date_part('epoch', " NOW MINUS "pg_catalog.pg_last_xact_replay_timestamp()) END"

static const char *const texts_of[PG_SQL_TEXTS] = {
    /* version, database, schema, session, role, standby, when the server was started; is the schema there, may we look into it; the number of jetbase_migrations, are jetbase_lock and the index there, the number of jetbase_runs, has it (of servers from 14 on) the column that came last */
    [PG_FACTS] = FACTS "(SELECT c.name, c.name IS NOT NULL AS there, c.name IS NOT NULL AS open FROM (SELECT pg_catalog.current_schema()" TEXT " AS name OFFSET 0) c OFFSET 0) s",
    /* $1 schema: the same of that one */
    [PG_FACTS_GIVEN] = FACTS "(SELECT n.name, n.oid IS NOT NULL AS there, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS open FROM"
                             " (SELECT g.name, pg_catalog.to_regnamespace(pg_catalog.quote_ident(g.name))::pg_catalog.oid AS oid FROM (SELECT " GIVEN_SCHEMA " AS name OFFSET 0) g OFFSET 0) n OFFSET 0) s",
    [PG_STANDBY] = "SELECT " STANDBY_FACTS,
    /* $1 schema or NULL: a row for each table and index of ours, with its number of columns; one of NULLs where there is none, and no row where there is no such schema */
    [PG_TABLES] = "SELECT c.relname, c.relnatts FROM (SELECT pg_catalog.to_regnamespace(pg_catalog.quote_ident(COALESCE(" GIVEN_SCHEMA ", pg_catalog.current_schema()" TEXT ")))::pg_catalog.oid AS oid) n"
                  " LEFT JOIN pg_catalog.pg_class c ON c.relnamespace" EQ "n.oid AND c.relname" EQ "ANY (ARRAY['jetbase_migrations', 'jetbase_lock', 'jetbase_runs', 'jetbase_migrations_version_key']::pg_catalog.name[])"
                  " WHERE n.oid IS NOT NULL",
    [PG_BEGIN] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    [PG_COMMIT] = "COMMIT",
    [PG_ROLLBACK] = "ROLLBACK",
    [PG_LOCAL_TIMEOUT] = "SELECT pg_catalog.set_config('lock_timeout', $1" TEXT ", true)",
    [PG_NOTHING] = "SELECT 1",

    [PG_ENCODING] = "SELECT pg_catalog.current_setting('client_encoding')",
    [PG_RESET_CONSTRAINTS] = "SET CONSTRAINTS ALL IMMEDIATE",
    [PG_RESET_AUTHORIZATION] = "RESET SESSION AUTHORIZATION",
    [PG_RESET_ROLE] = "RESET ROLE",
    [PG_RESET_ALL] = "RESET ALL",
    [PG_RESET_CURSORS] = "CLOSE ALL",
    [PG_RESET_PREPARED] = "DEALLOCATE ALL",
    [PG_RESET_LISTEN] = "UNLISTEN *",
    [PG_RESET_PLANS] = "DISCARD PLANS",
    [PG_RESET_TEMP] = "DISCARD TEMP",
    [PG_RESET_SEQUENCES] = "DISCARD SEQUENCES",
    /* $1 process ID. An ELSE of constants only would be folded at plan time and always raise. */
    [PG_FENCE] = "WITH l AS MATERIALIZED (SELECT 1 FROM @.jetbase_lock WHERE id" EQ "1 AND is_locked AND process_id" TEXT EQ "$1" TEXT " FOR UPDATE),"
                 " n AS MATERIALIZED (SELECT pg_catalog.count(*) AS held FROM l)"
                 " SELECT CASE WHEN n.held" EQ "1 THEN 1 ELSE CAST('jetbase-lock-lost:'" CAT "$1" TEXT CAT "':'" CAT "n.held" TEXT " AS pg_catalog.int4) END FROM n",
    /* $1 version $2 description $3 file $4 type $5 checksum */
    [PG_RECORD_INSERT] = "INSERT INTO @.jetbase_migrations (version, description, filename, migration_type, checksum)"
                         " VALUES ($1" TEXT ", $2" TEXT ", $3" TEXT ", $4" TEXT ", $5" TEXT ")",
    /* The same, in a transaction with others: CURRENT_TIMESTAMP, the column's own, would be one for all of them. */
    [PG_RECORD_BASELINE] = "INSERT INTO @.jetbase_migrations (version, description, filename, migration_type, checksum, applied_at)"
                           " SELECT $1" TEXT ", $2" TEXT ", $3" TEXT ", $4" TEXT ", $5" TEXT ","
                           " GREATEST(pg_catalog.clock_timestamp()::timestamp, pg_catalog.max(m.applied_at)::timestamp OPERATOR(pg_catalog.+) '1 microsecond'::interval)"
                           " FROM @.jetbase_migrations AS m WHERE m.migration_type" TEXT EQ "'VERSIONED'",
    /* $1 checksum $2 file $3 type */
    [PG_RECORD_UPDATE] = "UPDATE @.jetbase_migrations SET checksum = $1" TEXT ", applied_at = CURRENT_TIMESTAMP"
                         " WHERE filename" TEXT EQ "$2" TEXT " AND migration_type" TEXT EQ "$3" TEXT,
    /* $1 version */
    [PG_RECORD_DELETE] = "DELETE FROM @.jetbase_migrations WHERE version" TEXT EQ "$1" TEXT " AND migration_type" TEXT EQ "'VERSIONED'",
    /* $1 checksum $2 version: as Jetbase repairs it, applied_at stays */
    [PG_RECORD_CHECKSUM] = "UPDATE @.jetbase_migrations SET checksum = $1" TEXT " WHERE version" TEXT EQ "$2" TEXT " AND migration_type" TEXT EQ "'VERSIONED'",
    /* $1 file $2 type */
    [PG_RECORD_FORGET] = "DELETE FROM @.jetbase_migrations WHERE filename" TEXT EQ "$1" TEXT " AND migration_type" TEXT EQ "$2" TEXT,
    /* $1 process ID $2 last_done $3 file $4 statements */
    [PG_RECORD_RUN] = "UPDATE @.jetbase_runs SET last_done = $2" TEXT ", file = $3" TEXT ", statements = $4" INT
                      ", no_transaction = FALSE, started_statement = NULL, done_statement = NULL WHERE process_id" TEXT EQ "$1" TEXT,
    /* $1 process ID $2 file $3 statements */
    [PG_PROGRESS] = "UPDATE @.jetbase_runs SET file = $2" TEXT ", statements = $3" INT
                    ", no_transaction = FALSE, started_statement = NULL, done_statement = NULL WHERE process_id" TEXT EQ "$1" TEXT,

    /* A statement of ours between a file's own: whoever the file has become, this is us again, for this transaction. */
    [PG_OWN_SESSION] = "SET LOCAL SESSION AUTHORIZATION DEFAULT",
    [PG_OWN_ROLE] = "SET LOCAL ROLE NONE",
    /* $1 process ID $2 file $3 statements $4 statement $5 prefix: the lock row first, as everywhere; how many lock rows name us, how many run rows were written */
    [PG_START] = "WITH l AS MATERIALIZED (SELECT 1 FROM @.jetbase_lock WHERE id" EQ "1 AND is_locked AND process_id" TEXT EQ "$1" TEXT " FOR UPDATE),"
                 " n AS MATERIALIZED (SELECT pg_catalog.count(*) AS held FROM l),"
                 " m AS (UPDATE @.jetbase_runs r SET file = $2" TEXT ", statements = $3" INT ", no_transaction = TRUE, started_statement = $4" INT ", done_statement = $4" INT MINUS "1, prefix = $5" TEXT
                 " FROM n WHERE n.held" EQ "1 AND r.process_id" TEXT EQ "$1" TEXT " RETURNING 1)"
                 " SELECT (SELECT held FROM n), " COUNT("m"),
    /* $1 process ID $2 statement $3 prefix */
    [PG_DONE] = "UPDATE @.jetbase_runs SET done_statement = $2" INT ", prefix = $3" TEXT " WHERE process_id" TEXT EQ "$1" TEXT " AND no_transaction AND started_statement" EQ "$2" INT,
    [PG_SEAL_RUN] = "UPDATE @.jetbase_runs SET started_statement = $2" INT ", done_statement = $2" INT ", prefix = $3" TEXT " WHERE process_id" TEXT EQ "$1" TEXT " AND no_transaction",
    /* $1 file $2 resolution $3 by $4 our own process ID */
    [PG_RESOLVE] = "UPDATE @.jetbase_runs r SET resolution = $2" TEXT ", resolved_by = $3" TEXT ", resolved_at = " NOW " WHERE r.file" EQ "$1" TEXT " AND r.process_id" NE "$4" TEXT " AND " UNFINISHED,
    /* the same, where our own row says that a statement of it starts: not where the lock was lost */
    [PG_SUPERSEDE] = "UPDATE @.jetbase_runs r SET resolution = $2" TEXT ", resolved_by = $3" TEXT ", resolved_at = " NOW " FROM @.jetbase_runs own WHERE own.process_id" TEXT EQ "$4" TEXT
                     " AND own.no_transaction AND own.started_statement IS NOT NULL AND r.file" EQ "$1" TEXT " AND r.process_id" NE "$4" TEXT " AND " UNFINISHED,

    [PG_WITNESS_TAKE] = "SELECT pg_catalog.pg_try_advisory_lock($1::pg_catalog.int8)",
    /* $1, $2 halves of the key: true where the lock is seen with our own session and database */
    [PG_WITNESS_SEEN] = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE " IS_KEY("$1", "$2") " AND l.pid" EQ "pg_catalog.pg_backend_pid())",
    /* $1, $2 halves, $3 session of the run row: how many hold it, who, and whether pg_locks shows our own session at all */
    [PG_WITNESS_ASK] = "SELECT pg_catalog.count(*) FILTER (WHERE " IS_KEY("$1", "$2") "),"
                       " COALESCE(pg_catalog.max(l.pid) FILTER (WHERE " IS_KEY("$1", "$2") " AND l.pid" EQ "$3" INT "), pg_catalog.max(l.pid) FILTER (WHERE " IS_KEY("$1", "$2") ")),"
                       " COALESCE(pg_catalog.bool_or(l.pid" EQ "pg_catalog.pg_backend_pid()), false) FROM pg_catalog.pg_locks l",
    [PG_WITNESS_DROP] = "SELECT pg_catalog.pg_advisory_unlock_all()",

    /* A held lock is not waited for. */
    [PG_LOCK_FREE_ROW] = "SELECT 1 FROM @.jetbase_lock WHERE id" EQ "1 AND NOT is_locked FOR UPDATE",
    [PG_LOCK_ROW] = "SELECT 1 FROM @.jetbase_lock WHERE id" EQ "1 FOR UPDATE",
    /* $1 … $11 run: taken, unfenced, locked by somebody */
    [PG_ACQUIRE] = "WITH " UNFENCED ", taken AS (UPDATE @.jetbase_lock k SET " LOCK_SET("$1") " FROM unfenced u WHERE k.id" EQ "1 AND NOT k.is_locked AND NOT u.yes RETURNING k.id),"
                   " noted AS (" RUN_INSERT ")"
                   " SELECT " COUNT("taken") ", (SELECT yes FROM unfenced), " COUNT("@.jetbase_lock k WHERE k.id" EQ "1 AND k.is_locked") ", " TELL("taken"),
    /* $1 process ID: the same without jetbase_runs */
    [PG_ACQUIRE_PLAIN] = "WITH taken AS (UPDATE @.jetbase_lock k SET " LOCK_SET("$1") " WHERE k.id" EQ "1 AND NOT k.is_locked RETURNING k.id)"
                         " SELECT " COUNT("taken") ", false, 1, " TELL("taken"),
    /* $1 … $11 run, $12 from, $13 its key */
    [PG_TAKE_OVER] = "WITH " PROOF("$12", "$13") ", " UNFENCED ","
                     " taken AS (UPDATE @.jetbase_lock k SET " LOCK_SET("$1") " FROM proof p, unfenced u WHERE p.dead AND NOT u.yes AND " NAMES("k.", "$12") " RETURNING k.id), "
                     DIED("$12", "taken") ", noted AS (" RUN_INSERT ")" PROOF_ANSWER("taken", "$12", "(SELECT yes FROM unfenced)"),
    /* $1 from $2 by $3 reason */
    [PG_UNLOCK] = "WITH freed AS (UPDATE @.jetbase_lock k SET " LOCK_CLEAR " WHERE " NAMES("k.", "$1") " RETURNING k.id),"
                  " noted AS (UPDATE @.jetbase_runs SET " UNLOCKED("$2", "$3") " WHERE process_id" EQ "$1" TEXT " AND EXISTS (SELECT 1 FROM freed))"
                  " SELECT " COUNT("freed") ", " TELL("freed"),
    /* $1 from $2 by $3 reason $4 key */
    [PG_UNLOCK_PROVEN] = "WITH " PROOF("$1", "$4") ", freed AS (UPDATE @.jetbase_lock k SET " LOCK_CLEAR " FROM proof p WHERE p.dead AND " NAMES("k.", "$1") " RETURNING k.id),"
                         " died AS (UPDATE @.jetbase_runs SET " UNLOCKED("$2", "$3") ", released_at = COALESCE(released_at, " NOW "), outcome = COALESCE(outcome, 'died')"
                         " WHERE process_id" EQ "$1" TEXT " AND EXISTS (SELECT 1 FROM freed))" PROOF_ANSWER("freed", "$1", "false"),
    /* $1 from */
    [PG_UNLOCK_PLAIN] = "WITH freed AS (UPDATE @.jetbase_lock k SET " LOCK_CLEAR " WHERE " NAMES("k.", "$1") " RETURNING k.id) SELECT " COUNT("freed") ", " TELL("freed"),
    /* $1 by $2 reason */
    [PG_UNLOCK_ANY] = "WITH held AS MATERIALIZED (SELECT k.process_id" TEXT " AS id FROM @.jetbase_lock k WHERE k.id" EQ "1 AND k.is_locked),"
                      " freed AS (UPDATE @.jetbase_lock SET " LOCK_CLEAR " WHERE id" EQ "1 RETURNING id),"
                      " noted AS (UPDATE @.jetbase_runs r SET " UNLOCKED("$1", "$2") " FROM held h WHERE r.process_id" TEXT EQ "h.id)"
                      " SELECT " COUNT("freed") ", " TELL("freed"),
    [PG_UNLOCK_ANY_PLAIN] = "WITH freed AS (UPDATE @.jetbase_lock SET " LOCK_CLEAR " WHERE id" EQ "1 RETURNING id) SELECT " COUNT("freed") ", " TELL("freed"),
    /* $1 from $2 outcome $3 detail */
    [PG_RELEASE] = "WITH freed AS (UPDATE @.jetbase_lock k SET " LOCK_CLEAR " WHERE " NAMES("k.", "$1") " RETURNING k.id),"
                   " noted AS (UPDATE @.jetbase_runs SET outcome = $2" TEXT ", detail = $3" TEXT ", released_at = " NOW " WHERE process_id" EQ "$1" TEXT " AND outcome IS NULL)"
                   " SELECT " COUNT("freed") ", " TELL("freed"),

    /* $1 days: rows of runs that began longer ago by the server's clock, but for the run that the lock names, every row that names a half-applied file, and a run whose witness is held */
    [PG_PRUNE] = "WITH gone AS (DELETE FROM @.jetbase_runs r WHERE " IS_OLD " AND NOT EXISTS (SELECT 1 FROM @.jetbase_lock k WHERE " NAMES("k.", "r.process_id") ")"
                 " AND (r.file IS NULL OR r.file" NE "ALL (SELECT r.file FROM @.jetbase_runs r WHERE r.file IS NOT NULL AND " UNFINISHED "))"
                 " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE " IS_WITNESS_OF_RUN ") RETURNING 1) SELECT " COUNT("gone"),
    [PG_PRUNE_KEPT] = "SELECT pg_catalog.count(*) FROM @.jetbase_runs r WHERE " IS_OLD,

    [PG_LOOK_LOCK] = "SELECT is_locked, process_id, " STORED("locked_at") " FROM @.jetbase_lock WHERE id" EQ "1",
    [PG_LOOK_RUN] = RUN_SELECT "WHERE r.process_id" TEXT EQ "(SELECT k.process_id" TEXT " FROM @.jetbase_lock k WHERE k.id" EQ "1 AND k.is_locked)",
    [PG_LOOK_LAST] = RUN_SELECT "WHERE NOT EXISTS (SELECT 1 FROM @.jetbase_lock k WHERE k.id" EQ "1 AND k.is_locked) AND r.outcome IS NOT NULL"
                     " ORDER BY r.acquired_at DESC LIMIT 1",
    /* $1 process ID or NULL, $2 limit or NULL */
    [PG_RUNS] = RUN_SELECT "WHERE $1" TEXT " IS NULL OR r.process_id" TEXT EQ "$1" TEXT " ORDER BY r.acquired_at DESC LIMIT $2::pg_catalog.int8",
    [PG_HISTORY] = HISTORY_COLUMNS "@.jetbase_migrations",
    [PG_UNFINISHED] = RUN_COLUMNS ", EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE " IS_WITNESS_OF_RUN ") FROM @.jetbase_runs r WHERE " UNFINISHED " ORDER BY r.acquired_at DESC",
    /* whether there is one at all, which costs the server a fifth of the question above */
    [PG_UNFINISHED_ANY] = "SELECT EXISTS (SELECT FROM @.jetbase_runs r WHERE " UNFINISHED ")",
    /* Asked before the schema is known, so by name alone: the tables' numbers, which come with an answer's columns, tell whose they are. $1 lock_timeout, $2 statement_timeout, $3 search_path, each NULL where it stays */
    [PG_EARLY_LIMITS] = "SELECT " LOCAL_UNLESS_NULL("lock_timeout", "$1") ", " LOCAL_UNLESS_NULL("statement_timeout", "$2") ", " LOCAL_UNLESS_NULL("search_path", "$3"),
    [PG_EARLY_HISTORY] = HISTORY_COLUMNS "jetbase_migrations",
    [PG_EARLY_RUNS] = "SELECT r.process_id FROM jetbase_runs r WHERE " UNFINISHED " LIMIT 1",
    [PG_INVALID] = "SELECT pg_catalog.quote_ident(n.nspname)" CAT "'.'" CAT "pg_catalog.quote_ident(c.relname)" CAT "' on '" CAT "pg_catalog.quote_ident(tn.nspname)" CAT "'.'" CAT "pg_catalog.quote_ident(t.relname)"
                   " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid" EQ "i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid" EQ "c.relnamespace"
                   " JOIN pg_catalog.pg_class t ON t.oid" EQ "i.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid" EQ "t.relnamespace"
                   " WHERE NOT i.indisvalid AND c.relkind" EQ "'i' ORDER BY 1 LIMIT 20",
    [PG_LISTEN] = "LISTEN jetbase_lock",

    /* $1 schema: each table of ours that is locked whole, or about to be, the session, whether it has the lock, and who that is */
    [PG_TABLE_LOCKERS] = "SELECT c.relname, l.pid, l.granted, a.usename, a.application_name, a.state FROM pg_catalog.pg_locks l"
                        " JOIN pg_catalog.pg_class c ON c.oid" EQ "l.relation JOIN pg_catalog.pg_namespace n ON n.oid" EQ "c.relnamespace"
                        " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid" EQ "l.pid WHERE l.locktype" EQ "'relation' AND l.database" EQ THIS_DATABASE
                        " AND l.mode" EQ "'AccessExclusiveLock' AND n.nspname" TEXT EQ "$1" TEXT " AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
                        " AND c.relname" TEXT EQ "ANY (ARRAY['jetbase_migrations', 'jetbase_lock', 'jetbase_runs']" TEXT "[]) ORDER BY l.granted DESC, l.pid LIMIT 3",
    /* $1 session */
    [PG_SESSION] = "SELECT " ACTIVITY("a") " FROM pg_catalog.pg_stat_activity a WHERE a.pid" EQ "$1" INT,
    [PG_SESSION_BLOCKERS] = "SELECT p.pid, " ACTIVITY("b") " FROM (SELECT DISTINCT pg_catalog.unnest(pg_catalog.pg_blocking_pids($1" INT ")) AS pid) p"
                            " LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid" EQ "p.pid LIMIT 8",
    /* $1 session, $2 start of the server that it is on: as PG_SESSION_BLOCKERS, with its statement, when that began, and whether its text is cut; one row without anybody where it runs and does not wait for a lock, none where nothing runs */
    [PG_WAITS_FOR] = "SELECT p.pid, " ACTIVITY("b") ", w.query, " MICROSECONDS("w.query_start") ", pg_catalog.octet_length(w.query) OPERATOR(pg_catalog.>=)"
                     " (SELECT s.setting::pg_catalog.int4 OPERATOR(pg_catalog.-) 4 FROM pg_catalog.pg_settings s WHERE s.name" EQ "'track_activity_query_size') FROM pg_catalog.pg_stat_activity w"
                     " LEFT JOIN LATERAL (SELECT DISTINCT pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS pid WHERE w.wait_event_type" EQ "'Lock') p ON true"
                     " LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid" EQ "p.pid WHERE w.pid" EQ "$1" INT " AND (w.wait_event_type IS NULL OR w.wait_event_type" NE "'Client')"
                     " AND " SERVER_START EQ "$2" TEXT " LIMIT 4",
    [PG_SESSION_BEHIND] = "SELECT pg_catalog.count(DISTINCT l.pid) FROM pg_catalog.pg_locks l WHERE NOT l.granted AND $1" INT EQ "ANY (pg_catalog.pg_blocking_pids(l.pid))",
    /* of the lock that it waits for: type, mode, object */
    [PG_SESSION_AWAITED] = "SELECT l.locktype, l.mode, CASE WHEN c.relkind" EQ "'r' OR c.relkind" EQ "'p' THEN 'table ' WHEN c.relkind" EQ "'i' OR c.relkind" EQ "'I' THEN 'index ' ELSE '' END"
                           CAT "c.oid::pg_catalog.regclass" TEXT " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid" EQ "l.relation AND l.database" EQ THIS_DATABASE
                           " WHERE NOT l.granted AND l.pid" EQ "$1" INT " LIMIT 1",
    /* PostgreSQL 12 and later */
    [PG_SESSION_PROGRESS] = "SELECT p.phase, CASE WHEN p.blocks_total OPERATOR(pg_catalog.>) 0 THEN " PERCENT("blocks") " WHEN p.tuples_total OPERATOR(pg_catalog.>) 0 THEN " PERCENT("tuples")
                            " END FROM pg_catalog.pg_stat_progress_create_index p WHERE p.pid" EQ "$1" INT,
    /* $1 how many at most. Tables of the system, which everybody reads, tell nothing; who only reads comes last. */
    [PG_LOCKERS] = "SELECT h.pid, " ACTIVITY("a") " FROM (SELECT l.pid, pg_catalog.bool_or(l.mode OPERATOR(pg_catalog.<>) 'AccessShareLock') AS writes FROM pg_catalog.pg_locks l"
                   " JOIN pg_catalog.pg_class c ON c.oid" EQ "l.relation JOIN pg_catalog.pg_namespace n ON n.oid" EQ "c.relnamespace WHERE l.locktype" EQ "'relation' AND l.granted AND l.database" EQ THIS_DATABASE
                   " AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() AND n.nspname" TEXT " OPERATOR(pg_catalog.<>) ALL (ARRAY['pg_catalog', 'pg_toast', 'information_schema']" TEXT "[]) GROUP BY l.pid) h"
                   " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid" EQ "h.pid ORDER BY h.writes DESC, h.pid LIMIT $1" INT,
    /* The preflight: rows of state, words, and what the command that shows or ends it is about, as it is written in SQL (pg_preflight.c has the commands: whoever reads the server's log for them shall not find them here). */
    [PG_PREFLIGHT_STANDBY] = "SELECT 'blocks', 'the server is a standby: it takes no writes', 'Connect to its primary' WHERE pg_catalog.pg_is_in_recovery()",
    /* $1 names of tables, as they are written in SQL */
    [PG_PREFLIGHT_LOCKS] = "SELECT CASE WHEN NOT l.granted OR a.state" TEXT LIKE "'idle in transaction%' OR a.query" TEXT LIKE "'autovacuum:%to prevent wraparound%' OR l.strong THEN 'blocks'"
                           " WHEN a.state IS NULL AND a.query" TEXT EQ "'<insufficient privilege>' THEN 'hidden' ELSE 'warn' END,"
                           " pg_catalog.format('session %s (%s, %s)%s %s %s on %s, its transaction is %s s old', l.pid, COALESCE(a.usename" TEXT ", 'user hidden'), COALESCE(NULLIF(a.state, ''), a.backend_type, 'state hidden'),"
                           " CASE WHEN a.query" TEXT LIKE "'autovacuum:%to prevent wraparound%' THEN ', an autovacuum to prevent wraparound, which does not give way,' ELSE '' END, CASE WHEN l.granted THEN 'holds' ELSE 'waits for' END, l.modes, l.name,"
                           " COALESCE(pg_catalog.date_part('epoch', " NOW MINUS "a.xact_start)::pg_catalog.int8" TEXT ", 'hidden'))" TEXT ","
                           " l.pid"
                           " FROM (SELECT r.pid, r.granted, r.modes, r.strong, pg_catalog.array_to_string((pg_catalog.array_agg(r.name ORDER BY r.oid))[1:6], ', ')"
                           CAT "CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.>) 6 THEN pg_catalog.format(' and %s more', pg_catalog.count(*)" MINUS "6) ELSE '' END AS name"
                           " FROM (SELECT k.pid, k.granted, t.oid, t.oid::pg_catalog.regclass" TEXT " AS name, pg_catalog.string_agg(DISTINCT " MODE_WORDS("k.mode") ", ', ') AS modes,"
                           " pg_catalog.bool_or(k.mode" TEXT NE "ALL (ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock']" TEXT "[])) AS strong"
                           " FROM " NAMED_TABLES " AS t"
                           " JOIN pg_catalog.pg_locks k ON k.locktype" EQ "'relation' AND k.relation" EQ "t.oid AND k.database" EQ THIS_DATABASE
                           " WHERE k.pid" NE "pg_catalog.pg_backend_pid() GROUP BY k.pid, k.granted, t.oid) AS r GROUP BY r.pid, r.granted, r.modes, r.strong) AS l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid" EQ "l.pid"
                           " WHERE a.backend_type IS NULL OR a.backend_type" NE "'autovacuum worker' OR a.query" TEXT LIKE "'autovacuum:%to prevent wraparound%' ORDER BY 1, l.pid LIMIT 20",
    /* $1 as above */
    [PG_PREFLIGHT_PREPARED] = "SELECT CASE WHEN h.tables IS NULL THEN 'warn' ELSE 'blocks' END, pg_catalog.format('prepared transaction %s of %s, %s s old%s', x.gid, x.owner,"
                              " pg_catalog.date_part('epoch', " NOW MINUS "x.prepared)::pg_catalog.int8, COALESCE(', holds locks on '" CAT "h.tables, ''))," 
                              " pg_catalog.quote_literal(x.gid) FROM pg_catalog.pg_prepared_xacts x LEFT JOIN pg_catalog.pg_locks i ON i.pid IS NULL AND i.locktype" EQ "'transactionid' AND i.transactionid" TEXT EQ "x.transaction" TEXT
                              " LEFT JOIN (SELECT k.virtualtransaction, pg_catalog.string_agg(DISTINCT t.oid::pg_catalog.regclass" TEXT ", ', ') AS tables"
                              " FROM " NAMED_TABLES " AS t"
                              " JOIN pg_catalog.pg_locks k ON k.locktype" EQ "'relation' AND k.relation" EQ "t.oid AND k.database" EQ THIS_DATABASE " WHERE k.pid IS NULL GROUP BY k.virtualtransaction) AS h"
                              " ON h.virtualtransaction" EQ "i.virtualtransaction WHERE x.database" TEXT EQ "pg_catalog.current_database()" TEXT " ORDER BY x.prepared LIMIT 20",
    [PG_PREFLIGHT_IDLE] = "(SELECT 'warn', pg_catalog.format('session %s (%s, %s) is idle in a transaction that is %s s old', a.pid, a.usename, COALESCE(NULLIF(a.application_name, ''), 'no application name'),"
                          " pg_catalog.date_part('epoch', " NOW MINUS "a.xact_start)::pg_catalog.int8), a.pid" TEXT ""
                          " FROM pg_catalog.pg_stat_activity a WHERE a.datname" TEXT EQ "pg_catalog.current_database()" TEXT " AND a.state" TEXT LIKE "'idle in transaction%' AND a.pid" NE "pg_catalog.pg_backend_pid() ORDER BY a.xact_start LIMIT 10)"
                          " UNION ALL SELECT 'hidden', pg_catalog.format('%s sessions of other roles do not show this role what they do', pg_catalog.count(*)), pg_catalog.quote_ident(current_user)"
                          " FROM pg_catalog.pg_stat_activity a WHERE a.datname" TEXT EQ "pg_catalog.current_database()" TEXT " AND a.state IS NULL AND a.query" TEXT EQ "'<insufficient privilege>' HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0",
    [PG_PREFLIGHT_SLOTS] = "SELECT 'warn', pg_catalog.format('replication slot %s (%s) is %s MB behind: the server keeps that WAL on its disk', s.slot_name, CASE WHEN s.active THEN 'active' ELSE 'nobody reads it' END,"
                           " (s.behind OPERATOR(pg_catalog./) 1048576)::pg_catalog.int8), pg_catalog.quote_literal(s.slot_name)"
                           " FROM (SELECT r.slot_name, r.active, pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, r.restart_lsn) AS behind"
                           " FROM pg_catalog.pg_replication_slots r) AS s WHERE s.behind OPERATOR(pg_catalog.>) 1073741824::pg_catalog.numeric ORDER BY s.behind DESC LIMIT 20",
    [PG_PREFLIGHT_CONNECTIONS] = "SELECT 'warn', pg_catalog.format('%s of %s connections are taken', c.used, c.most), 'SELECT * FROM pg_stat_activity;' FROM (SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a"
                                 " WHERE a.datname IS NOT NULL) AS used, pg_catalog.current_setting('max_connections')::pg_catalog.int8"
                                 MINUS "CASE WHEN pg_catalog.current_setting('is_superuser')" EQ "'on' THEN 0::pg_catalog.int8 ELSE pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8 END AS most) AS c WHERE (c.used OPERATOR(pg_catalog.*) 10) OPERATOR(pg_catalog.>=) (c.most OPERATOR(pg_catalog.*) 9)",
    /* $1 process ID, $2, $3 halves of its key */
    [PG_SESSION_END] = "SELECT pg_catalog.pg_terminate_backend(r.session_pid) FROM @.jetbase_lock k JOIN @.jetbase_runs r ON r.process_id" TEXT EQ "k.process_id" TEXT
                       " WHERE " NAMES("k.", "$1") " AND r.witness" EQ "'pg' AND EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE " IS_KEY("$2", "$3") " AND l.pid" EQ "r.session_pid)",
    /* $4 blocker */
    [PG_BLOCKER_CANCEL] = "SELECT pg_catalog.pg_cancel_backend(a.pid)" BLOCKER(" AND a.state" EQ "'active'"),
    [PG_BLOCKER_END] = "SELECT pg_catalog.pg_terminate_backend(a.pid)" BLOCKER(""),

    /* Fixed for ever: "jetbase!" in ASCII. */
    [PG_CREATION_LOCK] = "SELECT pg_catalog.pg_advisory_xact_lock(7666661906558706977)",
    [PG_CREATE_MIGRATIONS] = "CREATE TABLE IF NOT EXISTS @.jetbase_migrations (order_executed INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version VARCHAR(255),"
                             " description VARCHAR(500) NOT NULL, filename VARCHAR(512) NOT NULL, migration_type VARCHAR(32) NOT NULL,"
                             " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL, checksum VARCHAR(64) NOT NULL)",
    [PG_CREATE_LOCK] = "CREATE TABLE IF NOT EXISTS @.jetbase_lock (id INTEGER PRIMARY KEY CHECK (id" EQ "1), is_locked BOOLEAN NOT NULL DEFAULT FALSE,"
                       " locked_at TIMESTAMP, process_id VARCHAR(36))",
    [PG_CREATE_LOCK_ROW] = "INSERT INTO @.jetbase_lock (id, is_locked) VALUES (1, FALSE) ON CONFLICT DO NOTHING",
    [PG_CREATE_RUNS] = "CREATE TABLE IF NOT EXISTS @.jetbase_runs (process_id text PRIMARY KEY, host text, pid int, os_user text, program text, command text, session_pid int,"
                       " witness text, acquired_at timestamptz, file text, no_transaction boolean, statements int, started_statement int, done_statement int, last_done text,"
                       " released_at timestamptz, outcome text, detail text, unlocked_by text, unlocked_at timestamptz, unlock_reason text, resolution text, resolved_by text,"
                       " resolved_at timestamptz, prefix text)",
    [PG_ALTER_RUNS] = "ALTER TABLE @.jetbase_runs " RUNS_COLUMN("host", "text") RUNS_NEXT("pid", "int") RUNS_NEXT("os_user", "text") RUNS_NEXT("program", "text")
                      RUNS_NEXT("command", "text") RUNS_NEXT("session_pid", "int") RUNS_NEXT("witness", "text") RUNS_NEXT("acquired_at", "timestamptz")
                      RUNS_NEXT("file", "text") RUNS_NEXT("no_transaction", "boolean") RUNS_NEXT("statements", "int") RUNS_NEXT("started_statement", "int")
                      RUNS_NEXT("done_statement", "int") RUNS_NEXT("last_done", "text") RUNS_NEXT("released_at", "timestamptz") RUNS_NEXT("outcome", "text")
                      RUNS_NEXT("detail", "text") RUNS_NEXT("unlocked_by", "text") RUNS_NEXT("unlocked_at", "timestamptz") RUNS_NEXT("unlock_reason", "text")
                      RUNS_NEXT("resolution", "text") RUNS_NEXT("resolved_by", "text") RUNS_NEXT("resolved_at", "timestamptz") RUNS_NEXT("prefix", "text"),
    /* the role's quoted name follows */
    [PG_GRANT] = "GRANT SELECT, INSERT, UPDATE, DELETE ON @.jetbase_migrations, @.jetbase_lock, @.jetbase_runs TO ",
    [PG_CREATE_INDEX] = "CREATE UNIQUE INDEX IF NOT EXISTS jetbase_migrations_version_key ON @.jetbase_migrations (version) WHERE migration_type::pg_catalog.text" EQ "'VERSIONED'",
};

/* The text with the schema put in for each "@". */
static char *with_schema(const char *text, const char *schema)
{
    size_t places = 0, len = strlen(schema);
    for (const char *c = text; *c; c++)
        places += *c == '@';
    char *out = malloc(strlen(text) + places * len + 1), *to = out;
    if (!out)
        return NULL;
    for (const char *c = text; *c; c++) {
        if (*c != '@') {
            *to++ = *c;
            continue;
        }
        memcpy(to, schema, len);
        to += len;
    }
    *to = '\0';
    return out;
}

bool pg_sql_fill(char *texts[PG_SQL_TEXTS], const char *quoted_schema)
{
    for (int i = 0; i < PG_SQL_TEXTS; i++)
        if (!(texts[i] = with_schema(texts_of[i], quoted_schema)))
            return false;
    return true;
}

void pg_sql_free(char *texts[PG_SQL_TEXTS])
{
    for (int i = 0; i < PG_SQL_TEXTS; i++) {
        free(texts[i]);
        texts[i] = NULL;
    }
}

const char *pg_sql_fixed(enum pg_sql which)
{
    return texts_of[which];
}
