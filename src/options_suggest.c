/* options_suggest.c: which word of a list was meant by a mistyped one. */
#include <limits.h>
#include <string.h>

#include "options_private.h"

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* How many letters are wrong, missing, too many or swapped. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][OPTIONS_WORD + 1];
    size_t la = strlen(a), lb = strlen(b);
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *row = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            row[j] = smallest(up[j] + 1, row[j - 1] + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < row[j])
                row[j] = up2[j - 2] + 1;
        }
    }
    return rows[la % 3][lb];
}

const char *options_nearest(const char *word, const char *(*next)(void *user), void *user)
{
    size_t len = strlen(word);
    unsigned best = len > 5 ? 3 : len > 2 ? 2 : 1;
    const char *found = NULL;
    for (const char *name; len > 0 && len <= OPTIONS_WORD && (name = next(user)) != NULL;) {
        size_t name_len = strlen(name);
        unsigned far = name_len > OPTIONS_WORD ? UINT_MAX : distance(word, name);
        if (name_len > len && len > 2 && strncmp(word, name, len) == 0)
            far = 1;
        if (far <= best && (!found || far < best)) {
            best = far;
            found = name;
        }
    }
    return found;
}
