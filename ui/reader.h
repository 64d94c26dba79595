/* reader.h: the thread that reads migration files for the detail pane: no database, so that a dead server hides no file. */
#ifndef JETBASE_UI_READER_H
#define JETBASE_UI_READER_H

#include "message.h"

struct reader;

/* Starts it. project and mail must outlive it. NULL with *err. */
struct reader *reader_start(const struct project *project, struct mailbox *mail, struct error *err);
/* Reads this file and posts MSG_DETAIL; a question that was not begun yet is given up for it. */
void reader_ask(struct reader *reader, const struct detail_want *want);
/* Ends it and frees it, waiting timeout_ms at most. False: it hangs in the file system; it and what was lent to it must stay until the program ends. NULL is allowed. */
bool reader_stop(struct reader *reader, int timeout_ms);

#endif
