/* curses_late.h: ncurses, loaded by the first console: a command has nothing to draw. */
#ifndef JETBASE_UI_CURSES_LATE_H
#define JETBASE_UI_CURSES_LATE_H

#ifndef NCURSES_WIDECHAR
#define NCURSES_WIDECHAR 1
#endif
#include <curses.h>
#include <term.h>

#include "error.h"

/* Before any other call of ncurses. False with ERR_CONFIG: it can't be loaded; nothing was done. */
bool curses_load(struct error *err);

#ifdef LATE_NCURSES

/* What is used of it, variables first: a call of another function does not link. */
#define CURSES_LATE(X) \
    X(COLORS) \
    X(stdscr) \
    X(clearok) \
    X(curs_set) \
    X(def_prog_mode) \
    X(delscreen) \
    X(endwin) \
    X(flushinp) \
    X(getmouse) \
    X(has_colors) \
    X(init_pair) \
    X(keypad) \
    X(leaveok) \
    X(mouseinterval) \
    X(mousemask) \
    X(newterm) \
    X(nodelay) \
    X(noecho) \
    X(nonl) \
    X(raw) \
    X(reset_prog_mode) \
    X(resizeterm) \
    X(set_escdelay) \
    X(setcchar) \
    X(setupterm) \
    X(start_color) \
    X(tigetstr) \
    X(typeahead) \
    X(use_default_colors) \
    X(wadd_wch) \
    X(wget_wch) \
    X(wmove) \
    X(wrefresh)

#define LATE_FIELD(name) __typeof__(&name) name;
extern struct curses_late {
    CURSES_LATE(LATE_FIELD)
} curses_late;
#undef LATE_FIELD

#define COLORS (*curses_late.COLORS)
#define stdscr (*curses_late.stdscr)
#define clearok curses_late.clearok
#define curs_set curses_late.curs_set
#define def_prog_mode curses_late.def_prog_mode
#define delscreen curses_late.delscreen
#define endwin curses_late.endwin
#define flushinp curses_late.flushinp
#define getmouse curses_late.getmouse
#define has_colors curses_late.has_colors
#define init_pair curses_late.init_pair
#define keypad curses_late.keypad
#define leaveok curses_late.leaveok
#define mouseinterval curses_late.mouseinterval
#define mousemask curses_late.mousemask
#define newterm curses_late.newterm
#define nodelay curses_late.nodelay
#define noecho curses_late.noecho
#define nonl curses_late.nonl
#define raw curses_late.raw
#define reset_prog_mode curses_late.reset_prog_mode
#define resizeterm curses_late.resizeterm
#define set_escdelay curses_late.set_escdelay
#define setcchar curses_late.setcchar
#define setupterm curses_late.setupterm
#define start_color curses_late.start_color
#define tigetstr curses_late.tigetstr
#define typeahead curses_late.typeahead
#define use_default_colors curses_late.use_default_colors
#define wadd_wch curses_late.wadd_wch
#define wget_wch curses_late.wget_wch
#define wmove curses_late.wmove
#define wrefresh curses_late.wrefresh

#endif

#endif
