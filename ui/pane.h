/* pane.h: what the panes show, and the screen they make together. Drawn into a canvas: no terminal. */
#ifndef JETBASE_UI_PANE_H
#define JETBASE_UI_PANE_H

#include "draw.h"
#include "layout.h"
#include "sheet.h"

/* The lines of the lock pane. */
void pane_lock_fill(const struct model *model, struct sheet *sheet);
/* The title of the lock pane: "1 Lock", and that it is old where it is. */
void pane_lock_title(const struct model *model, char *to, size_t size);
/* Measures the columns of all rows of the new listing, once for all pictures of it. */
void pane_pending_measure(struct model *model);
void pane_applied_measure(struct model *model);
/* What would run: content into the rectangle inside its frame; its title, with the number of files. */
void pane_pending_draw(const struct model *model, struct canvas *canvas, struct rect inside);
void pane_pending_title(const struct model *model, char *to, size_t size);
/* The history, newest first; the same way. */
void pane_applied_draw(const struct model *model, struct canvas *canvas, struct rect inside);
void pane_applied_title(const struct model *model, char *to, size_t size);
/* The lines of the detail pane, all of them: one migration file, or the statements of the one that runs; drawn from model->detail_top on. */
void pane_detail_fill(const struct model *model, struct sheet *sheet);
void pane_detail_draw(const struct model *model, struct canvas *canvas, struct rect inside);
void pane_detail_title(const struct model *model, char *to, size_t size);
/* The runs, or the log of our own one; the same way. */
void pane_runs_draw(const struct model *model, struct canvas *canvas, struct rect inside);
void pane_runs_title(const struct model *model, char *to, size_t size);
/* One row of a list: mark, label, description, and the column at its right end. */
struct pane_row {
    const char *label, *description, *right;
    int label_cols;           /* the widest label of the list */
    int right_cols;           /* the widest of the right column; its texts begin below each other */
    enum style right_style;
    bool chosen, focus;
};
/* Draws it, `cols` columns wide. */
void pane_row_draw(struct canvas *canvas, int row, int col, int cols, const struct pane_row *text);
/* The end of a title where what it shows is old: " as of 14:02:31", else "". */
void pane_old(const struct model *model, char *to, size_t size);
/* The status line where nothing else is to be said. */
void pane_status(const struct model *model, char *to, size_t size);
/* Draws the whole screen. */
void screen_draw(const struct model *model, struct canvas *canvas);

#endif
