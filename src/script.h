/* script.h: what a section of a migration file will do when it runs: checked whole before anything is sent. */
#ifndef JETBASE_SCRIPT_H
#define JETBASE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "migration.h"

/* Facts found by checking a section whole. Plain data. */
struct script_facts {
    unsigned statements;       /* that run: without a left-out BEGIN and COMMIT and SET TRANSACTION */
    enum db_isolation isolation;   /* of its own BEGIN or leading SET TRANSACTION */
    bool deferrable;
    bool wrapped;              /* one BEGIN … COMMIT around the whole section, left out */
    bool colons;               /* some `\:` was rewritten */
    bool foreign_keys_off;     /* SQLite: the directive foreign-keys=off */
    bool out_of_order;         /* the directive of that name: its version may be below the latest applied */
    int lock_timeout_ms, statement_timeout_ms; /* for this file, by its directives; 0: those of the run */
    bool outside;              /* runs outside a transaction: by its directive, or a single statement that can't run in one */
};

/* What a check keeps of the file that it reads. most: a larger one is not kept. text: filled by the check; the caller's, whose bytes it frees; none where nothing was kept. */
struct script_kept {
    size_t most; /* bytes */
    struct section_text text;
};

/* Checks a whole section (RUNNING: Refused before anything is sent). False: ERR_REFUSED with file, line, column, source line and a way out; or a read error. */
bool script_check(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script_facts *out, struct error *err);
/* The same, keeping a small file's bytes, where the check is good. kept: MAY be NULL. */
bool script_check_and_keep(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script_facts *out, struct script_kept *kept, struct error *err);

/* The same for an upgrade section, and in the same reading both sums of the file, into m, with its state when it was opened. Only of a file of no more than `most` bytes, else false. Whatever is amiss, in the statements, in what the sums are made of or at reading: false, and it is not said which; nothing is told of the file then. kept: as above; MAY be NULL. */
bool script_check_and_sum(struct migration *m, off_t most, enum scan_dialect dialect, bool standard_strings, struct script_facts *out, struct stat *st, struct script_kept *kept);

/* Runs through the statements that are to be sent, in order. */
struct script;
/* Opens it. What is left out is judged again as it is read: the file may have changed since script_check(). */
bool script_open(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script **out, struct error *err);
/* The same from bytes that were read before, which it takes over: *text is none then. */
bool script_open_text(const struct migration *m, struct section_text *text, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, struct script **out, struct error *err);
/* The next statement to send: left-out ones are passed over. In a file with the directive no-transaction its own BEGIN and COMMIT are sent too. */
enum scan_answer script_next(struct script *script, struct scan_statement *out, struct error *err);
/* The text of the statement that was read last isn't needed any more: gives back its memory, where it is much. */
void script_drop_text(struct script *script);
/* Where the statement that was read last stands (files outside a transaction). */
enum db_block script_block(const struct script *script);
/* True where the bytes of the file are still those that were hashed (m->raw), to be asked after SCAN_END. False: ERR_PLAN, or a read error. */
bool script_unchanged(struct script *script, struct error *err);
/* Closes. NULL is allowed. */
void script_close(struct script *script);

/* Whether the file's head says that its version may be below the latest applied. False: read error. */
bool script_out_of_order(const struct migration *m, bool *allowed, struct error *err);
/* What a person should know of how a file runs, each with a comma before it: ", outside a transaction, lock timeout 2 s"; or "". */
void script_facts_words(const struct script_facts *facts, char *to, size_t size);

/* A place that was counted in a statement as it was sent, moved to where it is in the file: `\:word` is sent as `:word`. start: of that statement. Leaves it as it is where the file can't be read. */
void script_mend_place(const char *path, const struct place *start, struct place *at);

/* Fills err->source and caret from the file's own line at err->place, where the file can be read. */
void script_show_place(const char *path, struct error *err);

#endif
