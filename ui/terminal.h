/* terminal.h: the terminal: what is behind it alone knows ncurses. Restores it on every way out, a crash included. One thread only. */
#ifndef JETBASE_UI_TERMINAL_H
#define JETBASE_UI_TERMINAL_H

#include "draw.h"
#include "error.h"

/* Takes the terminal on standard input and output. False with ERR_CONFIG and nothing changed: no terminal, TERM unknown or unable, smaller than rows x cols. */
bool terminal_open(int least_rows, int least_cols, struct error *err);
/* Gives it back as it was. May be called again. */
void terminal_close(void);
/* Its size now, in cells. */
void terminal_size(int *rows, int *cols);
/* Takes a new size over. */
void terminal_resize(int rows, int cols);
/* Shows the picture; only what differs from what is there is sent. */
void terminal_show(const struct canvas *canvas);
/* The next terminal_show() draws everything anew. */
void terminal_forget(void);
/* The next key that is waiting, UK_NONE where none is. */
int terminal_key(void);
/* What the mouse did, after UK_MOUSE, and in which cell. */
enum terminal_mouse { TERMINAL_MOUSE_NONE, TERMINAL_MOUSE_PRESS, TERMINAL_MOUSE_UP, TERMINAL_MOUSE_DOWN };
enum terminal_mouse terminal_mouse(int *row, int *col);
/* Sends a text to the terminal's clipboard (OSC 52). False, and nothing is sent, where its type is not known to read that. */
bool terminal_copy(const char *text);
/* Gives the terminal to `command` (a shell's words, as in $EDITOR) with that file, waits for its end and takes the terminal back. False: it could not be started or failed; why says so. */
bool terminal_lend(const char *command, const char *path, char *why, size_t size);
/* Throws away keys that were typed ahead. */
void terminal_flush_input(void);
/* Stops the program as Ctrl-Z does elsewhere; returns once it goes on. SIGTSTP may be blocked. */
void terminal_suspend(void);

#endif
