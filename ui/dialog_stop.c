/* dialog_stop.c: cancelling this console's own run, and quitting during one: what is rolled back, what stays. */
#include <stdio.h>

#include "dialog.h"
#include "own_run.h"
#include "words.h"

static struct effect cancel_key(struct model *m, int key)
{
    return key == 'y' ? own_run_cancel(m) : (struct effect){ .what = FX_NONE };
}

static struct effect quit_key(struct model *m, int key)
{
    if (key != 'y')
        return (struct effect){ .what = FX_NONE };
    m->quitting = true;
    return own_run_cancel(m);
}

static void cancel_title(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "Cancel this console's own %s", own_run_name(&m->run));
}

static void quit_title(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "Quit while this console's own %s is on", own_run_name(&m->run));
}

static void fill_run(const struct model *m, struct sheet *body)
{
    const struct own_run *run = &m->run;
    char what[300], line[900];
    if (run->file[0]) {
        snprintf(line, sizeof line, "It is at %u of %u, %.400s.", run->migration, run->migrations, run->file);
        sheet_wrap(body, STYLE_NORMAL, 0, line);
    }
    model_cancel_words(m, what, sizeof what);
    snprintf(line, sizeof line, "A cancel now: %s; then the lock is released. If a COMMIT is already on its way, its answer decides.", what);
    sheet_wrap(body, STYLE_NORMAL, 0, line);
}

static void cancel_fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    fill_run(m, body);
    sheet_line(foot, STYLE_BOLD, "       [ Esc  let it run ]       y  cancel it");
}

static void quit_fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    fill_run(m, body);
    sheet_wrap(body, STYLE_NORMAL, 0, "The console leaves once that is done.");
    sheet_line(foot, STYLE_BOLD, "       [ Esc  stay ]       y  cancel it and quit");
}

static void cancel_footer(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "%s", m->run.cancelling ? "Esc leave it" : "y cancel it   Esc let it run");
}

static void quit_footer(const struct model *m, char *to, size_t size)
{
    snprintf(to, size, "%s", m->run.cancelling ? "y quit when it has ended   Esc stay" : "y cancel it and quit   Esc stay");
}

const struct dialog_ops dialog_cancel = { .width = 64, .title = cancel_title, .key = cancel_key, .fill = cancel_fill, .footer = cancel_footer };
const struct dialog_ops dialog_quit = { .width = 64, .title = quit_title, .key = quit_key, .fill = quit_fill, .footer = quit_footer };
