/* terminal.c: shows pictures on the terminal and reads keys from it, through ncurses; gives the terminal back whatever happens. */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "curses_late.h"
#include "keys.h"
#include "terminal.h"

enum { ESC_DELAY_MS = 25, PAIR_GOOD = 1, PAIR_WARN = 2, PAIR_BAD = 3, MANY_COLORS = 256, DARK_GREEN = 28, DARK_ORANGE = 130, DARK_RED = 160 };

static SCREEN *screen;
static attr_t attrs[STYLE_COUNT];
static short pairs[STYLE_COUNT];

/* What a dying program sends: made ready while it is well, since little may be called from a signal handler. */
static char last_words[256];
static size_t last_words_len;
static struct termios before;
static volatile sig_atomic_t taken;
static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static struct sigaction fatal_before[sizeof fatal / sizeof fatal[0]];

static void add_last_words(const char *capability)
{
    char *text = tigetstr(capability);
    size_t len = text && text != (char *)-1 ? strlen(text) : 0;
    if (len && last_words_len + len < sizeof last_words) {
        memcpy(last_words + last_words_len, text, len);
        last_words_len += len;
    }
}

/* Calls nothing but async-signal-safe functions. */
static void on_fatal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (taken) {
        taken = 0;
        if (write(STDOUT_FILENO, last_words, last_words_len) < 0)
            errno = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        if (fatal[i] == number)
            sigaction(number, &fatal_before[i], NULL);
    /* A fault of this very instruction happens again on return, and then to whoever was there before us. */
    if (info->si_code <= 0 || number == SIGABRT)
        raise(number);
}

static void catch_fatal(void)
{
    struct sigaction action = { .sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        sigaction(fatal[i], &action, &fatal_before[i]);
}

static void choose_styles(void)
{
    const char *no_color = getenv("NO_COLOR");
    bool colors = has_colors() && !(no_color && *no_color);
    attrs[STYLE_BOLD] = attrs[STYLE_FRAME_FOCUS] = attrs[STYLE_CHOSEN] = A_BOLD;
    attrs[STYLE_HEADER] = A_REVERSE;
    attrs[STYLE_DIM] = A_DIM;
    attrs[STYLE_WARN] = attrs[STYLE_BAD] = A_BOLD;
    attrs[STYLE_NORMAL] = attrs[STYLE_FRAME] = attrs[STYLE_GOOD] = A_NORMAL;
    memset(pairs, 0, sizeof pairs);
    if (!colors || start_color() != OK)
        return;
    /* The person's own background stays, where the terminal can leave it. */
    short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
    /* Whether that is dark or light is not known: these can be read on both, which yellow can't. */
    bool many = COLORS >= MANY_COLORS;
    init_pair(PAIR_GOOD, many ? DARK_GREEN : COLOR_GREEN, background);
    init_pair(PAIR_WARN, many ? DARK_ORANGE : COLOR_MAGENTA, background);
    init_pair(PAIR_BAD, many ? DARK_RED : COLOR_RED, background);
    pairs[STYLE_GOOD] = PAIR_GOOD;
    pairs[STYLE_WARN] = PAIR_WARN;
    pairs[STYLE_BAD] = PAIR_BAD;
}

static bool too_small(int rows, int cols, int least_rows, int least_cols, struct error *err)
{
    if (rows >= least_rows && cols >= least_cols)
        return false;
    error_set(err, ERR_CONFIG, "the console needs a terminal of at least %dx%d; this one is %dx%d", least_cols, least_rows, cols, rows);
    error_hint(err, "Without it: jetbase status, jetbase lock-status.");
    return true;
}

/* Is TERM known, and can it do what a screen needs? */
static bool known(struct error *err)
{
    const char *name = getenv("TERM");
    int answer = 0;
    if (!name || !*name) {
        error_set(err, ERR_CONFIG, "TERM is not set: the console can't tell what this terminal can do");
    } else if (setupterm(NULL, STDOUT_FILENO, &answer) != OK && answer != 1) {
        error_set(err, ERR_CONFIG, "the terminal type %.60s (TERM) is not known here", name);
    } else if (!tigetstr("cup") || !tigetstr("clear")) {
        error_set(err, ERR_CONFIG, "a terminal of type %.60s (TERM) can't show a screen", name);
    } else {
        return true;
    }
    return error_hint(err, "Set TERM to the terminal's type, for instance xterm-256color. Without a console: jetbase status, jetbase lock-status.");
}

static void make_ready_last_words(void)
{
    last_words_len = 0;
    add_last_words("sgr0");
    add_last_words("rmkx");
    add_last_words("cnorm");
    add_last_words("rmcup");
    taken = 1;
    catch_fatal();
}

bool terminal_open(int least_rows, int least_cols, struct error *err)
{
    struct winsize size = { 0 };
    int rows, cols;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0) {
        error_set(err, ERR_CONFIG, "the console needs a terminal on standard input and output");
        return error_hint(err, "Without one: jetbase status, jetbase lock-status, jetbase upgrade.");
    }
    setlocale(LC_CTYPE, "");
    if (!curses_load(err) || !known(err))
        return false;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col && too_small(size.ws_row, size.ws_col, least_rows, least_cols, err))
        return false;
    draw_use_ascii(strcmp(nl_langinfo(CODESET), "UTF-8") != 0);
    screen = newterm(NULL, stdout, stdin);
    if (!screen)
        return error_set(err, ERR_CONFIG, "the terminal can't be used for the console");
    make_ready_last_words();
    atexit(terminal_close);
    /* Ctrl-C and Ctrl-Z too come as keys, in their turn: as signals they overtake keys, and the terminal throws away what it has yet to show. A slip on Ctrl-S would stop the screen while keys went on doing what nobody sees. */
    raw();
    noecho();
    nonl();
    set_escdelay(ESC_DELAY_MS);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    typeahead(-1); /* no half picture because a key came */
    leaveok(stdscr, FALSE);
    curs_set(0);
    mouseinterval(0);
    /* Only where the terminal itself tells of its mouse: elsewhere ncurses would load a library for that of a Linux console. */
    if (strncmp(getenv("TERM"), "linux", 5) != 0)
        mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
    choose_styles();
    getmaxyx(stdscr, rows, cols);
    if (!too_small(rows, cols, least_rows, least_cols, err))
        return true;
    terminal_close();
    return false;
}

