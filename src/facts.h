/* facts.h: what migration files say, kept between two looks at the same file: the console's, and a run's two plans, before the lock and under it. A migration is run from the file as it is then; the upgrade of a small one in a transaction from the bytes that were checked, where the file has not been touched since. */
#ifndef JETBASE_FACTS_H
#define JETBASE_FACTS_H

#include "script.h"

/* As migration_hash() and script_check() of the upgrade section; but the file is read only where its size, times and inode are not those of the last reading of it, or where it had changed so shortly before that reading that it may have changed again at the same size and time. facts: those that the pending list tells, or refused. Both false with *err as the reading failed. */
bool facts_hash(struct migration *m, struct error *err);
bool facts_check(struct migration *m, enum scan_dialect dialect, bool standard_strings, struct script_facts *facts, struct error *err);
/* Both, the sum first: what it says of a fault goes before what the check says. A file is read once for the two, a large one twice at once, by a thread too. */
bool facts_both(struct migration *m, enum scan_dialect dialect, bool standard_strings, struct script_facts *facts, struct error *err);
/* Hashes a file before it is needed, for the first facts_hash() after it, which asks nothing more of the file. Only a file of no more than 1 MB that nothing is known of; where it can't be read, facts_hash() tells. Several threads may do this, each with other files. */
void facts_ahead(struct migration *m);
/* As facts_ahead() where that may have been a while ago: what has changed since is hashed anew. */
void facts_settle(struct migration *m);
/* Does what facts_both() needs before it asks for it, for the first one after this. Several threads may do this, each with other files. */
void facts_both_ahead(struct migration *m, enum scan_dialect dialect, bool standard_strings);
/* Has the file been checked, in whatever state it was then? */
bool facts_checked(const struct migration *m);
/* Gives the bytes of the file as they were checked, where they were kept (folder_keep_texts()), are those of m->raw, and size, times and inode of the file are still the same; the caller's, once. False: *text is none. */
bool facts_take_text(struct migration *m, struct section_text *text);
/* How many bytes are kept of the file; they count against m->room from now on, which the caller sees to. */
size_t facts_charge(struct migration *m);
/* What was hashed ahead, and not asked for yet, is too old now: each file is asked from here on. */
void facts_unsettle(struct folder *folder);
/* Takes over what is known of the files of another reading of the same folder, which forgets it. before: MAY be NULL. */
void facts_carry(struct folder *now, struct folder *before);
/* Frees what is known of one file. NULL is allowed. */
void facts_free(struct facts *facts);

#endif
