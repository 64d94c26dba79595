/* console.h: the console as the front door sees it. */
#ifndef JETBASE_UI_CONSOLE_H
#define JETBASE_UI_CONSOLE_H

#include <stdbool.h>

#include "command.h"
#include "error.h"
#include "project.h"
#include "sys.h"

/* Opens the console on the terminal and returns when the user has left it or a signal has ended it. read_only: nothing that changes the database is offered; so it is on a protected target without options->yes. refresh_s: seconds between two looks, 0 for the usual. Returns the exit code; *err is filled where it is not 0 (ERR_CONFIG for a terminal that is none, unknown or too small). The terminal is restored in every case. */
int console_run(const struct project_options *options, const struct sys *sys, bool read_only, double refresh_s, struct error *err);

/* Fills *key with the key of that index (the table of actions, in its order); its strings live as long as the program. False behind the last. */
bool console_key(size_t index, struct command_key *key);

#endif
