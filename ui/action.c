/* action.c: the table of keys, and when each is allowed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "dialog.h"
#include "keys.h"
#include "text.h"
#include "words.h"

static bool refuse(char *why, size_t size, const char *text)
{
    text_copy(why, size, text);
    return false;
}

static bool connected(const struct model *m, char *why, size_t size)
{
    char message[400];
    if (m->snap && !model_is_old(m))
        return true;
    if (m->up && m->snap)
        return refuse(why, size, "the database does not answer; what is shown is old");
    if (m->down.code == ERR_NONE)
        return refuse(why, size, "not connected to the database yet");
    text_visible(message, sizeof message, m->down.message);
    snprintf(why, size, "not connected to the database: %s", message);
    return false;
}

/* What every run and unlock needs. */
static bool idle(const struct model *m, char *why, size_t size)
{
    if (m->run.on) {
        snprintf(why, size, "this console's own %s is on: c cancels it", words_direction(m->run.direction));
        return false;
    }
    if (m->unlocking)
        return refuse(why, size, "an unlock is under way");
    if (!connected(m, why, size))
        return false;
    if (m->snap->about.standby)
        return refuse(why, size, "this server is a standby: nothing can be changed here");
    if (m->snap->about.read_only)
        return refuse(why, size, "the database file, or its folder, can't be written");
    return true;
}

static bool lock_is_free(const struct model *m, char *why, size_t size)
{
    const struct db_lock_row *row = &m->snap->lock.row;
    char who[300] = "another program";
    if (!row->locked)
        return true;
    if (row->has_run) {
        char raw[400];
        snprintf(raw, sizeof raw, "%s%s%s", row->run.os_user, row->run.host[0] ? "@" : "", row->run.host);
        text_visible(who, sizeof who, raw);
    }
    snprintf(why, size, "locked by %s: F to force-unlock, or wait", who);
    return false;
}

static bool may_upgrade(const struct model *m, char *why, size_t size)
{
    const struct listing *l;
    if (!idle(m, why, size) || !lock_is_free(m, why, size))
        return false;
    l = m->snap->listing;
    if (l->fault.code != ERR_NONE) {
        text_visible(why, size, l->fault.message);
        return false;
    }
    if (l->disagree[0] && !m->snap->skip_validation)
        return refuse(why, size, l->disagree);
    return l->pending_count ? true : refuse(why, size, "nothing is pending");
}

static bool may_roll_back(const struct model *m, char *why, size_t size)
{
    if (!idle(m, why, size) || !lock_is_free(m, why, size))
        return false;
    for (size_t i = 0; i < m->snap->listing->applied_count; i++)
        if (m->snap->listing->applied[i].type == MIGRATION_VERSIONED)
            return true;
    return refuse(why, size, "nothing is applied that could be rolled back");
}

static bool may_unlock(const struct model *m, char *why, size_t size)
{
    char word[5];
    if (!idle(m, why, size))
        return false;
    if (!m->snap->lock.row.locked)
        return refuse(why, size, "the lock is free: there is nothing to unlock");
    if (m->snap->lock.verdict != LOCK_DEAD && !dialog_unlock_word(&m->snap->lock, word))
        return refuse(why, size, "the lock names no process ID that could be typed: `jetbase unlock` opens it");
    return true;
}

static bool may_cancel(const struct model *m, char *why, size_t size)
{
    if (!m->run.on)
        return refuse(why, size, "nothing of this console is running");
    return m->run.cancelling ? refuse(why, size, "it is being cancelled") : true;
}

static bool may_dry_run(const struct model *m, char *why, size_t size)
{
    if (m->run.on || m->unlocking)
        return idle(m, why, size);
    return connected(m, why, size);
}

