/* chosen.h: which migration is chosen, and with it what the detail pane, U, R, o, e and y are about. Pure. */
#ifndef JETBASE_UI_CHOSEN_H
#define JETBASE_UI_CHOSEN_H

#include "model.h"

/* The chosen row of the pending, or of the applied ones, where the detail is about one; else NULL. */
const struct snap_pending *chosen_pending(const struct model *model);
const struct snap_applied *chosen_applied(const struct model *model);
/* Is the detail about the file that our own run is at? */
bool chosen_is_running(const struct model *model);
/* Sets model->want to what is chosen now. True where it changed, or may have: it must be read. */
bool chosen_settle(struct model *model);
/* What was read of the wanted file, or NULL: not yet. */
const struct detail *chosen_detail(const struct model *model);

#endif
