/* layout.h: which panes a terminal of this size shows, and where. Pure. */
#ifndef JETBASE_UI_LAYOUT_H
#define JETBASE_UI_LAYOUT_H

#include "draw.h"
#include "model.h"

/* Rectangles hold their frames. A pane that is not shown has 0 rows. Pending and applied share the left frame: applied's first row is the line that parts them. */
struct layout {
    struct rect lock, left, right;
    int pending_rows, applied_rows, runs_rows; /* rows of text; 0: not shown */
    int divider;                               /* the row of the line above applied */
    int status, footer;
};

/* Lays out the screen. */
void layout_make(const struct model *model, struct layout *out);
/* Is this pane on the screen? */
bool layout_shows(const struct layout *layout, enum pane pane);
/* Moves `top` of every list so that the chosen row is in sight, and the focus to a pane that is shown. */
void layout_settle(struct model *model);

#endif