const struct action actions[] = {
    { ACT_UPGRADE, { 'u' }, "u", "upgrade", "upgrade: shows the plan, y runs it", "unlocked, something pending, history and files agree", true, FOOTER_IF_ALLOWED, may_upgrade },
    { ACT_ROLLBACK, { 'r' }, "r", "roll back", "roll back the last migration: shows its SQL, runs once its version is typed", "unlocked, something applied", true, FOOTER_IF_ALLOWED, may_roll_back },
    { ACT_UNLOCK, { 'F' }, "F", "force-unlock", "force-unlock: shows who holds the lock and what an unlock would do to it", "locked", true, FOOTER_IF_ALLOWED, may_unlock },
    { ACT_CANCEL, { 'c' }, "c", "cancel", "cancel this console's own run: what runs is rolled back, the lock is released", "it runs", false, FOOTER_IF_ALLOWED, may_cancel },
    { ACT_DRY_RUN, { 'd' }, "d", "dry run", "dry run: shows what u would do, and runs nothing", "connected, no run of this console", false, FOOTER_IF_ROOM, may_dry_run },
    { ACT_DOWN, { 'j', UK_DOWN }, "j Down", NULL, "one line down", "always", false, FOOTER_NEVER, NULL },
    { ACT_UP, { 'k', UK_UP }, "k Up", NULL, "one line up", "always", false, FOOTER_NEVER, NULL },
    { ACT_TOP, { 'g', UK_HOME }, "g Home", NULL, "to the first line", "always", false, FOOTER_NEVER, NULL },
    { ACT_BOTTOM, { 'G', UK_END }, "G End", NULL, "to the last line", "always", false, FOOTER_NEVER, NULL },
    { ACT_PAGE_DOWN, { UK_PAGE_DOWN }, "PgDn", NULL, "one page down", "always", false, FOOTER_NEVER, NULL },
    { ACT_PAGE_UP, { UK_PAGE_UP }, "PgUp", NULL, "one page up", "always", false, FOOTER_NEVER, NULL },
    { ACT_NEXT_PANE, { UK_TAB }, "Tab", "pane", "to the next pane", "always", false, FOOTER_IF_ROOM, NULL },
    { ACT_PREV_PANE, { UK_BACK_TAB }, "S-Tab", NULL, "to the pane before", "always", false, FOOTER_NEVER, NULL },
    { ACT_PANE, { '1', '2', '3', '5' }, "1 2 3 5", NULL, "to the pane of that number", "always", false, FOOTER_NEVER, NULL },
    { ACT_BACK, { UK_ESC }, "Esc", NULL, "leave a dialog; put the log away", "always", false, FOOTER_NEVER, NULL },
    { ACT_REDRAW, { UK_CTRL_L }, "Ctrl-L", NULL, "draw the screen anew", "always", false, FOOTER_NEVER, NULL },
    { ACT_HELP, { '?' }, "?", "help", "this help", "always", false, FOOTER_IF_ALLOWED, NULL },
    { ACT_QUIT, { 'q' }, "q", "quit", "quit; asks first while a run of this console is on", "always", false, FOOTER_IF_ALLOWED, NULL },
};

const size_t actions_count = sizeof actions / sizeof actions[0];

const struct action *action_for(int key)
{
    for (size_t i = 0; i < actions_count; i++)
        for (size_t k = 0; k < sizeof actions[i].keys / sizeof actions[i].keys[0] && actions[i].keys[k]; k++)
            if (actions[i].keys[k] == key)
                return &actions[i];
    return NULL;
}

bool action_allowed(const struct model *m, const struct action *action, char *why, size_t size)
{
    if (size)
        why[0] = '\0';
    if (action->changes && m->read_only) {
        snprintf(why, size, "%s is off: this console was started with --read-only", action->names);
        return false;
    }
    return action->allowed ? action->allowed(m, why, size) : true;
}

void action_footer_words(const struct model *m, const struct action *action, char *to, size_t size)
{
    char first[16];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(action->names, " "), action->names);
    if (action->changes && m->read_only) {
        snprintf(to, size, "(%s %s)", first, action->label);
    } else if (action->id == ACT_CANCEL) {
        char what[200];
        model_cancel_words(m, what, sizeof what);
        snprintf(to, size, "c cancel (%s)", what);
    } else if (action->id == ACT_QUIT && m->run.on) {
        snprintf(to, size, "q quit (asks first)");
    } else {
        snprintf(to, size, "%s %s", first, action->label);
    }
}

