/* dialog.c: what all dialogs share: opening, turning into a sentence, scrolling, typing, and their frame on the screen. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dialog.h"
#include "keys.h"
#include "layout.h"
#include "text.h"
#include "words.h"

/* Where a dialog stands, and how much of its text that leaves. */
struct box {
    struct rect frame;
    int above, between;       /* blank lines above the text, and below it; they give way first */
    int body_rows;
    size_t scroll;
    struct sheet body, foot;
};

enum { BOX_BORDERS = 2, BODY_LEAST = 4 };

const struct dialog_ops *dialog_ops_of(const struct model *m)
{
    switch (m->dialog.kind) {
    case DIALOG_UPGRADE: return &dialog_upgrade;
    case DIALOG_ROLLBACK: return &dialog_rollback;
    case DIALOG_UNLOCK: return &dialog_unlock;
    case DIALOG_BLOCKER: return &dialog_blocker;
    case DIALOG_VERIFY: return &dialog_verify;
    case DIALOG_FIX: return &dialog_fix;
    case DIALOG_BASELINE: return &dialog_baseline;
    case DIALOG_RESOLVE: return &dialog_resolve;
    case DIALOG_REHEARSE: return &dialog_rehearse;
    case DIALOG_CANCEL: return &dialog_cancel;
    case DIALOG_QUIT: return &dialog_quit;
    case DIALOG_HELP: return &dialog_help;
    case DIALOG_ERROR: return &dialog_error;
    case DIALOG_NONE: break;
    }
    return NULL;
}

void dialog_open(struct model *m, enum dialog_kind kind, enum dialog_stage stage)
{
    model_close_dialog(m);
    m->search.typing = false;
    m->dialog.kind = kind;
    m->dialog.stage = stage;
}

void dialog_tell(struct model *m, const struct error *err, const char *format, ...)
{
    char raw[sizeof m->dialog.told];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    words_sentence(raw, m->dialog.told, sizeof m->dialog.told);
    m->dialog.stage = STAGE_TOLD;
    m->dialog.scroll = 0;
    m->dialog.typed[0] = '\0';
    if (err)
        m->dialog.error = *err;
    else
        error_clear(&m->dialog.error);
}

void dialog_open_error(struct model *m, const struct error *err, const char *title)
{
    dialog_open(m, DIALOG_ERROR, STAGE_TOLD);
    m->dialog.error = *err;
    text_copy(m->dialog.title, sizeof m->dialog.title, title);
}

void dialog_place(const struct model *m, int cols, char *to, size_t size)
{
    char place[400];
    snprintf(place, sizeof place, "%s%s%s", m->target, m->target[0] ? ": " : "", m->snap ? m->snap->place : "");
    if (draw_columns(place) <= cols)
        text_copy(to, size, place);
    else
        snprintf(to, size, "%.*s…", (int)draw_fit(place, cols - 1), place);
}

static void fill(const struct model *m, struct box *box)
{
    const struct dialog_ops *ops = dialog_ops_of(m);
    struct layout at;
    int footer = m->rows - 1, below, space, most, height, lines;
    int width = ops->width < m->cols - 2 ? ops->width : m->cols - 2;
    *box = (struct box){ .body = { .width = width - 4 }, .foot = { .width = width - 4 } };
    ops->fill(m, &box->body, &box->foot);
    layout_make(m, &at);
    below = at.lock.row + at.lock.rows;
    lines = (int)box->body.count;
    space = footer - below;
    height = lines + (int)box->foot.count + BOX_BORDERS;
    box->above = height + 2 <= space;
    box->between = height + 1 <= space || lines == 0;
    height += box->above + box->between;
    most = !ops->whole && space >= (int)box->foot.count + BOX_BORDERS + BODY_LEAST ? space : footer - 1;
    if (height > most) {
        box->between = 1; /* there it tells how much is out of sight */
        height = most;
    }
    box->body_rows = height - (int)box->foot.count - BOX_BORDERS - box->above - box->between;
    box->frame = (struct rect){ .row = height <= space ? below + (space - height) / 2 : footer - height, .col = (m->cols - width) / 2, .rows = height, .cols = width };
    box->scroll = m->dialog.scroll;
    if (lines <= box->body_rows)
        box->scroll = 0;
    else if (box->scroll > (size_t)(lines - box->body_rows))
        box->scroll = (size_t)(lines - box->body_rows);
}

