/* action.h: the one table of keys. Footer, help and manual page come from it or are checked against it. */
#ifndef JETBASE_UI_ACTION_H
#define JETBASE_UI_ACTION_H

#include "model.h"

enum action_id {
    ACT_UPGRADE, ACT_UPGRADE_TO, ACT_ROLLBACK, ACT_ROLLBACK_TO, ACT_UNLOCK, ACT_TAKE_OVER, ACT_CANCEL, ACT_CANCEL_BLOCKER, ACT_END_BLOCKER, ACT_DRY_RUN, ACT_VERIFY, ACT_RESOLVE, ACT_FIX_CHECKSUMS, ACT_FIX_FILES, ACT_BASELINE,
    ACT_COPY, ACT_PAGER, ACT_EDITOR, ACT_SEARCH, ACT_NEXT, ACT_PREV, ACT_OPEN, ACT_ZOOM,
    ACT_DOWN, ACT_UP, ACT_TOP, ACT_BOTTOM, ACT_PAGE_DOWN, ACT_PAGE_UP, ACT_NEXT_PANE, ACT_PREV_PANE, ACT_PANE, ACT_BACK,
    ACT_REDRAW, ACT_HELP, ACT_QUIT
};

/* Whether a footer shows an action. */
enum action_footer { FOOTER_NEVER, FOOTER_IF_ALLOWED, FOOTER_IF_ROOM };

struct action {
    enum action_id id;
    int keys[6];              /* 0 ends them */
    const char *names;        /* the keys as help and manual name them, parted by blanks: "j Down" */
    const char *label;        /* in the footer, one or two words; NULL where it never stands there */
    const char *help;         /* what it does */
    const char *when;         /* when it is allowed, in words */
    bool changes;             /* it writes to the database: --read-only takes it away, and a protected target without --yes */
    enum action_footer footer;
    bool (*allowed)(const struct model *model, char *why, size_t size); /* MAY be NULL: always. False: why not, in words */
};

/* The table, and how many there are. In the order of footer and help. */
extern const struct action actions[];
extern const size_t actions_count;

/* The action of a key, or NULL. */
const struct action *action_for(int key);
/* May it be done now? Else `why` says why not. */
bool action_allowed(const struct model *model, const struct action *action, char *why, size_t size);
/* Asks for the plan of an upgrade of the next `count` versions (0: of all that is pending), as u and U do; the caller has asked action_allowed. */
struct effect action_upgrade_plan(struct model *model, int count);
/* Does it; the caller has asked action_allowed. */
struct effect action_do(struct model *model, const struct action *action, int key);
/* What the footer says of it now: "c cancel (rolls V15 back, V14 stays)". */
void action_footer_words(const struct model *model, const struct action *action, char *to, size_t size);

#endif
