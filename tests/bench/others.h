/* others.h: the same migrations as projects of other tools, which the benches measure beside where they are installed. */
#ifndef JETBASE_TESTS_OTHERS_H
#define JETBASE_TESTS_OTHERS_H

#include <stddef.h>

enum other { OTHER_DBMATE, OTHER_SQITCH, OTHER_ALEMBIC, OTHERS };

/* Its program's name. */
const char *other_name(enum other which);
/* Writes DIR/NAME, a project of `count` migrations of `parts` statements; statement() writes the part-th of the n-th, both from 0 and 1 on, without `;`. */
void other_write(enum other which, const char *dir, int count, int parts, void (*statement)(char *to, size_t size, int n, int part));

/* How it is run. Strings are its own. */
struct other_command {
    char dir[300], url[240], variable[260];
    const char *argv[10], *env[5]; /* NULL-terminated */
};
/* The command that applies the project of other_write() to the PostgreSQL database of that URL, to be run in command->dir. */
void other_command(enum other which, const char *dir, const char *url, struct other_command *command);

#endif
