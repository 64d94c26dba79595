/* chosen.c: follows the chosen row into the detail. */
#include <string.h>

#include "chosen.h"
#include "text.h"

const struct snap_pending *chosen_pending(const struct model *m)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    return l && m->chosen_in == PANE_PENDING && m->pending.chosen < l->pending_count ? &l->pending[m->pending.chosen] : NULL;
}

const struct snap_applied *chosen_applied(const struct model *m)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    return l && m->chosen_in == PANE_APPLIED && m->applied.chosen < l->applied_count ? &l->applied[m->applied.chosen] : NULL;
}

bool chosen_is_running(const struct model *m)
{
    const struct snap_pending *p = chosen_pending(m);
    if (!m->run.on || !m->run.file[0])
        return false;
    return !m->run.looked || (p && m->run.direction == PLAN_UPGRADE && strcmp(p->file, m->run.file) == 0);
}

bool chosen_settle(struct model *m)
{
    struct detail_want want = { .seen = m->snap ? m->snap->listing : NULL };
    const struct snap_pending *p;
    const struct snap_applied *a;
    const struct snap_half *half;
    bool other;
    if (m->focus == PANE_PENDING || m->focus == PANE_APPLIED)
        m->chosen_in = m->focus;
    p = chosen_pending(m);
    a = chosen_applied(m);
    if (p || a) {
        text_copy(want.file, sizeof want.file, p ? p->file : a->file);
        const char *path = p ? p->path : a->path;
        if (path && strlen(path) < sizeof want.path)
            text_copy(want.path, sizeof want.path, path);
        text_copy(want.version, sizeof want.version, a && a->version ? a->version : "");
        want.type = p ? p->type : a->type;
        want.dialect = m->snap->sessions ? SCAN_POSTGRES : SCAN_SQLITE;
        want.standard_strings = m->snap->about.standard_strings;
        half = listing_half(m->snap->listing, want.file);
        want.half = !half ? DETAIL_WHOLE : half->back ? DETAIL_HALF_ROLLBACK : DETAIL_HALF_UPGRADE;
    }
    other = strcmp(want.file, m->want.file) != 0 || strcmp(want.version, m->want.version) != 0 || want.type != m->want.type;
    if (!other && want.seen == m->want.seen)
        return false;
    if (other)
        m->detail_top = 0;
    m->want = want;
    return want.file[0] != '\0';
}

const struct detail *chosen_detail(const struct model *m)
{
    return detail_is_of(m->detail, &m->want) ? m->detail : NULL;
}
