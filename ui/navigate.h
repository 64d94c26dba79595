/* navigate.h: moving about: rows, panes, zoom, search, mouse. Pure. */
#ifndef JETBASE_UI_NAVIGATE_H
#define JETBASE_UI_NAVIGATE_H

#include "model.h"

/* Moves the chosen row, or the text of the detail, by lines and by pages (of the pane's height); what goes too far ends at the ends. */
void navigate_move(struct model *model, long lines, long pages);
/* To the next pane that is shown (step 1), or the one before (-1). */
void navigate_pane(struct model *model, int step);
/* To that pane. */
void navigate_to(struct model *model, enum pane pane);
/* Enter: to the detail. Esc: back to the list, out of the zoom; puts the log away. */
void navigate_open(struct model *model);
void navigate_back(struct model *model);
/* Begins to type a text to look for. */
void navigate_search(struct model *model);
/* A key while that is typed; Enter looks, Esc leaves it. */
void navigate_search_key(struct model *model, int key);
/* To the next place (step 1), or the one before (-1), that holds the text; says where there is none. */
void navigate_find(struct model *model, int step);
/* A press (or a turn of the wheel) of the mouse at that cell. Gives the key of a footer's piece that was pressed, else UK_NONE. */
int navigate_mouse(struct model *model, enum mouse_what what, int row, int col);

#endif
