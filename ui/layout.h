/* layout.h: which panes a terminal of this size shows, and where. Pure. */
#ifndef JETBASE_UI_LAYOUT_H
#define JETBASE_UI_LAYOUT_H

#include "draw.h"
#include "model.h"

/* A pane below the lock. */
struct layout_pane {
    struct rect in;              /* its text; 0 rows: not shown */
    struct rect frame;           /* 0 rows: it stands below another one, parted from it by a line */
    int divider;                 /* the row of that line; -1: it has a frame's top */
};

/* Rectangles hold their frames. Pending and applied share a frame, detail and runs another one. */
struct layout {
    struct rect lock;
    struct layout_pane panes[PANE_RUNS + 1];   /* PENDING, APPLIED, DETAIL, RUNS */
    int status, footer;
};

/* Lays out the screen. */
void layout_make(const struct model *model, struct layout *out);
/* Is this pane on the screen? */
bool layout_shows(const struct layout *layout, enum pane pane);
/* The pane at that cell; 0: none. */
enum pane layout_pane_at(const struct layout *layout, int row, int col);
/* Moves `top` of every list so that the chosen row is in sight, and the focus to a pane that is shown. */
void layout_settle(struct model *model);

#endif
