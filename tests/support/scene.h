/* scene.h: hand-made looks, plans and events for tests of the console that need no database. */
#ifndef JETBASE_TESTS_SCENE_H
#define JETBASE_TESTS_SCENE_H

#include "model.h"

#define SCENE_ID "7f3c9a52-1d0e-4b5e-9c1f-2a8e6c1b77e1"
#define SCENE_CHECKSUM "9f2c41d07a3bffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define SCENE_OTHER_ID "c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab"

/* An unlocked PostgreSQL database "shop": V14, V15 and an ROC pending, V13 down to V1 applied, one run. The caller may change it before it is shown, and owns one reference. */
struct snapshot *scene_look(void);
/* The same, locked: by our kind of run with that verdict (effect and evidence from the judge), in V14. */
struct snapshot *scene_locked(enum lock_verdict verdict);
/* The same, locked by another program. */
struct snapshot *scene_other(void);
/* Empties the pending list. */
void scene_drop_pending(struct snapshot *snap);

/* What a model may have seen. */
enum scene_state {
    SCENE_NOTHING_SEEN, SCENE_UNLOCKED, SCENE_NOTHING_PENDING, SCENE_NOTHING_APPLIED, SCENE_DISAGREES, SCENE_ALIVE, SCENE_DEAD, SCENE_UNKNOWN, SCENE_OTHER,
    SCENE_OWN_RUN,   /* confirmed, two files, nothing told yet */
    SCENE_DOWN, SCENE_STANDBY, SCENE_STATES
};
/* A model of 80x24 that has seen nothing, or is in that state; scene_drop() frees it. */
struct model *scene_model(bool read_only);
struct model *scene_in(enum scene_state state, bool read_only);
void scene_drop(struct model *model);

/* Applies a message now, and drops it. */
struct effect scene_apply(struct model *model, struct model_msg *msg);
/* Applies a look (and gives the reference up), a key, a tick after ms. */
struct effect scene_see(struct model *model, struct snapshot *snap);
struct effect scene_key(struct model *model, int key);
/* Each character of the text as a key; the effect of the last one. */
struct effect scene_type(struct model *model, const char *text);
void scene_tick(struct model *model, int ms);
/* The connection is lost. */
void scene_down(struct model *model, const char *message);
/* A plan of n files, V14 … (upgrade) or V13 … (rollback), two statements each (0 for `bare`, counted from 1; 0: none), as answer to that job. */
struct effect scene_plan(struct model *model, uint64_t job, enum plan_direction direction, int n, int bare);
/* An event of our own run, with SCENE_ID. */
void scene_note(struct model *model, enum engine_event_kind kind, const char *file, unsigned migration, unsigned statement);
/* Our own run has ended. */
struct effect scene_returned(struct model *model, int exit_code, enum error_code code, const char *message);
/* What was read of the wanted file: two statements and one rollback statement, with SCENE_CHECKSUM; fault: why it could not be read, or NULL. */
void scene_detail(struct model *model, const char *fault);
/* The answer to FX_BLOCKER. */
struct effect scene_stopped(struct model *model, uint64_t job, bool asked, bool done);
/* A blocker of the holder's session, in that state. */
void scene_blocker(struct snapshot *snap, int pid, const char *state);
/* The mouse in that cell. */
struct effect scene_mouse(struct model *model, enum mouse_what what, int row, int col);
/* The answer to an unlock. */
struct effect scene_unlocked(struct model *model, uint64_t job, enum lock_answer answer, const char *message);

#endif
