/* script_private.h: what the parts of script share. */
#ifndef JETBASE_SCRIPT_PRIVATE_H
#define JETBASE_SCRIPT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "migration.h"
#include "script.h"

/* What was seen of a section so far. */
struct script_judge {
    const struct migration *m;
    enum scan_dialect dialect;
    struct script_facts facts;
    bool begun, committed;        /* its own BEGIN, and COMMIT, were seen */
    unsigned keys_off;            /* so many PRAGMA foreign_keys = OFF are the first statements; nothing else has run while they are all */
    bool keys_on;                 /* behind these, the last statement is PRAGMA foreign_keys = ON */
    bool set_modes;               /* a leading SET TRANSACTION was seen */
    bool alone;                   /* the file has the directive no-transaction */
    enum db_block block;          /* alone: where the last statement stands */
    struct place begin, commit;
};

/* Judges one statement. *send: it goes to the server (else it is left out). False: refused, *err filled. why: the place of what made it of its class. */
bool script_judge(struct script_judge *j, const struct scan_statement *statement, const struct place *why, bool *send, struct error *err);
/* The same for a file with the directive no-transaction. */
bool script_judge_alone(struct script_judge *j, const struct scan_statement *statement, bool *send, struct error *err);
/* Refuses: message, hint, place and source line. Always false. */
bool script_refuse(const struct script_judge *j, const struct place *at, const char *message, const char *hint, struct error *err);
/* Judges the end of the section. */
bool script_judge_end(const struct script_judge *j, struct error *err);
/* Puts the directives at the file's head into the facts; refuses unknown ones, and those that this program can't follow. */
bool script_judge_directives(struct script_judge *j, const struct section *section, struct error *err);

#endif
