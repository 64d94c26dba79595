/* folder_watch.h: tells that something happened in migrations/, as the kernel reports it. */
#ifndef JETBASE_UI_FOLDER_WATCH_H
#define JETBASE_UI_FOLDER_WATCH_H

#include <stdbool.h>

/* Begins to watch DIR/migrations with its sub-folders, also where it does not exist yet. A descriptor that becomes readable once something may have changed; -1 where this system can't tell (no inotify, its limit is reached, a file system that others can write to unseen): then look yourself. *whole: every folder of it is watched. */
int folder_watch_open(const char *project_dir, bool *whole);
/* Empties it, and watches sub-folders that have come since (*whole anew). True where there was something. */
bool folder_watch_take(int fd, const char *project_dir, bool *whole);

#endif
