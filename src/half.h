/* half.h: files outside a transaction that were started and not ended: which they are, and what is known of their statements. */
#ifndef JETBASE_HALF_H
#define JETBASE_HALF_H

#include "history.h"

/* The newest run that left `file` half applied, or NULL. */
const struct run_row *half_of(const struct history *history, const char *file);
/* Was it the rollback section that was left so? */
bool half_in_rollback(const struct run_row *row);
/* What is known of its statements, in words: "statement 1 is done, statement 2 may have run, statements 3 to 5 were not run". */
void half_words(const struct run_row *row, char *to, size_t size);
/* Do the statements that the row calls done stand in the file still as they were sent? *same is false too where the row does not tell. False: the file can't be read. */
bool half_same(const struct run_row *row, const struct migration *m, enum scan_dialect dialect, bool standard_strings, bool *same, struct error *err);
/* Refuses (ERR_HISTORY) a run beside a half-applied file: what it is and the way out. False where there is one. */
bool half_none(const struct history *history, struct error *err);

#endif
