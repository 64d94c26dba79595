/* engine_window.h: the steps that are on their way, for the files that send them: engine_migrate.c and engine_outside.c. */
#ifndef JETBASE_ENGINE_WINDOW_H
#define JETBASE_ENGINE_WINDOW_H

#include "engine_private.h"

struct sent; /* a statement on its way */

struct window {
    struct run *run;
    struct sent *first, *last;
    struct script *script;    /* the file whose statements are on their way: long ones are sent from its window */
    unsigned outstanding;
    size_t bytes;
    bool commit_out;          /* a COMMIT has no answer yet: that of item run->done */
    bool down;
    int64_t started_ms;       /* of the item that was sent last */
    int64_t committing_ms;    /* of the item whose COMMIT is out */
    struct db_record record;
    char mark[540], application[600], by[520], prefix[CHECKSUM_SIZE], prefix_done[CHECKSUM_SIZE]; /* of the statements before the one at hand, and with it */
    uint32_t begun;           /* items whose head was sent */
    uint32_t at_statement;    /* outside a transaction: the statement that was come to last, and where it stands */
    enum db_block at_block;
    bool failed, lost, cancelled;
    enum db_step_kind failed_kind;
    uint32_t failed_item;
    struct place failed_at;   /* of the statement that failed, where one did */
    struct error fault;
};

/* The i-th item of the plan, from 0. */
const struct plan_item *window_item(const struct window *w, uint32_t i);
/* Tells an event about item i. */
void window_tell(struct window *w, enum engine_event_kind kind, uint32_t i, struct engine_event event);
/* A statement as the text of a step, without a copy: it lives until the script is read on, or the driver is done with it. */
void window_text(struct db_step *step, struct script *script, const struct scan_statement *found);
/* A step of item i, filled as far as all are alike. */
struct db_step window_step(const struct window *w, enum db_step_kind kind, uint32_t i);
/* Queues it. False: w->fault is filled. */
bool window_submit(struct window *w, struct db_step *step);
/* Reads answers until at most `left` steps are on their way. False: something failed, or the connection is gone. */
bool window_drain(struct window *w, unsigned left);
/* Puts into w->record how earlier runs that left item i half applied are marked, and by whom. */
void window_resolution(struct window *w, uint32_t i);
/* Queues the head of item i. */
bool window_head(struct window *w, uint32_t i);
/* Queues reset, fence and record of item i. */
bool window_trailer(struct window *w, uint32_t i);
/* Reads the answer to a COMMIT that is still on its way, where one is. */
bool window_settle(struct window *w, uint32_t i);
/* Runs the statements of item i outside a transaction, one by one, each between its marks (engine_outside.c). False: stopped, or w->fault is filled. Head and trailer follow. */
bool window_outside(struct window *w, uint32_t i);

#endif
