/* navigate.c: moving about in the panes. */
#include <stdio.h>
#include <string.h>

#include "dialog.h"
#include "footer.h"
#include "keys.h"
#include "layout.h"
#include "navigate.h"
#include "pane.h"

enum { FAR = 1000000000, WHEEL_LINES = 3 };

static struct list *list_of(struct model *m, enum pane pane, size_t *count)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    *count = 0;
    switch (pane) {
    case PANE_PENDING:
        *count = l ? l->pending_count : 0;
        return &m->pending;
    case PANE_APPLIED:
        *count = l ? l->applied_count : 0;
        return &m->applied;
    case PANE_RUNS:
        *count = m->log_shown ? 0 : l ? l->runs_count : 0;
        return &m->runs;
    case PANE_DETAIL:
    case PANE_LOCK:
        break;
    }
    return NULL;
}

static int rows_of(const struct model *m, enum pane pane)
{
    struct layout at;
    layout_make(m, &at);
    return at.panes[pane].in.rows;
}

static void scroll_detail(struct model *m, long by)
{
    struct sheet s = { 0 };
    struct layout at;
    long to = (long)m->detail_top + by, last;
    layout_make(m, &at);
    s.width = at.panes[PANE_DETAIL].in.cols - 2;
    pane_detail_fill(m, &s);
    last = (long)s.count - at.panes[PANE_DETAIL].in.rows;
    sheet_free(&s);
    if (to > last)
        to = last;
    m->detail_top = to > 0 ? (size_t)to : 0;
}

static void move_in(struct model *m, enum pane pane, long by)
{
    size_t count;
    struct list *list = list_of(m, pane, &count);
    long to;
    if (pane == PANE_DETAIL)
        scroll_detail(m, by);
    if (!list || count == 0)
        return;
    to = (long)list->chosen + by;
    list->chosen = to < 0 ? 0 : to >= (long)count ? count - 1 : (size_t)to;
    if (pane != PANE_RUNS)
        m->run.looked = m->run.on;
}

void navigate_move(struct model *m, long lines, long pages)
{
    int page = pages && m->focus != PANE_LOCK ? rows_of(m, m->focus) - 1 : 0;
    move_in(m, m->focus, lines + pages * (page > 1 ? page : 1));
}

void navigate_to(struct model *m, enum pane pane)
{
    if (pane == PANE_DETAIL && m->focus != PANE_DETAIL)
        m->focus_before = m->focus;
    m->focus = pane;
}

void navigate_pane(struct model *m, int step)
{
    struct layout at;
    int pane = m->focus;
    bool all = m->zoom || m->focus == PANE_DETAIL || m->focus == PANE_RUNS;
    layout_make(m, &at);
    do
        pane = (pane - 1 + step + PANE_RUNS) % PANE_RUNS + 1;
    while (!all && !layout_shows(&at, (enum pane)pane));
    navigate_to(m, (enum pane)pane);
}

void navigate_open(struct model *m)
{
    if (m->focus == PANE_PENDING || m->focus == PANE_APPLIED) {
        m->run.looked = m->run.on;
        navigate_to(m, PANE_DETAIL);
    }
}

void navigate_back(struct model *m)
{
    if (m->zoom) {
        m->zoom = false;
    } else if (m->focus == PANE_DETAIL) {
        m->focus = m->focus_before == PANE_DETAIL ? m->chosen_in : m->focus_before;
        m->run.looked = false;
    } else {
        m->log_shown = m->log_shown && m->run.on;
    }
}

void navigate_search(struct model *m)
{
    m->search = (struct search){ .typing = true };
}

