/* own_run.h: this console's own run as its engine's events tell it. Pure. */
#ifndef JETBASE_UI_OWN_RUN_H
#define JETBASE_UI_OWN_RUN_H

#include "model.h"

/* A plan was confirmed: the run begins. Takes the dialog's plan and closes the dialog. */
struct effect own_run_start(struct model *model);
/* An event of it. */
void own_run_note(struct model *model, const struct engine_note *note);
/* What it is called: "upgrade", "rollback", "resolve", "fix-checksums", "fix-files". */
const char *own_run_name(const struct own_run *run);
/* It has ended. */
struct effect own_run_returned(struct model *model, const struct run_answer *answer);
/* Cancels it; the caller has asked the person. */
struct effect own_run_cancel(struct model *model);

#endif
