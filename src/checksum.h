/* checksum.h: Jetbase's checksum, to the letter (its own line rules decide what it hashes, not our scanner). */
#ifndef JETBASE_CHECKSUM_H
#define JETBASE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define CHECKSUM_SIZE 65 /* 64 lower-case hex digits and NUL */

struct checksum; /* fed with a file's bytes in pieces; memory is bounded by the longest statement */

/* Starts one. NULL where memory ran out. */
struct checksum *checksum_open(void);
/* Feeds `len` bytes of the file, in order. False: ERR_REFUSED for invalid UTF-8 (Jetbase fails there too), ERR_NO_MEMORY. */
bool checksum_feed(struct checksum *sum, const char *bytes, size_t len, struct error *err);
/* Ends it: hex gets Jetbase's checksum of the upgrade section, raw (may be NULL) the SHA-256 of all bytes, both as hex. Frees it. */
bool checksum_close(struct checksum *sum, char hex[CHECKSUM_SIZE], char raw[CHECKSUM_SIZE], struct error *err);

/* Frees one that nobody wants to know any more. NULL is allowed. */
void checksum_drop(struct checksum *sum);

/* SHA-256 of a block, as hex. */
void sha256_hex(const void *bytes, size_t len, char hex[CHECKSUM_SIZE]);

#endif
