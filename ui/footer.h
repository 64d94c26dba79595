/* footer.h: the last line: what can be done now, from the table of actions. Pure. */
#ifndef JETBASE_UI_FOOTER_H
#define JETBASE_UI_FOOTER_H

#include "draw.h"
#include "model.h"

/* Draws it into that row. */
void footer_draw(const struct model *model, struct canvas *canvas, int row);
/* The key of the piece that stands in that column, UK_NONE where none does. */
int footer_key_at(const struct model *model, int col);

#endif
