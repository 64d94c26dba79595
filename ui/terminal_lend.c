/* terminal_lend.c: what the terminal does for others: its clipboard, and its loan to a pager or an editor. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "curses_late.h"
#include "terminal.h"
#include "text.h"

/* Types that read OSC 52, or pass it over in silence. Others (vt100, linux) would print it. */
static bool reads_osc(void)
{
    static const char *const known[] = { "xterm", "tmux", "screen", "rxvt", "alacritty", "foot", "kitty", "wezterm", "st-", "iterm", "konsole", "gnome", "vte", "contour", "ghostty" };
    const char *name = getenv("TERM");
    for (size_t i = 0; name && i < sizeof known / sizeof known[0]; i++)
        if (strncmp(name, known[i], strlen(known[i])) == 0)
            return true;
    return false;
}

bool terminal_copy(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *s = (const unsigned char *)text;
    size_t len = strlen(text);
    if (!reads_osc())
        return false;
    fputs("\033]52;c;", stdout);
    for (size_t i = 0; i < len; i += 3) {
        unsigned long bits = (unsigned long)s[i] << 16 | (i + 1 < len ? (unsigned long)s[i + 1] << 8 : 0) | (i + 2 < len ? s[i + 2] : 0);
        putchar(digits[bits >> 18 & 63]);
        putchar(digits[bits >> 12 & 63]);
        putchar(i + 1 < len ? digits[bits >> 6 & 63] : '=');
        putchar(i + 2 < len ? digits[bits & 63] : '=');
    }
    fputs("\a", stdout);
    fflush(stdout);
    return true;
}

/* The child gets the signals as a program expects them: none blocked, none ignored. */
static int start(pid_t *pid, const char *command, const char *path)
{
    extern char **environ;
    struct text line = { 0 };
    posix_spawnattr_t attr;
    sigset_t none, usual;
    int failed;
    text_printf(&line, "%s \"$1\"", command);
    char *argv[] = { "sh", "-c", line.at, "sh", (char *)path, NULL };
    if (line.failed)
        return ENOMEM;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGQUIT);
    sigaddset(&usual, SIGTSTP);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    failed = posix_spawn(pid, "/bin/sh", NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    text_free(&line);
    return failed;
}

/* Stops with a child that was stopped, as a shell expects of the whole job, and goes on with it. */
static int wait_for(pid_t pid)
{
    int status = 0;
    for (;;) {
        pid_t got = waitpid(pid, &status, WUNTRACED);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || !WIFSTOPPED(status))
            return status;
        raise(SIGSTOP);
        kill(pid, SIGCONT);
    }
}

/* Ctrl-C, Ctrl-\ and Ctrl-Z were typed for the child: what they left pending here was not meant for us. */
static void forget_signals(void)
{
    static const struct timespec now = { 0, 0 };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTSTP);
    while (sigtimedwait(&set, NULL, &now) > 0)
        ;
}

bool terminal_lend(const char *command, const char *path, char *why, size_t size)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, kept;
    char shown[120];
    pid_t pid;
    int failed, status = 0;
    text_visible(shown, sizeof shown, command);
    def_prog_mode();
    endwin();
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGQUIT, &ignore, &kept);
    failed = start(&pid, command, path);
    if (!failed)
        status = wait_for(pid);
    sigaction(SIGQUIT, &kept, NULL);
    forget_signals();
    reset_prog_mode();
    clearok(stdscr, TRUE);
    refresh();
    if (failed)
        snprintf(why, size, "%s can't be started: %s", shown, strerror(failed));
    else if (WIFSIGNALED(status))
        snprintf(why, size, "%s was ended by signal %d", shown, WTERMSIG(status));
    else if (WEXITSTATUS(status) == 127)
        snprintf(why, size, "%s was not found; set PAGER or EDITOR", shown);
    else if (WEXITSTATUS(status) != 0)
        snprintf(why, size, "%s ended with %d", shown, WEXITSTATUS(status));
    else
        return true;
    return false;
}
