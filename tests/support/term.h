/* term.h: runs the program under test in a pseudo-terminal and reads its screen through libvterm, as a person would. */
#ifndef JETBASE_TESTS_TERM_H
#define JETBASE_TESTS_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A terminal with a program in it. */
struct term;

/* Can a pseudo-terminal be opened here? A bare chroot may have no /dev/pts. */
bool term_possible(void);
/* Starts argv (NULL-terminated, argv[0] is the program) in folder `dir` on a terminal of that size, with the variables `env` ("A=b", NULL-terminated, or NULL) added to TERM=xterm-256color, LC_ALL=C.UTF-8, TZ=UTC. Fails the test where it can't. */
struct term *term_start(int rows, int cols, const char *dir, const char *const argv[], const char *const env[]);
/* Waits until the text stands on the screen (within one row). Fails the test, with the screen, where it does not within the deadline. */
void term_wait_for(struct term *term, const char *text);
/* Waits until the text stands nowhere on the screen. */
void term_wait_gone(struct term *term, const char *text);
/* Types bytes. */
void term_key(struct term *term, const char *keys);
/* A row of the screen, from 0, with its blanks; valid until the next call. */
const char *term_row(struct term *term, int row);
/* Writes the screen as an SVG picture to that file, with its colours. Fails the test where it can't. */
void term_picture(struct term *term, const char *path, const char *title);
/* Does the text stand on the screen now? */
bool term_has(struct term *term, const char *text);
/* Takes what the program sends, waiting timeout_ms for it. False: nothing came. */
bool term_wait_bytes(struct term *term, int timeout_ms);
/* Changes the size of the terminal; the program is told. */
void term_resize(struct term *term, int rows, int cols);
/* Clears the screen behind the program's back. */
void term_scribble(struct term *term);
/* The program's process. */
pid_t term_pid(const struct term *term);
/* Is the alternate screen shown? Is the cursor visible? */
bool term_alternate(const struct term *term);
bool term_cursor(const struct term *term);
/* Are the terminal's modes (echo, line mode …) those from before the program started? */
bool term_modes_restored(const struct term *term);
/* All bytes that the program has sent so far; *len tells how many. */
const char *term_bytes(const struct term *term, size_t *len);
/* Has the program ended? term_wait_end tells how. */
bool term_ended(struct term *term);
/* Waits for the program's end: exit code, or 128 + signal. */
int term_wait_end(struct term *term);
/* Types q until the program ends, as a person does: what is typed while a dialog goes is thrown away with it. Returns as term_wait_end. */
int term_quit(struct term *term);
/* Kills the program where it still runs, and frees. */
void term_free(struct term *term);

#endif
