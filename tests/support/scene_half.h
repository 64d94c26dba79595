/* scene_half.h: half-applied files and repairs, made by hand, for tests of the console. */
#ifndef JETBASE_TESTS_SCENE_HALF_H
#define JETBASE_TESTS_SCENE_HALF_H

#include "scene.h"

/* V14 of the look, five statements outside a transaction, was left half applied by SCENE_ID so far; an index is invalid. */
void scene_leave_half(struct snapshot *snap, int started, int done);
/* A look at a dead holder that left it so. */
struct snapshot *scene_dead_half(int started, int done);
/* A model that has seen V14 half applied, statement 2 of 5 unsure, and the lock free. */
struct model *scene_half_model(bool read_only);
/* What was found out of V14 as answer to that job; same: the file was not changed since. */
struct effect scene_known(struct model *model, uint64_t job, int started, int done, bool same);
/* What a repair would change, as answer to that job: so many changed (V13 …) and missing (V1 …) versions. */
struct effect scene_found(struct model *model, uint64_t job, int changed, int missing);

#endif