/* Takes the last character away, however many bytes it has. */
static void shorten(char *text)
{
    size_t len = strlen(text);
    while (len && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
        len--;
    if (len)
        text[len - 1] = '\0';
}

static void lengthen(struct search *s, int key)
{
    size_t len = strlen(s->text);
    char bytes[5];
    draw_utf8((uint32_t)key, bytes);
    if (len + strlen(bytes) < sizeof s->text)
        strcpy(s->text + len, bytes);
}

void navigate_search_key(struct model *m, int key)
{
    struct search *s = &m->search;
    if (key == UK_ESC || (key == UK_BACKSPACE && !s->text[0])) {
        *s = (struct search){ 0 };
    } else if (key == UK_ENTER) {
        s->typing = false;
        navigate_find(m, 1);
    } else if (key == UK_BACKSPACE) {
        shorten(s->text);
    } else if (key >= ' ' && key < UK_UP && !(key >= 0x7f && key < 0xa0)) {
        lengthen(s, key);
    }
}

static bool holds(const char *text, const char *wanted)
{
    return text && strcasestr(text, wanted);
}

static bool row_holds(const struct model *m, enum pane pane, size_t i, const char *wanted)
{
    const struct listing *l = m->snap->listing;
    if (pane == PANE_PENDING)
        return holds(l->pending[i].label, wanted) || holds(l->pending[i].description, wanted) || holds(l->pending[i].shown, wanted) || holds(l->pending[i].fault, wanted);
    if (pane == PANE_APPLIED)
        return holds(l->applied[i].label, wanted) || holds(l->applied[i].description, wanted) || holds(l->applied[i].file, wanted) || holds(l->applied[i].when, wanted);
    return holds(l->runs[i].when, wanted) || holds(l->runs[i].what, wanted) || holds(l->runs[i].how, wanted) || holds(l->runs[i].more, wanted);
}

/* The index of the place that is found, going round; count: none. */
static size_t find_row(const struct model *m, size_t from, size_t count, int step)
{
    for (size_t n = 1; n <= count; n++) {
        size_t i = step > 0 ? (from + n) % count : (from + count - n % count) % count;
        if (row_holds(m, m->focus, i, m->search.text))
            return i;
    }
    return count;
}

static bool find_line(struct model *m, int step)
{
    struct layout at;
    struct sheet s = { 0 };
    bool found = false;
    layout_make(m, &at);
    s.width = at.panes[PANE_DETAIL].in.cols - 2;
    pane_detail_fill(m, &s);
    for (size_t n = 1; n <= s.count && !found; n++) {
        size_t i = step > 0 ? (m->detail_top + n) % s.count : (m->detail_top + s.count - n % s.count) % s.count;
        found = holds(s.lines[i].left, m->search.text);
        if (found) {
            scroll_detail(m, (long)i - (long)m->detail_top);
            model_say(m, false, "found: %s", s.lines[i].left);
        }
    }
    sheet_free(&s);
    return found;
}

void navigate_find(struct model *m, int step)
{
    size_t count, found;
    struct list *list = list_of(m, m->focus, &count);
    if (!m->search.text[0]) {
        model_say(m, false, "nothing was looked for yet: / takes a text");
    } else if (m->dialog.kind == DIALOG_HELP) {
        if (!dialog_find(m, m->search.text, step))
            model_say(m, true, "not in the help: %s", m->search.text);
    } else if (m->focus == PANE_DETAIL) {
        if (!find_line(m, step))
            model_say(m, true, "not in this file: %s", m->search.text);
    } else if (!list || count == 0 || (found = find_row(m, list->chosen, count, step)) == count) {
        model_say(m, true, "not in this pane: %s", m->search.text);
    } else {
        list->chosen = found;
        if (m->focus != PANE_RUNS)
            m->run.looked = m->run.on;
    }
}

/* Chooses the row that was pressed. */
static void press_row(struct model *m, enum pane pane, int line)
{
    size_t count;
    struct list *list = list_of(m, pane, &count);
    if (list && line >= 0 && list->top + (size_t)line < count) {
        list->chosen = list->top + (size_t)line;
        if (pane != PANE_RUNS)
            m->run.looked = m->run.on;
    }
}

int navigate_mouse(struct model *m, enum mouse_what what, int row, int col)
{
    struct layout at;
    enum pane pane;
    layout_make(m, &at);
    if (row == at.footer)
        return what == MOUSE_PRESS ? footer_key_at(m, col) : UK_NONE;
    pane = layout_pane_at(&at, row, col);
    if (pane && what == MOUSE_PRESS) {
        navigate_to(m, pane);
        press_row(m, pane, pane == PANE_LOCK ? -1 : row - at.panes[pane].in.row);
    } else if (pane) {
        move_in(m, pane, what == MOUSE_WHEEL_UP ? -WHEEL_LINES : WHEEL_LINES);
    }
    return UK_NONE;
}