void terminal_close(void)
{
    if (!screen)
        return;
    endwin();
    taken = 0;
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        sigaction(fatal[i], &fatal_before[i], NULL);
    delscreen(screen);
    screen = NULL;
}

void terminal_size(int *rows, int *cols)
{
    struct winsize size = { 0 };
    getmaxyx(stdscr, *rows, *cols);
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
        *rows = size.ws_row;
        *cols = size.ws_col;
    }
}

void terminal_resize(int rows, int cols)
{
    resizeterm(rows, cols);
    clearok(stdscr, TRUE);
}

void terminal_show(const struct canvas *canvas)
{
    for (int row = 0; row < canvas->rows; row++)
        for (int col = 0; col < canvas->cols; col++) {
            const struct cell *cell = &canvas->cells[row * canvas->cols + col];
            wchar_t text[2 + CELL_MARKS] = { (wchar_t)cell->ch };
            cchar_t shown;
            for (int i = 0; i < CELL_MARKS; i++)
                text[1 + i] = (wchar_t)cell->marks[i];
            if (cell->ch && setcchar(&shown, text, attrs[cell->style], pairs[cell->style], NULL) == OK)
                mvadd_wch(row, col, &shown);
        }
    refresh();
}

void terminal_forget(void)
{
    clearok(stdscr, TRUE);
}

int terminal_key(void)
{
    wint_t got = 0;
    switch (get_wch(&got)) {
    case OK:
        return got == '\r' || got == '\n' ? UK_ENTER : got == 0x7f || got == 8 ? UK_BACKSPACE : (int)got;
    case KEY_CODE_YES:
        break;
    default:
        return UK_NONE;
    }
    switch (got) {
    case KEY_UP: return UK_UP;
    case KEY_DOWN: return UK_DOWN;
    case KEY_LEFT: return UK_LEFT;
    case KEY_RIGHT: return UK_RIGHT;
    case KEY_PPAGE: return UK_PAGE_UP;
    case KEY_NPAGE: return UK_PAGE_DOWN;
    case KEY_HOME: return UK_HOME;
    case KEY_END: return UK_END;
    case KEY_BTAB: return UK_BACK_TAB;
    case KEY_BACKSPACE: return UK_BACKSPACE;
    case KEY_ENTER: return UK_ENTER;
    case KEY_MOUSE: return UK_MOUSE;
    default: return UK_OTHER;
    }
}

enum terminal_mouse terminal_mouse(int *row, int *col)
{
    MEVENT event;
    if (getmouse(&event) != OK)
        return TERMINAL_MOUSE_NONE;
    *row = event.y;
    *col = event.x;
    if (event.bstate & BUTTON1_PRESSED)
        return TERMINAL_MOUSE_PRESS;
    return event.bstate & BUTTON4_PRESSED ? TERMINAL_MOUSE_UP : event.bstate & BUTTON5_PRESSED ? TERMINAL_MOUSE_DOWN : TERMINAL_MOUSE_NONE;
}

void terminal_flush_input(void)
{
    flushinp();
}

void terminal_suspend(void)
{
    struct sigaction stop = { .sa_handler = SIG_DFL }, kept;
    sigset_t only, mask;
    def_prog_mode();
    endwin();
    sigemptyset(&stop.sa_mask);
    sigaction(SIGTSTP, &stop, &kept);
    sigemptyset(&only);
    sigaddset(&only, SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &only, &mask);
    raise(SIGTSTP);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGTSTP, &kept, NULL);
    reset_prog_mode();
    clearok(stdscr, TRUE);
}
