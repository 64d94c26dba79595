/* action.c: the table of keys, and what each does. */
#include <stdio.h>
#include <string.h>

#include "action.h"
#include "allowed.h"
#include "chosen.h"
#include "dialog.h"
#include "keys.h"
#include "navigate.h"
#include "pane.h"
#include "text.h"

const struct action actions[] = {
    { ACT_UPGRADE, { 'u' }, "u", "upgrade", "upgrade: shows the plan, y runs it", "unlocked, something pending, history and files agree", true, FOOTER_IF_ALLOWED, allowed_upgrade },
    { ACT_UPGRADE_TO, { 'U' }, "U", "up to", "upgrade up to the chosen version, and what repeats", "as u, and a pending version is chosen", true, FOOTER_IF_ROOM, allowed_upgrade_to },
    { ACT_ROLLBACK, { 'r' }, "r", "roll back", "roll back the last migration: shows its SQL, runs once its version is typed", "unlocked, something applied", true, FOOTER_IF_ALLOWED, allowed_roll_back },
    { ACT_ROLLBACK_TO, { 'R' }, "R", "down to", "roll back everything newer than the chosen version, which stays", "as r, and an applied version but the newest is chosen", true, FOOTER_IF_ROOM, allowed_roll_back_to },
    { ACT_END_BLOCKER, { 'X' }, "X", "end blocker", "end the session that blocks the holder of the lock, once its number is typed", "PostgreSQL, a blocker is shown", true, FOOTER_IF_ALLOWED, allowed_end_blocker },
    { ACT_CANCEL_BLOCKER, { 'x' }, "x", "cancel its statement", "cancel the statement of the session that blocks the holder of the lock", "PostgreSQL, a blocker is shown and runs a statement", true, FOOTER_IF_ALLOWED, allowed_cancel_blocker },
    { ACT_UNLOCK, { 'F' }, "F", "force-unlock", "force-unlock: shows who holds the lock and what an unlock would do to it", "locked", true, FOOTER_IF_ALLOWED, allowed_unlock },
    { ACT_TAKE_OVER, { 'T' }, "T", "take over", "take over from a dead holder: shows the plan of an upgrade, y takes the lock over and runs it", "locked, its holder dead, something pending", true, FOOTER_IF_ALLOWED, allowed_take_over },
    { ACT_RESOLVE, { 'w' }, "w", "resolve", "end a half-applied file: shows its statements and the three ways out, a typed word confirms one", "unlocked, a file is half applied", true, FOOTER_IF_ALLOWED, allowed_resolve },
    { ACT_FIX_CHECKSUMS, { 'f' }, "f", "fix checksums", "record the checksums of changed files anew: shows old and new, y does it; no SQL runs", "unlocked, an applied file was changed", true, FOOTER_IF_ROOM, allowed_fix_checksums },
    { ACT_FIX_FILES, { 'm' }, "m", "forget missing", "take files that are missing out of the history: shows its rows, y deletes them; tables and data stay", "unlocked, an applied file is missing", true, FOOTER_IF_ROOM, allowed_fix_files },
    { ACT_BASELINE, { 'b' }, "b", NULL, "baseline: record the pending versions up to the chosen one as applied, run none; once that version is typed", "unlocked, no version applied, a pending version is chosen", true, FOOTER_NEVER, allowed_baseline },
    { ACT_CANCEL, { 'c' }, "c", "cancel", "cancel this console's own run: what runs is rolled back, the lock is released", "it runs", false, FOOTER_IF_ALLOWED, allowed_cancel },
    { ACT_DRY_RUN, { 'd' }, "d", "dry run", "dry run: shows what u would do, and runs nothing", "connected, no run of this console", false, FOOTER_IF_ROOM, allowed_dry_run },
    { ACT_SEARCH, { '/' }, "/", "search", "look for a text in the pane", "always", false, FOOTER_IF_ROOM, NULL },
    { ACT_NEXT_PANE, { UK_TAB }, "Tab", "pane", "to the next pane", "always", false, FOOTER_IF_ROOM, NULL },
    { ACT_VERIFY, { 'v' }, "v", "verify", "verify: which files changed, are missing, half applied or can't run; from there f, m and w help", "connected once", false, FOOTER_IF_ROOM, allowed_verify },
    { ACT_COPY, { 'y' }, "y", "copy", "copy the facts of the lock pane, elsewhere the chosen file's name (OSC 52)", "something is chosen", false, FOOTER_IF_ROOM, allowed_copy },
    { ACT_PAGER, { 'o' }, "o", NULL, "open the chosen file in $PAGER", "a file is chosen, no run of this console", false, FOOTER_NEVER, allowed_file },
    { ACT_EDITOR, { 'e' }, "e", NULL, "open the chosen file in $VISUAL or $EDITOR", "a file is chosen, no run of this console", false, FOOTER_NEVER, allowed_file },
    { ACT_NEXT, { 'n' }, "n", NULL, "to the next place that holds the text", "always", false, FOOTER_NEVER, NULL },
    { ACT_PREV, { 'N' }, "N", NULL, "to the place before that holds the text", "always", false, FOOTER_NEVER, NULL },
    { ACT_OPEN, { UK_ENTER }, "Enter", NULL, "to the detail of the chosen migration; confirms nothing", "always", false, FOOTER_NEVER, NULL },
    { ACT_BACK, { UK_ESC }, "Esc", NULL, "back from the detail or the zoom; leave a dialog; put the log away", "always", false, FOOTER_NEVER, NULL },
    { ACT_ZOOM, { 'z' }, "z", NULL, "let the pane take all the room below the lock, or give it back", "always", false, FOOTER_NEVER, NULL },
    { ACT_DOWN, { 'j', UK_DOWN }, "j Down", NULL, "one line down", "always", false, FOOTER_NEVER, NULL },
    { ACT_UP, { 'k', UK_UP }, "k Up", NULL, "one line up", "always", false, FOOTER_NEVER, NULL },
    { ACT_TOP, { 'g', UK_HOME }, "g Home", NULL, "to the first line", "always", false, FOOTER_NEVER, NULL },
    { ACT_BOTTOM, { 'G', UK_END }, "G End", NULL, "to the last line", "always", false, FOOTER_NEVER, NULL },
    { ACT_PAGE_DOWN, { UK_PAGE_DOWN }, "PgDn", NULL, "one page down", "always", false, FOOTER_NEVER, NULL },
    { ACT_PAGE_UP, { UK_PAGE_UP }, "PgUp", NULL, "one page up", "always", false, FOOTER_NEVER, NULL },
    { ACT_PREV_PANE, { UK_BACK_TAB }, "S-Tab", NULL, "to the pane before", "always", false, FOOTER_NEVER, NULL },
    { ACT_PANE, { '1', '2', '3', '4', '5' }, "1 2 3 4 5", NULL, "to the pane of that number", "always", false, FOOTER_NEVER, NULL },
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
        char words[200];
        model_read_only_words(m, words, sizeof words);
        snprintf(why, size, "%s is off: %s", action->names, words);
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
    } else if (action->id == ACT_UPGRADE_TO && chosen_pending(m)) {
        snprintf(to, size, "U up to %s", chosen_pending(m)->label);
    } else if (action->id == ACT_ROLLBACK_TO && chosen_applied(m)) {
        snprintf(to, size, "R down to %s", chosen_applied(m)->label);
    } else if (action->id == ACT_COPY && m->focus == PANE_LOCK) {
        snprintf(to, size, "y copy facts");
    } else if (action->id == ACT_VERIFY && m->snap && m->snap->listing->half_count) {
        snprintf(to, size, "v verify, resolve");
    } else if (action->id == ACT_RESOLVE && m->snap && m->snap->listing->half_count) {
        snprintf(to, size, "w resolve %s", m->snap->listing->half[0].label);
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

struct effect action_upgrade_plan(struct model *m, int count)
{
    struct effect fx = ask_for_plan(m, DIALOG_UPGRADE, PLAN_UPGRADE, false);
    fx.count = m->dialog.count = count;
    return fx;
}

/* Up to the chosen one: so many versions are pending before it, and it. */
static struct effect upgrade_to(struct model *m)
{
    int count = 0;
    for (size_t i = 0; i <= m->pending.chosen; i++)
        count += m->snap->listing->pending[i].type == MIGRATION_VERSIONED;
    return action_upgrade_plan(m, count);
}

static struct effect roll_back_to(struct model *m)
{
    struct effect fx = ask_for_plan(m, DIALOG_ROLLBACK, PLAN_ROLLBACK, false);
    text_copy(m->dialog.to_version, sizeof m->dialog.to_version, chosen_applied(m)->version);
    text_copy(fx.to_version, sizeof fx.to_version, m->dialog.to_version);
    return fx;
}

static struct effect take_over(struct model *m)
{
    struct effect fx = ask_for_plan(m, DIALOG_UPGRADE, PLAN_UPGRADE, false);
    m->dialog.take_over = true;
    m->dialog.lock = m->snap->lock;
    return fx;
}

static struct effect copy(struct model *m)
{
    struct sheet s = { .width = m->cols - 4 };
    size_t used = 0;
    m->copy[0] = '\0';
    if (m->focus != PANE_LOCK) {
        text_copy(m->copy, sizeof m->copy, m->want.file);
        return (struct effect){ .what = FX_COPY };
    }
    pane_lock_fill(m, &s);
    for (size_t i = 0; i < s.count && used < sizeof m->copy; i++)
        used += (size_t)snprintf(m->copy + used, sizeof m->copy - used, "%s%s%s\n", s.lines[i].left, s.lines[i].right ? "  " : "", s.lines[i].right ? s.lines[i].right : "");
    sheet_free(&s);
    return (struct effect){ .what = FX_COPY };
}

static struct effect quit(struct model *m)
{
    if (!m->run.on)
        return (struct effect){ .what = FX_QUIT };
    dialog_open(m, DIALOG_QUIT, STAGE_ASK);
    return (struct effect){ .flush = true };
}

static struct effect opened(struct effect fx)
{
    fx.flush = true;
    return fx;
}

/* What only changes what is shown. */
static void look(struct model *m, enum action_id id, int key)
{
    enum { FAR = 1000000000 };
    switch (id) {
    case ACT_DOWN: navigate_move(m, 1, 0); break;
    case ACT_UP: navigate_move(m, -1, 0); break;
    case ACT_TOP: navigate_move(m, -FAR, 0); break;
    case ACT_BOTTOM: navigate_move(m, FAR, 0); break;
    case ACT_PAGE_DOWN: navigate_move(m, 0, 1); break;
    case ACT_PAGE_UP: navigate_move(m, 0, -1); break;
    case ACT_NEXT_PANE: navigate_pane(m, 1); break;
    case ACT_PREV_PANE: navigate_pane(m, -1); break;
    case ACT_PANE: navigate_to(m, (enum pane)(key - '0')); break;
    case ACT_OPEN: navigate_open(m); break;
    case ACT_BACK: navigate_back(m); break;
    case ACT_ZOOM: m->zoom = !m->zoom && m->focus != PANE_LOCK; break;
    case ACT_SEARCH: navigate_search(m); break;
    case ACT_NEXT: navigate_find(m, 1); break;
    case ACT_PREV: navigate_find(m, -1); break;
    default: break;
    }
}

struct effect action_do(struct model *m, const struct action *action, int key)
{
    switch (action->id) {
    case ACT_UPGRADE: return ask_for_plan(m, DIALOG_UPGRADE, PLAN_UPGRADE, false);
    case ACT_UPGRADE_TO: return upgrade_to(m);
    case ACT_DRY_RUN: return ask_for_plan(m, DIALOG_UPGRADE, PLAN_UPGRADE, true);
    case ACT_ROLLBACK: return ask_for_plan(m, DIALOG_ROLLBACK, PLAN_ROLLBACK, false);
    case ACT_ROLLBACK_TO: return roll_back_to(m);
    case ACT_TAKE_OVER: return take_over(m);
    case ACT_UNLOCK:
        dialog_unlock_open(m);
        return opened((struct effect){ .what = FX_NONE });
    case ACT_CANCEL_BLOCKER:
    case ACT_END_BLOCKER:
        dialog_blocker_open(m, action->id == ACT_END_BLOCKER);
        return opened((struct effect){ .what = FX_NONE });
    case ACT_CANCEL:
        dialog_open(m, DIALOG_CANCEL, STAGE_ASK);
        return opened((struct effect){ .what = FX_NONE });
    case ACT_RESOLVE: return dialog_resolve_open(m);
    case ACT_FIX_CHECKSUMS: return dialog_fix_open(m, REPAIR_CHECKSUMS);
    case ACT_FIX_FILES: return dialog_fix_open(m, REPAIR_FILES);
    case ACT_BASELINE: return dialog_baseline_open(m);
    case ACT_VERIFY:
        dialog_open(m, DIALOG_VERIFY, STAGE_TOLD);
        return opened((struct effect){ .what = FX_NONE });
    case ACT_HELP:
        dialog_open(m, DIALOG_HELP, STAGE_TOLD);
        return opened((struct effect){ .what = FX_NONE });
    case ACT_COPY: return copy(m);
    case ACT_PAGER: return (struct effect){ .what = FX_PAGER };
    case ACT_EDITOR: return (struct effect){ .what = FX_EDITOR };
    case ACT_REDRAW: return (struct effect){ .what = FX_REDRAW };
    case ACT_QUIT: return quit(m);
    default: break;
    }
    look(m, action->id, key);
    return (struct effect){ .what = FX_NONE };
}
