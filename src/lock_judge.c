/* lock_judge.c: the judge of the lock: verdict, evidence and effect in words, from what was seen alone. */
#include <stdio.h>
#include <string.h>

#include "lock.h"
#include "text.h"

const char *lock_verdict_name(enum lock_verdict verdict)
{
    static const char *const names[] = { "free", "alive", "dead", "unknown" };
    return names[verdict];
}

/* Why nothing can be said, for each way in which the witness can't be asked. */
static const char *why_words(enum db_why why)
{
    switch (why) {
    case WHY_OTHER_PROGRAM:
        return "the lock of another program: not a run of ours, whether it still runs cannot be told from here";
    case WHY_UNWITNESSED:
        return "its run has no witness: whether it still runs cannot be told from here";
    case WHY_POOLER:
        return "this connection goes through a pooler: the server's locks say nothing about the holder";
    case WHY_STANDBY:
        return "this server is a standby: rows are replicated, locks are not";
    case WHY_OTHER_BOOT:
        return "taken on another machine, or before a restart: its kernel cannot be asked from here";
    case WHY_OTHER_FILE:
        return "taken on another file (a copy, a restored file or an overlay): its kernel lock is not on this one";
    case WHY_FOREIGN_LOCK:
        return "some other lock stands where its witness would be";
    case WHY_NO_LOCKS:
        return "this file system or URL gives no locks to ask";
    case WHY_HIDDEN:
        return "the server does not show its locks to this role";
    case WHY_NONE:
        break;
    }
    return "its witness cannot be asked";
}

static void alive_words(const struct db_lock_row *row, char *evidence, size_t size)
{
    if (row->own)
        snprintf(evidence, size, "a run of this very process");
    else if (row->session_pid > 0)
        snprintf(evidence, size, "session %d can still commit", row->session_pid);
    else
        snprintf(evidence, size, "process %d on %s holds its mark on the database file, it can still commit", row->run.pid, row->run.host);
}

enum lock_verdict lock_judge(const struct db_lock_row *row, char *evidence, size_t size)
{
    if (size)
        evidence[0] = '\0';
    if (!row->table || !row->row || !row->locked)
        return LOCK_FREE;
    if (row->own) { /* known from this side, with a row and a witness or without */
        alive_words(row, evidence, size);
        return LOCK_ALIVE;
    }
    if (!row->has_run) {
        snprintf(evidence, size, "%s", why_words(row->why == WHY_NONE ? WHY_OTHER_PROGRAM : row->why));
        return LOCK_UNKNOWN;
    }
    if (row->witness == WITNESS_HELD) {
        alive_words(row, evidence, size);
        return LOCK_ALIVE;
    }
    /* Absence proves death only for a run that had a witness and where the question could be asked. */
    if (row->witness == WITNESS_ABSENT && row->run.witness[0] && row->why == WHY_NONE) {
        snprintf(evidence, size, row->run.session_pid > 0 ? "its session is gone, it cannot commit" : "its process is gone, it cannot commit");
        return LOCK_DEAD;
    }
    snprintf(evidence, size, "%s", why_words(row->run.witness[0] ? row->why : WHY_UNWITNESSED));
    return LOCK_UNKNOWN;
}

/* The file the run was in, made safe, or what such a run does. */
static void file_words(const struct lock_view *view, char *to, size_t size)
{
    const char *command = view->row.run.command;
    bool repairs = strncmp(command, "fix", 3) == 0 || strncmp(command, "validate", 8) == 0;
    if (view->row.run.file[0])
        text_visible(to, size, view->row.run.file);
    else
        snprintf(to, size, "%s", strcmp(command, "baseline") == 0 ? "its baseline" : repairs ? "its repair of history" : "its migration");
}

static void effect_dead(const struct lock_view *view, char *to, size_t size)
{
    char file[256];
    const struct run_row *run = &view->row.run;
    file_words(view, file, sizeof file);
    if (run->no_transaction && run->started_statement > 0 && run->done_statement >= run->started_statement)
        snprintf(to, size, "no running work is touched; %s is half applied: %d of %d statements are done", file, run->done_statement, run->statements);
    else if (run->no_transaction && run->started_statement > 0)
        snprintf(to, size, "no running work is touched; %s is half applied: statement %d of %d may have run", file, run->started_statement, run->statements);
    else if (run->file[0]) /* only of its own work is something known: another run may have applied that file before this one took the lock */
        snprintf(to, size, "no running work is touched; %s was not %s by it, nothing of that work remains; what it had committed before stands", file,
                 strcmp(run->command, "rollback") == 0 ? "rolled back" : "applied");
    else
        snprintf(to, size, "no running work is touched; what it had committed stands");
}

/* There the holder has the whole file to itself while a migration runs. */
static bool on_sqlite(const struct run_row *run)
{
    return strncmp(run->witness, "ofd:", 4) == 0;
}

void lock_effect(const struct lock_view *view, char *to, size_t size)
{
    char file[256];
    if (size)
        to[0] = '\0';
    if (view->verdict == LOCK_FREE)
        return;
    file_words(view, file, sizeof file);
    if (view->verdict == LOCK_DEAD)
        effect_dead(view, to, size);
    else if (view->row.why == WHY_STANDBY)
        snprintf(to, size, "refused here: a standby can't be written; ask the primary");
    else if (!view->row.has_run && !view->row.own)
        snprintf(to, size, "the lock is free, but whoever holds it goes on: two programs may then migrate at once");
    else if (!view->fenced)
        snprintf(to, size, "refused without ending its session: a statement of %s would go on beside the next run", file);
    else if (view->verdict == LOCK_ALIVE)
        snprintf(to, size, on_sqlite(&view->row.run) ? "an unlock waits while %s runs, and is then refused; between two migrations it frees the lock: the run then rolls back at its fence, data is not harmed"
                                                     : "unlocking does not stop it at once: %s rolls back at its fence; its work is lost, data is not harmed", file);
    else
        snprintf(to, size, "if it still runs, %s rolls back at its fence; its work is lost, data is not harmed", file);
}
