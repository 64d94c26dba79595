/* dialog_help.c: the keys, from their table; and the dialog that shows an error. */
#include <stdio.h>

#include "action.h"
#include "dialog.h"
#include "navigate.h"
#include "text.h"

static void help_title(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "Keys%s", m->held_back ? " (protected: those that change something are off)" : m->read_only ? " (--read-only: those that change something are off)" : "");
}

static void help_fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    char names[40], line[300];
    for (size_t i = 0; i < actions_count; i++) {
        const struct action *a = &actions[i];
        bool off = a->changes && m->read_only;
        snprintf(names, sizeof names, "%s%s%s", off ? "(" : "", a->names, off ? ")" : "");
        snprintf(line, sizeof line, "%-9s %s", names, a->help);
        sheet_wrap(body, off ? STYLE_DIM : STYLE_NORMAL, 10, line);
        if (off)
            sheet_line(body, STYLE_DIM, m->held_back ? "          off: a protected target, opened without --yes" : "          off: --read-only");
        else if (a->allowed) {
            snprintf(line, sizeof line, "          when: %s", a->when);
            sheet_wrap(body, STYLE_DIM, 16, line);
        }
    }
    sheet_line(foot, STYLE_NORMAL, "Enter alone never confirms. Esc leaves a dialog and never quits.");
}

/* Nothing is asked here, so q leaves it, as it leaves the help of other programs; it does not quit. */
static struct effect help_key(struct model *m, int key)
{
    if (key == '/')
        navigate_search(m);
    else if (key == 'n' || key == 'N')
        navigate_find(m, key == 'n' ? 1 : -1);
    if (key != 'q')
        return (struct effect){ .what = FX_NONE };
    model_close_dialog(m);
    return (struct effect){ .flush = true };
}

static void help_footer(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "j k scroll   / n N search   %sq Esc leave it", m->dialog.scroll ? "g top   " : "");
}

static void reading_footer(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "%s", m->dialog.scroll ? "j k scroll   g top   Esc leave it" : "j k scroll   Esc leave it");
}

static void error_title(const struct model *m, char *to, size_t size)
{
    text_copy(to, size, m->dialog.title);
}

static void error_fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    dialog_fill_error(body, &m->dialog.error);
    sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]");
}

const struct dialog_ops dialog_help = { .width = 72, .title = help_title, .key = help_key, .fill = help_fill, .footer = help_footer };
const struct dialog_ops dialog_error = { .width = 76, .title = error_title, .fill = error_fill, .footer = reading_footer };
