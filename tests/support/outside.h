/* outside.h: a file of five statements outside a transaction, what is said of it where it was left half applied, and the ways out. */
#ifndef JETBASE_TESTS_OUTSIDE_H
#define JETBASE_TESTS_OUTSIDE_H

#include "run.h"

enum { OUTSIDE_STATEMENTS = 5 };

/* Writes V1 (a table `log`) and V2: every statement leaves its number there, but the third, which can't run in a transaction. */
void outside_five(const struct sandbox *sb);
/* How many rows the history has of a version. */
int64_t outside_applied(const struct sandbox *sb, const char *version);
/* Waits until no living run holds the lock: the backend of a killed client ends by itself. */
void outside_until_dead(const struct sandbox *sb);
/* What status and resolve say of V2, half applied; fails unless they agree with each other and with what is in the database, and no other run starts. */
void outside_inspect(const struct sandbox *sb, int *done, int *started);
/* Ends V2 (0: --from, 1: --mark-applied, 2: --mark-rolled-back), and fails unless history and database then agree and the next upgrade ends well. */
void outside_way_out(const struct sandbox *sb, int way, int done);
/* Waits until a query gives that number. */
void outside_until(const struct sandbox *sb, const char *sql, int64_t wanted);

#endif
