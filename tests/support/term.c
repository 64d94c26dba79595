/* term.c: a pseudo-terminal with the program under test at one end and libvterm at the other. */
#include "term.h"

#include "svg.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>
#include <vterm.h>

enum { DEADLINE_MS = 60000, QUIT_AGAIN_MS = 3000, ROW_SIZE = 2000, CUBE_FIRST = 16, CUBE_END = 232, TERM_PIECE = 8192 };

struct term {
    pid_t pid;
    int fd, slave;        /* the program's end is held open, so that its modes can be read after its end */
    VTerm *vt;
    VTermScreen *screen;
    int rows, cols;
    bool alternate, cursor;
    bool reaped;
    int status;
    struct termios before;
    char row[ROW_SIZE];
    char *bytes;
    size_t len, cap;
    char rest[4];         /* the beginning of a character whose end is still to come */
    size_t rest_len;
};

static int on_property(VTermProp property, VTermValue *value, void *user)
{
    struct term *t = user;
    if (property == VTERM_PROP_ALTSCREEN)
        t->alternate = value->boolean;
    if (property == VTERM_PROP_CURSORVISIBLE)
        t->cursor = value->boolean;
    return 1;
}

static const VTermScreenCallbacks callbacks = { .settermprop = on_property };

static void make_screen(struct term *t)
{
    t->vt = vterm_new(t->rows, t->cols);
    assert_non_null(t->vt);
    vterm_set_utf8(t->vt, 1);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_reset(t->screen, 1);
    t->alternate = false;
    t->cursor = true;
}

static void child(const char *dir, const char *const argv[], const char *const env[])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if ((dir && chdir(dir) != 0) || setenv("TERM", "xterm-256color", 1) != 0 || setenv("LC_ALL", "C.UTF-8", 1) != 0 || setenv("TZ", "UTC", 1) != 0)
        _exit(126);
    unsetenv("LINES");
    unsetenv("COLUMNS");
    unsetenv("NO_COLOR");
    for (; env && *env; env++)
        if (putenv((char *)(uintptr_t)*env) != 0)
            _exit(126);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

bool term_possible(void)
{
    int fd, slave;
    if (openpty(&fd, &slave, NULL, NULL, NULL) != 0)
        return false;
    close(fd);
    close(slave);
    return true;
}

struct term *term_start(int rows, int cols, const char *dir, const char *const argv[], const char *const env[])
{
    struct term *t = calloc(1, sizeof *t);
    struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
    assert_non_null(t);
    t->rows = rows;
    t->cols = cols;
    make_screen(t);
    assert_int_equal(openpty(&t->fd, &t->slave, NULL, NULL, &size), 0);
    assert_int_equal(tcgetattr(t->slave, &t->before), 0);
    assert_int_equal(fcntl(t->fd, F_SETFD, FD_CLOEXEC), 0);
    assert_int_equal(fcntl(t->slave, F_SETFD, FD_CLOEXEC), 0);
    t->pid = fork();
    assert_true(t->pid >= 0);
    if (t->pid == 0) {
        if (login_tty(t->slave) != 0)
            _exit(126);
        child(dir, argv, env);
    }
    return t;
}

static void keep(struct term *t, const char *bytes, size_t len)
{
    if (t->len + len > t->cap) {
        t->cap = (t->len + len) * 2;
        t->bytes = realloc(t->bytes, t->cap);
        assert_non_null(t->bytes);
    }
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

/* TERM_DRIP: so many bytes at most in one piece, 0 without it. A test that acts on half a picture then does so each time, not only on a busy machine. */
static size_t drip(void)
{
    const char *bytes = getenv("TERM_DRIP");
    return bytes ? strtoul(bytes, NULL, 10) : 0;
}

/* How many bytes at the end of these begin a character that is not whole. */
static size_t begun(const char *bytes, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)bytes[len - back];
        if ((c & 0xc0) == 0x80)
            continue;
        return (c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1) > back ? back : 0;
    }
    return 0;
}

/* Gives whole characters to the terminal: libvterm can lose its place in half a one. */
static void show_bytes(struct term *t, const char *bytes, size_t len)
{
    char whole[sizeof t->rest + TERM_PIECE];
    size_t left;
    memcpy(whole, t->rest, t->rest_len);
    memcpy(whole + t->rest_len, bytes, len);
    len += t->rest_len;
    left = begun(whole, len);
    vterm_input_write(t->vt, whole, len - left);
    memcpy(t->rest, whole + len - left, left);
    t->rest_len = left;
}