static struct effect ask_for_plan(struct model *m, enum dialog_kind kind, enum plan_direction direction, bool dry)
{
    dialog_open(m, kind, STAGE_WAITING);
    m->dialog.job = ++m->jobs;
    m->dialog.dry = dry;
    return (struct effect){ .what = FX_PLAN, .flush = true, .job = m->dialog.job, .direction = direction };
}

static struct list *list_of(struct model *m, size_t *count)
{
    const struct listing *l = m->snap ? m->snap->listing : NULL;
    *count = 0;
    switch (m->focus) {
    case PANE_PENDING:
        *count = l ? l->pending_count : 0;
        return &m->pending;
    case PANE_APPLIED:
        *count = l ? l->applied_count : 0;
        return &m->applied;
    case PANE_RUNS:
        *count = m->log_shown ? 0 : l ? l->runs_count : 0;
        return &m->runs;
    case PANE_LOCK:
        break;
    }
    return NULL;
}

/* Far moves are cut to the ends of the list. */
static void move(struct model *m, long by)
{
    size_t count;
    struct list *list = list_of(m, &count);
    long to;
    if (!list || count == 0)
        return;
    to = (long)list->chosen + by;
    list->chosen = to < 0 ? 0 : to >= (long)count ? count - 1 : (size_t)to;
}

static void change_pane(struct model *m, int step)
{
    static const enum pane order[] = { PANE_LOCK, PANE_PENDING, PANE_APPLIED, PANE_RUNS };
    int at = 0;
    for (int i = 0; i < 4; i++)
        if (order[i] == m->focus)
            at = i;
    m->focus = order[(at + step + 4) % 4];
}

static struct effect quit(struct model *m)
{
    if (!m->run.on)
        return (struct effect){ .what = FX_QUIT };
    dialog_open(m, DIALOG_QUIT, STAGE_ASK);
    return (struct effect){ .flush = true };
}

struct effect action_do(struct model *m, const struct action *action, int key)
{
    enum { PAGE = 10, FAR = 1000000000 };
    switch (action->id) {
    case ACT_UPGRADE: return ask_for_plan(m, DIALOG_UPGRADE, PLAN_UPGRADE, false);
    case ACT_DRY_RUN: return ask_for_plan(m, DIALOG_UPGRADE, PLAN_UPGRADE, true);
    case ACT_ROLLBACK: return ask_for_plan(m, DIALOG_ROLLBACK, PLAN_ROLLBACK, false);
    case ACT_UNLOCK:
        dialog_unlock_open(m);
        return (struct effect){ .flush = true };
    case ACT_CANCEL:
        dialog_open(m, DIALOG_CANCEL, STAGE_ASK);
        return (struct effect){ .flush = true };
    case ACT_HELP:
        dialog_open(m, DIALOG_HELP, STAGE_TOLD);
        return (struct effect){ .flush = true };
    case ACT_DOWN: move(m, 1); break;
    case ACT_UP: move(m, -1); break;
    case ACT_TOP: move(m, -FAR); break;
    case ACT_BOTTOM: move(m, FAR); break;
    case ACT_PAGE_DOWN: move(m, PAGE); break;
    case ACT_PAGE_UP: move(m, -PAGE); break;
    case ACT_NEXT_PANE: change_pane(m, 1); break;
    case ACT_PREV_PANE: change_pane(m, -1); break;
    case ACT_PANE: m->focus = (enum pane)(key - '0'); break;
    case ACT_BACK: m->log_shown = m->log_shown && m->run.on; break;
    case ACT_REDRAW: return (struct effect){ .what = FX_REDRAW };
    case ACT_QUIT: return quit(m);
    }
    return (struct effect){ .what = FX_NONE };
}