static void empty(struct box *box)
{
    sheet_free(&box->body);
    sheet_free(&box->foot);
}

/* Scrolls by lines, or by pages; far moves end at the ends. */
static void scroll(struct model *m, long lines, long pages)
{
    struct box box;
    long to, last;
    fill(m, &box);
    last = (long)box.body.count - box.body_rows;
    to = (long)box.scroll + lines + pages * (box.body_rows > 1 ? box.body_rows - 1 : 1);
    if (to > last)
        to = last;
    m->dialog.scroll = to > 0 ? (size_t)to : 0;
    empty(&box);
}

bool dialog_find(struct model *m, const char *text, int step)
{
    struct box box;
    bool found = false;
    fill(m, &box);
    for (size_t n = 1; n <= box.body.count && !found; n++) {
        size_t i = step > 0 ? (box.scroll + n) % box.body.count : (box.scroll + box.body.count - n % box.body.count) % box.body.count;
        found = strcasestr(box.body.lines[i].left, text) != NULL;
        if (found)
            m->dialog.scroll = i;
    }
    empty(&box);
    return found;
}

static bool is_bad(const struct sheet *body, size_t i)
{
    return body->lines[i].left_style == STYLE_BAD || (body->lines[i].right && body->lines[i].right_style == STYLE_BAD);
}

/* From where it was scrolled to last, also where the end of the list keeps that from standing at the top. */
bool dialog_find_bad(struct model *m, int step)
{
    struct box box;
    bool found = false;
    fill(m, &box);
    for (size_t n = 1, count = box.body.count; n <= count && !found; n++) {
        size_t from = m->dialog.scroll < count ? m->dialog.scroll : count - 1;
        size_t i = step > 0 ? (from + n) % count : (from + count - n) % count;
        found = is_bad(&box.body, i) && (i == 0 || !is_bad(&box.body, i - 1));
        if (found)
            m->dialog.scroll = i;
    }
    empty(&box);
    return found;
}

static bool scroll_key(struct model *m, int key)
{
    enum { FAR = 1000000 };
    bool letters = !dialog_ops_of(m)->typed;
    if (key == UK_DOWN || (letters && key == 'j'))
        scroll(m, 1, 0);
    else if (key == UK_UP || (letters && key == 'k'))
        scroll(m, -1, 0);
    else if (key == UK_PAGE_DOWN)
        scroll(m, 0, 1);
    else if (key == UK_PAGE_UP)
        scroll(m, 0, -1);
    else if (key == UK_HOME || (letters && key == 'g'))
        scroll(m, -FAR, 0);
    else if (key == UK_END || (letters && key == 'G'))
        scroll(m, FAR, 0);
    else
        return false;
    return true;
}

struct effect dialog_key(struct model *m, int key)
{
    struct effect left;
    if (key == UK_ESC && dialog_rehearse_left(m, &left))
        return left;
    if (key == UK_ESC) {
        model_close_dialog(m);
        return (struct effect){ .flush = true };
    }
    if (scroll_key(m, key))
        return (struct effect){ .what = FX_NONE };
    return dialog_ops_of(m)->key ? dialog_ops_of(m)->key(m, key) : (struct effect){ .what = FX_NONE };
}

void dialog_type(struct dialog *dialog, int key, size_t most)
{
    size_t len = strlen(dialog->typed);
    if (key == UK_BACKSPACE) {
        if (len)
            dialog->typed[len - 1] = '\0';
    } else if (key > ' ' && key < 0x7f && len < most && len + 1 < sizeof dialog->typed) {
        dialog->typed[len] = (char)tolower(key);
        dialog->typed[len + 1] = '\0';
    }
}

