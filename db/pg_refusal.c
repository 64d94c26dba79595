/* pg_refusal.c: why a connection was not had: did a server refuse it, or is none there yet? */
#include <ctype.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

/* The SQLSTATE behind "FATAL:  " (two blanks), or NULL: "28P01: ". */
static char *state_at(char *from)
{
    for (char *at = strstr(from, ":  "); at; at = strstr(at + 1, ":  ")) {
        size_t n = 0;
        while (n < 5 && (isdigit((unsigned char)at[3 + n]) || isupper((unsigned char)at[3 + n])))
            n++;
        if (n == 5 && strncmp(at + 8, ": ", 2) == 0)
            return at + 3;
    }
    return NULL;
}

void pg_refusal(char *said, char state[6])
{
    char *at = said, *place;
    state[0] = '\0';
    while ((at = state_at(at))) {
        text_copy(state, 6, at);
        memmove(at, at + 7, strlen(at + 7) + 1);
    }
    while ((place = strstr(said, "\nLOCATION:  "))) {
        size_t len = 1 + strcspn(place + 1, "\n");
        memmove(place, place + len, strlen(place + len) + 1);
    }
}

bool pg_not_up(const char *state, const char *said, bool needs_password)
{
    /* starting up or in recovery, too many connections, shutting down, crashed */
    static const char *const passing[] = { "57P03", "53300", "57P01", "57P02" };
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strcmp(state, passing[i]) == 0)
            return true;
    if (state[0] || needs_password)
        return false;
    /* Without a SQLSTATE the server's words are all there is (several hosts are tried by the library alone). */
    return !strstr(said, "FATAL:") || strstr(said, "the database system is ");
}
