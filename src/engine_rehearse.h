/* engine_rehearse.h: what the two files of a rehearsal share: its state, and the running of one part of a file. */
#ifndef JETBASE_ENGINE_REHEARSE_H
#define JETBASE_ENGINE_REHEARSE_H

#include "engine_private.h"
#include "rehearsal.h"
#include "schema.h"

/* A rehearsal on its way. */
struct rehearsing {
    struct run run;
    struct engine_wish wish;     /* run.wish */
    const struct db_rehearsing *driver;
    struct rehearsal *found;
    struct schema *before;       /* as the files so far have left it */
    struct error why;            /* why it ended before its end */
    bool over;                   /* nothing more is to be rehearsed */
    size_t left_out;             /* how many files were passed over, since they can't be rehearsed */
    const char *first_left_out;  /* the first of them */
    bool holds;                  /* locks on tables that were there before */
    bool adds_value;             /* an earlier file adds a value to an enum, which nothing may use before a COMMIT */
};

/* Runs the upgrade part or (undo) the rollback part of file i. True where all of it ran; else part->error says why, or g->over is set. */
bool rehearse_part(struct rehearsing *g, uint32_t i, bool undo, const struct script_facts *facts, struct rehearsal_part *part);
/* Was a signal or a person heard? Then the rehearsal is over, and why it is. */
bool rehearse_stopped(struct rehearsing *g);
/* Is this no fault of the file, but the end of the whole rehearsal (somebody waits, a wish to stop, the connection)? Then g->over, g->why and the outcome say so. */
bool rehearse_ended(struct rehearsing *g, const struct error *fault);
/* Fills *err. Always false. */
bool rehearse_no_memory(struct error *err);

#endif
