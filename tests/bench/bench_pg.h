/* bench_pg.h: what the bench of PostgreSQL and its limit program share. */
#ifndef JETBASE_TESTS_BENCH_PG_H
#define JETBASE_TESTS_BENCH_PG_H

#include <stdbool.h>
#include <stddef.h>

enum { BENCH_PG_STATEMENTS = 6 };

/* Writes statement s (0 to BENCH_PG_STATEMENTS - 1) of migration n, without a semicolon. tables: the migration makes a table, an index, rows; else it writes to a table `bench` that is there. */
void bench_pg_statement(char *to, size_t size, int n, int s, bool tables);

/* The limit programs; give the exit code.
 * upgrade CONNINFO COUNT tables|rows: COUNT migrations, one transaction each, in pipeline mode: BEGIN, the witness and settings of the driver's head, the statements, its reset, fence, history row, run row; COMMIT goes with the next BEGIN, once their answers are good: COUNT + 1 waits after connecting. The lock and a run row of the process ID LIMIT must be there.
 * bare CONNINFO COUNT tables|rows: the same without the 12 statements of head and reset, which keep each file apart from the next one.
 * files CONNINFO FOLDER: connects, hashes the folder's files, reads the whole history by one query, ends.
 * history CONNINFO: connects, reads the whole history by one query, ends.
 * one CONNINFO: connects, asks SELECT 1, ends. */
int bench_pg_limit(int argc, char **argv);
/* The process ID of the limit's run, for the rows that it needs. */
#define BENCH_PG_LIMIT_ID "00000000-0000-4000-8000-000000000001"

#endif
