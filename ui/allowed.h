/* allowed.h: when each key is allowed. Pure. Each answers false with why not, in words safe to show. */
#ifndef JETBASE_UI_ALLOWED_H
#define JETBASE_UI_ALLOWED_H

#include "model.h"

/* One for each action that is not always allowed; the table in action.c says in words when. */
bool allowed_upgrade(const struct model *model, char *why, size_t size);
bool allowed_upgrade_to(const struct model *model, char *why, size_t size);
bool allowed_take_over(const struct model *model, char *why, size_t size);
bool allowed_roll_back(const struct model *model, char *why, size_t size);
bool allowed_roll_back_to(const struct model *model, char *why, size_t size);
bool allowed_unlock(const struct model *model, char *why, size_t size);
bool allowed_cancel(const struct model *model, char *why, size_t size);
bool allowed_dry_run(const struct model *model, char *why, size_t size);
bool allowed_end_blocker(const struct model *model, char *why, size_t size);
bool allowed_cancel_blocker(const struct model *model, char *why, size_t size);
bool allowed_file(const struct model *model, char *why, size_t size);
bool allowed_copy(const struct model *model, char *why, size_t size);
bool allowed_fix_checksums(const struct model *model, char *why, size_t size);
bool allowed_baseline(const struct model *model, char *why, size_t size);
bool allowed_fix_files(const struct model *model, char *why, size_t size);
bool allowed_resolve(const struct model *model, char *why, size_t size);
bool allowed_verify(const struct model *model, char *why, size_t size);

#endif
