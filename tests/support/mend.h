/* mend.h: a project with applied migrations to be mended by fix, and what is said and looked at around it. */
#ifndef JETBASE_TESTS_MEND_H
#define JETBASE_TESTS_MEND_H

#include "run.h"

/* Jetbase's words. */
#define MEND_VALID "All migration checksums are valid - no altered upgrade statements detected.\n"
#define MEND_NO_FILES_MISSING "No missing migration files.\n"
#define MEND_ALL_FILES "All migrations have corresponding files.\n"
#define MEND_NOT_APPLIED "No migrations have been applied; nothing to repair.\n"
#define MEND_COMPLETED "Fix completed successfully.\n"
#define MEND_AUDIT "JETBASE - Checksum Audit Report\n----------------------------------------\nChanges detected in the following migration versions:\n"
#define MEND_HELD "error: Migration lock is already held by another process.\n"

/* The process ID of another program that holds the lock. */
#define MEND_OTHER "11111111-2222-3333-4444-555555555555"

/* Opens a sandbox with versions 1 (users), 2 (items) and 10 (orders), RA__seed.sql and ROC__v.sql, all applied. */
void mend_open(struct sandbox *sb, enum sandbox_kind kind);
/* Removes migrations/NAME. */
void mend_remove(const struct sandbox *sb, const char *name);
/* Gives V1__users.sql another checksum. */
void mend_change_first(const struct sandbox *sb);
/* All of history as one text; to be freed. */
char *mend_history(const struct sandbox *sb);
/* Fails the test unless history is still `before`, which is freed. */
void mend_unchanged(const struct sandbox *sb, char *before);
/* MEND_OTHER takes the lock. */
void mend_lock_by_other(const struct sandbox *sb);
/* How many ended runs of that command and outcome jetbase_runs has. */
int64_t mend_runs(const struct sandbox *sb, const char *command, const char *outcome);

#endif
