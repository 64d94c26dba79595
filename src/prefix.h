/* prefix.h: a fingerprint of a section's first statements, so that the numbers kept of a half-applied file are known to mean the same statements still. */
#ifndef JETBASE_PREFIX_H
#define JETBASE_PREFIX_H

#include "script.h"

/* A fingerprint that grows by a statement at a time. */
struct prefix;

/* Of no statement. NULL where memory ran out. Free with prefix_close(). */
struct prefix *prefix_open(void);
/* Takes one more statement in, as it is sent. */
void prefix_add(struct prefix *prefix, const struct scan_statement *statement);
/* Writes it as hex; more may be added afterwards. */
void prefix_hex(const struct prefix *prefix, char hex[CHECKSUM_SIZE]);
/* Frees it. NULL is allowed. */
void prefix_close(struct prefix *prefix);

/* That of the first `count` statements of a section as the file has them now. False: a read error, memory, or there are fewer (hex is "" then and *err untouched). */
bool prefix_of(const struct migration *m, enum section_kind kind, enum scan_dialect dialect, bool standard_strings, unsigned count, char hex[CHECKSUM_SIZE], struct error *err);

#endif
