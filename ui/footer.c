/* footer.c: lays out the last line. */
#include "action.h"
#include "footer.h"
#include "keys.h"

enum { PIECES_MOST = 24, GAP = 2 };

struct piece {
    char words[240];
    int key, col, cols;
    bool may_go, shown;
};

static int collect(const struct model *m, struct piece *pieces)
{
    int count = 0;
    char why[512];
    for (size_t i = 0; i < actions_count && count < PIECES_MOST; i++) {
        const struct action *a = &actions[i];
        /* What --read-only takes away is shown struck out, but for what would not be allowed either way. */
        bool off = a->changes && m->read_only && (a->id == ACT_UPGRADE || a->id == ACT_ROLLBACK);
        if (a->footer == FOOTER_NEVER || (!action_allowed(m, a, why, sizeof why) && !off))
            continue;
        action_footer_words(m, a, pieces[count].words, sizeof pieces[count].words);
        pieces[count].key = a->keys[0];
        /* The one way on is always in sight. */
        pieces[count].may_go = a->footer == FOOTER_IF_ROOM && !(a->id == ACT_VERIFY && m->snap && m->snap->listing->half_count);
        pieces[count].shown = true;
        count++;
    }
    return count;
}

/* "Tab pane" as "Tab", where that is enough. */
static bool shorten(struct piece *piece, int *total, int cols)
{
    int less = draw_columns(piece->words) - 3;
    if (piece->key != UK_TAB || less <= 0 || *total - less - GAP > cols)
        return false;
    piece->words[3] = '\0';
    *total -= less;
    return true;
}

/* Two blanks apart; those that may give way do so from the last on. */
static int make(const struct model *m, struct piece *pieces)
{
    int count = collect(m, pieces), total = 1, col = 1;
    for (int i = 0; i < count; i++)
        total += draw_columns(pieces[i].words) + GAP;
    for (int i = count - 1; i >= 0 && total - GAP > m->cols; i--)
        if (pieces[i].may_go && !shorten(&pieces[i], &total, m->cols)) {
            pieces[i].shown = false;
            total -= draw_columns(pieces[i].words) + GAP;
        }
    for (int i = 0; i < count; i++) {
        pieces[i].col = col;
        pieces[i].cols = pieces[i].shown ? draw_columns(pieces[i].words) : 0;
        col += pieces[i].shown ? pieces[i].cols + GAP : 0;
    }
    return count;
}

void footer_draw(const struct model *m, struct canvas *canvas, int row)
{
    struct piece pieces[PIECES_MOST];
    int count = make(m, pieces);
    for (int i = 0; i < count; i++)
        if (pieces[i].shown)
            draw_text(canvas, row, pieces[i].col, m->cols - pieces[i].col, pieces[i].words[0] == '(' ? STYLE_DIM : STYLE_NORMAL, pieces[i].words);
}

int footer_key_at(const struct model *m, int col)
{
    struct piece pieces[PIECES_MOST];
    int count = make(m, pieces);
    for (int i = 0; i < count; i++)
        if (pieces[i].shown && col >= pieces[i].col && col < pieces[i].col + pieces[i].cols)
            return pieces[i].key;
    return UK_NONE;
}
