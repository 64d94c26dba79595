/* files.h: the migration files as the watcher knows them: they are read again only where something may have changed. */
#ifndef JETBASE_UI_FILES_H
#define JETBASE_UI_FILES_H

#include "migration.h"
#include "project.h"

struct files;

/* Begins to watch the project's migrations/. What it is given must live as long. NULL where memory ran out. */
struct files *files_open(const struct project *project, const struct sys *sys);
/* Frees it, and the folder that it gave. NULL is allowed. */
void files_close(struct files *files);
/* A descriptor that becomes readable once something has happened to the files; -1: this system can't tell. */
int files_fd(const struct files *files);
/* How long, in ms, may be waited until files_changed() is asked again without word from the descriptor? At most what is `left`. */
int files_wait_ms(const struct files *files, int64_t left);
/* May the files be others than those of the last files_read()? Empties the descriptor. Opens none of them, and walks the folder only where there was word of a change, or nobody can give it, or the last walk is long ago in proportion to what it cost. */
bool files_changed(struct files *files);
/* Reads the folder as it is now, to be asked after files_changed(); what was known of unchanged files is kept (facts.h). NULL with *fault where it can't be read. It stays the files' own. */
struct folder *files_read(struct files *files, struct error *fault);
/* The folder as it was read last. NULL with *fault where it could not be read. */
struct folder *files_folder(const struct files *files, struct error *fault);

#endif
