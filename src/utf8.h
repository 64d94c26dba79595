/* utf8.h: strict UTF-8, checked piece by piece. */
#ifndef JETBASE_UTF8_H
#define JETBASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Where a check stands between two pieces. Zero-initialise. */
struct utf8 {
    unsigned char need;      /* bytes of the open character that are still to come */
    unsigned char low, high; /* bounds of the next one */
};

/* Checks `len` more bytes as RFC 3629 has it (no overlong forms, no surrogates, nothing above U+10FFFF). Returns the index of the first wrong byte, or len. */
size_t utf8_check(struct utf8 *state, const char *bytes, size_t len);

/* True where all of a block is valid and no character is cut at its end. */
bool utf8_valid(const char *bytes, size_t len);

/* Writes a code point as UTF-8 to `to` (at least 4 bytes). Returns the number of bytes, 0 for surrogates and values above U+10FFFF. */
size_t utf8_put(char *to, unsigned long code);

#endif