/* Reads what the program has sent, waiting up to timeout_ms for it. False: there was nothing. */
static bool take(struct term *t, int timeout_ms)
{
    struct pollfd p = { .fd = t->fd, .events = POLLIN };
    char bytes[TERM_PIECE];
    size_t most = drip();
    ssize_t got;
    if (poll(&p, 1, timeout_ms) <= 0 || (got = read(t->fd, bytes, most > 0 && most < sizeof bytes ? most : sizeof bytes)) <= 0)
        return false;
    keep(t, bytes, (size_t)got);
    show_bytes(t, bytes, (size_t)got);
    /* Answers to what the program asked the terminal. */
    got = (ssize_t)vterm_output_read(t->vt, bytes, sizeof bytes);
    if (got > 0)
        assert_int_equal(write(t->fd, bytes, (size_t)got), got);
    return true;
}

/* Has the program ended? */
static bool ended(struct term *t)
{
    if (!t->reaped)
        t->reaped = waitpid(t->pid, &t->status, WNOHANG) == t->pid;
    return t->reaped;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t put_utf8(uint32_t ch, char *to)
{
    if (ch < 0x80)
        return (size_t)snprintf(to, 5, "%c", (int)ch);
    if (ch < 0x800)
        return (size_t)snprintf(to, 5, "%c%c", (int)(0xc0 | ch >> 6), (int)(0x80 | (ch & 0x3f)));
    if (ch < 0x10000)
        return (size_t)snprintf(to, 5, "%c%c%c", (int)(0xe0 | ch >> 12), (int)(0x80 | (ch >> 6 & 0x3f)), (int)(0x80 | (ch & 0x3f)));
    return (size_t)snprintf(to, 5, "%c%c%c%c", (int)(0xf0 | ch >> 18), (int)(0x80 | (ch >> 12 & 0x3f)), (int)(0x80 | (ch >> 6 & 0x3f)), (int)(0x80 | (ch & 0x3f)));
}

const char *term_row(struct term *t, int row)
{
    size_t used = 0;
    for (int col = 0; col < t->cols && used + 8 < sizeof t->row; col++) {
        VTermScreenCell cell;
        uint32_t ch = ' ';
        if (vterm_screen_get_cell(t->screen, (VTermPos){ .row = row, .col = col }, &cell))
            ch = cell.chars[0] ? cell.chars[0] : ' ';
        if (ch == 0xffffffff)
            continue; /* the right half of a wide character */
        used += put_utf8(ch, t->row + used);
    }
    t->row[used] = '\0';
    return t->row;
}

static struct svg_colour colour_of(const VTermScreen *screen, VTermColor colour, bool own)
{
    if (own)
        return (struct svg_colour){ .given = false };
    if (VTERM_COLOR_IS_INDEXED(&colour) && colour.indexed.idx >= CUBE_FIRST && colour.indexed.idx < CUBE_END) {
        /* The steps of xterm and most others; libvterm's own are darker. */
        static const uint8_t steps[6] = { 0, 95, 135, 175, 215, 255 };
        int at = colour.indexed.idx - CUBE_FIRST;
        return (struct svg_colour){ .given = true, .red = steps[at / 36], .green = steps[at / 6 % 6], .blue = steps[at % 6] };
    }
    vterm_screen_convert_color_to_rgb(screen, &colour);
    return (struct svg_colour){ .given = true, .red = colour.rgb.red, .green = colour.rgb.green, .blue = colour.rgb.blue };
}

static struct svg_cell picture_cell(const struct term *t, int row, int col)
{
    VTermScreenCell cell;
    struct svg_cell to = { .width = 1 };
    if (!vterm_screen_get_cell(t->screen, (VTermPos){ .row = row, .col = col }, &cell))
        return to;
    to.width = cell.chars[0] == 0xffffffff ? 0 : cell.width;
    for (int i = 0; i < SVG_CHARS && to.width && i < VTERM_MAX_CHARS_PER_CELL; i++)
        to.chars[i] = cell.chars[i];
    to.bold = cell.attrs.bold;
    to.reverse = cell.attrs.reverse;
    to.underline = cell.attrs.underline;
    to.fg = colour_of(t->screen, cell.fg, VTERM_COLOR_IS_DEFAULT_FG(&cell.fg));
    to.bg = colour_of(t->screen, cell.bg, VTERM_COLOR_IS_DEFAULT_BG(&cell.bg));
    return to;
}

void term_picture(struct term *t, const char *path, const char *title)
{
    struct svg_cell *cells = calloc((size_t)t->rows * (size_t)t->cols, sizeof *cells);
    FILE *out = fopen(path, "we");
    if (!out)
        fail_msg("%s can't be written", path);
    assert_non_null(cells);
    for (int row = 0; row < t->rows; row++)
        for (int col = 0; col < t->cols; col++)
            cells[row * t->cols + col] = picture_cell(t, row, col);
    assert_true(svg_write(out, cells, t->rows, t->cols, title));
    assert_int_equal(fclose(out), 0);
    free(cells);
}

/* Is it on the screen, as far as that was read? */
static bool shows(struct term *t, const char *text)
{
    for (int row = 0; row < t->rows; row++)
        if (strstr(term_row(t, row), text))
            return true;
    return false;
}

bool term_has(struct term *t, const char *text)
{
    while (take(t, 0))
        ;
    return shows(t, text);
}

static void show(struct term *t)
{
    for (int row = 0; row < t->rows; row++)
        print_error("|%s|\n", term_row(t, row));
}

static void wait_until(struct term *t, const char *text, bool there)
{
    int64_t until = now_ms() + DEADLINE_MS;
    while ((drip() ? shows(t, text) : term_has(t, text)) != there) {
        bool over = ended(t);
        if (!take(t, over ? 0 : 200) && (over || now_ms() >= until)) {
            show(t);
            fail_msg("%s the screen%s: %s", there ? "not on" : "still on", over ? " when the program ended" : "", text);
        }
    }
}

void term_wait_for(struct term *t, const char *text)
{
    wait_until(t, text, true);
}

void term_wait_gone(struct term *t, const char *text)
{
    wait_until(t, text, false);
}

bool term_wait_bytes(struct term *t, int timeout_ms)
{
    bool any = take(t, timeout_ms);
    while (any && take(t, 0))
        ;
    return any;
}

void term_key(struct term *t, const char *keys)
{
    assert_int_equal(write(t->fd, keys, strlen(keys)), strlen(keys));
}

void term_resize(struct term *t, int rows, int cols)
{
    struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
    while (take(t, 0))
        ;
    t->rows = rows;
    t->cols = cols;
    vterm_set_size(t->vt, rows, cols);
    assert_int_equal(ioctl(t->fd, TIOCSWINSZ, &size), 0);
}

void term_scribble(struct term *t)
{
    static const char clear[] = "\033[2J";
    while (take(t, 0))
        ;
    vterm_input_write(t->vt, clear, sizeof clear - 1);
}

pid_t term_pid(const struct term *t)
{
    return t->pid;
}

bool term_alternate(const struct term *t)
{
    return t->alternate;
}

bool term_cursor(const struct term *t)
{
    return t->cursor;
}

bool term_modes_restored(const struct term *t)
{
    struct termios now;
    assert_int_equal(tcgetattr(t->slave, &now), 0);
    return now.c_iflag == t->before.c_iflag && now.c_oflag == t->before.c_oflag && now.c_cflag == t->before.c_cflag && now.c_lflag == t->before.c_lflag;
}

const char *term_bytes(const struct term *t, size_t *len)
{
    *len = t->len;
    return t->bytes;
}

bool term_ended(struct term *t)
{
    return ended(t);
}

int term_wait_end(struct term *t)
{
    int64_t until = now_ms() + DEADLINE_MS;
    while (!ended(t)) {
        take(t, 50);
        if (now_ms() >= until) {
            show(t);
            fail_msg("the program does not end");
        }
    }
    while (take(t, 0))
        ;
    return WIFSIGNALED(t->status) ? 128 + WTERMSIG(t->status) : WEXITSTATUS(t->status);
}

int term_quit(struct term *t)
{
    int64_t until = now_ms() + DEADLINE_MS;
    while (!ended(t) && now_ms() < until) {
        int64_t again = now_ms() + QUIT_AGAIN_MS;
        term_key(t, "q");
        while (!ended(t) && now_ms() < again)
            take(t, 50);
    }
    return term_wait_end(t);
}

void term_free(struct term *t)
{
    if (!t->reaped) {
        kill(t->pid, SIGKILL);
        waitpid(t->pid, &t->status, 0);
    }
    close(t->fd);
    close(t->slave);
    vterm_free(t->vt);
    free(t->bytes);
    free(t);
}
