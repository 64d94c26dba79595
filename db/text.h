/* text.h: growing strings, and making foreign text safe to show. */
#ifndef JETBASE_DB_TEXT_H
#define JETBASE_DB_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing string, always NUL-terminated once something was added. Zero-initialise; free with text_free(). failed: memory ran out, content is incomplete (sticky). */
struct text {
    char *at;
    size_t len, cap;
    bool failed;
};

/* Appends `len` bytes. */
void text_add(struct text *t, const char *bytes, size_t len);
/* Appends a NUL-terminated string. */
void text_puts(struct text *t, const char *s);
/* Appends printf-style. */
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Empties the text but keeps its memory. */
void text_reset(struct text *t);
/* Keeps the first `len` bytes, where there are more. */
void text_shorten(struct text *t, size_t len);
/* Takes away the first `len` bytes, all where there are fewer. Keeps its memory. */
void text_cut(struct text *t, size_t len);
/* Frees and zeroes. */
void text_free(struct text *t);
/* The content as a string, "" where nothing was added. Never NULL. */
const char *text_string(const struct text *t);

/* Copies src to dst (size bytes, always NUL-terminated, cut at a character boundary) with control bytes (also C1, DEL) shown as visible text: "^[" for ESC, a blank for TAB and line ends, U+FFFD for invalid UTF-8 and for characters that change the direction of text. Everything from a file or a database passes through here before it reaches a terminal. */
void text_visible(char *dst, size_t size, const char *src);
/* As text_visible, appended to t. */
void text_add_visible(struct text *t, const char *src, size_t len);

/* strdup that accepts NULL (gives NULL). NULL also where memory ran out. */
char *text_dup(const char *s);
/* snprintf-like copy that always terminates and never splits a UTF-8 character. Returns true where everything fitted. */
bool text_copy(char *dst, size_t size, const char *src);

/* How many characters (code points) the first `len` bytes of UTF-8 hold; invalid bytes count one each. */
size_t text_chars(const char *s, size_t len);
/* The byte offset of the `chars`-th character (0-based), at most len. */
size_t text_offset(const char *s, size_t len, size_t chars);

#endif
