/* pane.c: what all list panes share: a row, and the word that something is old. */
#include <stdio.h>

#include "pane.h"
#include "words.h"

void pane_old(const struct model *m, char *to, size_t size)
{
    char clock[40];
    if (size)
        to[0] = '\0';
    if (!model_is_old(m))
        return;
    words_clock(m->snap->seen_wall_us, false, clock, sizeof clock);
    snprintf(to, size, " as of %s", clock);
}

enum { DESCRIPTION_LEAST = 8 };

void pane_row_draw(struct canvas *canvas, int row, int col, int cols, const struct pane_row *text)
{
    int label = text->label_cols < 4 ? 4 : text->label_cols > cols / 3 ? cols / 3 : text->label_cols;
    int most = cols - 1 - label - 1 - DESCRIPTION_LEAST;
    int right = text->right_cols < most ? text->right_cols : most > 0 ? most : 0;
    int at = 1 + label + 1;
    if (text->chosen)
        draw_text(canvas, row, col, 1, STYLE_NORMAL, "▸");
    draw_text(canvas, row, col + 1, label, STYLE_NORMAL, text->label);
    draw_text(canvas, row, col + at, cols - at - right - 1, STYLE_NORMAL, text->description);
    draw_text(canvas, row, col + cols - right, right, text->right_style, text->right);
    if (text->chosen && text->focus)
        draw_restyle(canvas, row, col, cols, STYLE_CHOSEN);
}
