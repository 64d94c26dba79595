/* rehearsal_show.h: a rehearsal as text and as JSON. */
#ifndef JETBASE_REHEARSAL_SHOW_H
#define JETBASE_REHEARSAL_SHOW_H

#include "output.h"
#include "rehearsal.h"

/* Prints it as text; the error that it ended with is left to the caller. False: ERR_NO_MEMORY. */
bool rehearsal_text(struct output *out, const struct rehearsal *r, struct error *err);
/* Prints it as one object; code and `why` (where code is not 0) are what it ended with. False: ERR_NO_MEMORY. */
bool rehearsal_json(struct output *out, const struct rehearsal *r, int code, const struct error *why, struct error *err);

#endif
