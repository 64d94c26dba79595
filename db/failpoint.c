/* failpoint.c: places where tests stop or kill the program. */
#include "failpoint.h"

#ifdef JETBASE_FAILPOINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static unsigned passed;

/* Splits "name[:n]=action"; false where it is about another place. */
static int wanted(const char *spec, const char *name, unsigned *nth, const char **action)
{
    size_t len = strlen(name);
    if (strncmp(spec, name, len) != 0)
        return 0;
    spec += len;
    *nth = 1;
    if (*spec == ':') {
        char *end;
        *nth = (unsigned)strtoul(spec + 1, &end, 10);
        spec = end;
    }
    if (*spec != '=')
        return 0;
    *action = spec + 1;
    return 1;
}

void failpoint_pass(const char *name)
{
    const char *spec = getenv("JETBASE_FAILPOINT"), *action;
    unsigned nth;
    if (!spec || !wanted(spec, name, &nth, &action) || ++passed != nth)
        return;
    raise(strcmp(action, "stop") == 0 ? SIGSTOP : SIGKILL);
}

int failpoint_ms(const char *name, int usual_ms)
{
    const char *spec = getenv("JETBASE_FAILPOINT_MS"), *value;
    unsigned nth;
    return spec && wanted(spec, name, &nth, &value) ? (int)strtol(value, NULL, 10) : usual_ms;
}
#else
typedef int failpoint_not_built; /* ISO C wants a declaration in each file */
#endif