void dialog_fill_input(const struct dialog *dialog, struct sheet *foot, const char *question, size_t most)
{
    char line[300];
    snprintf(line, sizeof line, "%s  [%-*s]", question, (int)most, dialog->typed);
    sheet_line(foot, STYLE_BOLD, "%s", line);
    if (strlen(dialog->typed) >= most)
        sheet_line(foot, STYLE_BAD, "That is something else: nothing is done. Backspace, or Esc.");
}

static void fill_labelled(struct sheet *body, enum style style, const char *label, const char *text)
{
    struct text line = { 0 };
    if (!text[0])
        return;
    text_puts(&line, label);
    text_puts(&line, text);
    sheet_wrap(body, style, 2, text_string(&line));
    text_free(&line);
}

static void fill_source(struct sheet *body, const char *source, unsigned caret)
{
    char before[sizeof ((struct error *)0)->source];
    if (!source[0])
        return;
    sheet_line(body, STYLE_NORMAL, "  %s", source);
    if (!caret)
        return;
    /* The caret stands under its character, however wide those before it are. */
    snprintf(before, sizeof before, "%.*s", (int)text_offset(source, strlen(source), caret - 1), source);
    sheet_line(body, STYLE_BAD, "  %*s^", draw_columns(before), "");
}

void dialog_fill_error(struct sheet *body, const struct error *err)
{
    char place[sizeof err->place.file + 40] = "";
    if (err->place.line)
        snprintf(place, sizeof place, "%s:%u:%u: error: ", err->place.file, err->place.line, err->place.column);
    else if (err->place.file[0])
        snprintf(place, sizeof place, "%s: error: ", err->place.file);
    fill_labelled(body, STYLE_BAD, place, err->message);
    fill_source(body, err->source, err->caret);
    fill_labelled(body, STYLE_NORMAL, "detail: ", err->detail);
    if (err->query[0])
        fill_labelled(body, STYLE_DIM, "in the statement", ":");
    fill_source(body, err->query, err->query_caret);
    fill_labelled(body, STYLE_DIM, "context: ", err->context);
    fill_labelled(body, STYLE_NORMAL, "", err->state);
    fill_labelled(body, STYLE_NORMAL, "hint: ", err->hint);
}

void dialog_fill_told(const struct model *m, struct sheet *body)
{
    const struct dialog *dialog = &m->dialog;
    struct error rest = dialog->error;
    sheet_wrap(body, STYLE_WARN, 0, dialog->told);
    if (rest.code == ERR_NONE)
        return;
    if (rest.place.file[0]) {
        /* A fault in a file is shown with its place, which says the sentence again. */
        dialog_fill_error(body, &rest);
        return;
    }
    if (rest.detail[0])
        sheet_wrap(body, STYLE_NORMAL, 0, rest.detail);
    if (rest.state[0])
        sheet_wrap(body, STYLE_NORMAL, 0, rest.state);
    if (rest.hint[0])
        sheet_wrap(body, STYLE_NORMAL, 0, rest.hint);
}

void dialog_draw(const struct model *m, struct canvas *canvas)
{
    const struct dialog_ops *ops = dialog_ops_of(m);
    char title[240];
    struct box box;
    struct rect in;
    long more;
    ops->title(m, title, sizeof title);
    fill(m, &box);
    in = (struct rect){ box.frame.row + 1 + box.above, box.frame.col + 2, box.body_rows, box.frame.cols - 4 };
    draw_frame(canvas, box.frame, STYLE_FRAME_FOCUS, title);
    sheet_draw(&box.body, canvas, in, box.scroll);
    more = (long)box.body.count - (long)box.scroll - box.body_rows;
    if ((more > 0 || box.scroll > 0) && box.between) {
        char words[80];
        snprintf(words, sizeof words, " %ld line%s above, %ld below ", (long)box.scroll, words_plural(box.scroll), more > 0 ? more : 0);
        draw_text(canvas, in.row + in.rows, in.col, in.cols, STYLE_DIM, words);
    }
    in.row += box.body_rows + box.between;
    in.rows = (int)box.foot.count;
    sheet_draw(&box.foot, canvas, in, 0);
    empty(&box);
}
