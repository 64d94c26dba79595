/* command_standby.c: says, once, that what a command shows was read from a standby. */
#include <stdio.h>

#include "command.h"
#include "db.h"

void command_note_standby(const struct call *call, const struct db *db)
{
    const struct db_about *about = db_driver_of(db)->about(db);
    if (!about->standby)
        return;
    if (about->lag_s == 0)
        output_note(call->out, "this server is a standby, with all that it has received: a run or an unlock needs the primary");
    else if (about->lag_s > 0)
        output_note(call->out, "this server is a standby; its last transaction is %.1f s old: what is shown may be older than the primary, and a run or an unlock needs the primary", about->lag_s);
    else
        output_note(call->out, "this server is a standby, and how far it is behind its primary is not known; a run or an unlock needs the primary");
}
