/* lock_words.c: the holder of the lock in one line, and the error of a lock that somebody else has. */
#include <stdio.h>
#include <string.h>

#include "lock_private.h"
#include "output.h"
#include "text.h"

/* Text of the database, made safe. */
static void put(struct text *t, const char *foreign)
{
    char safe[600];
    text_visible(safe, sizeof safe, foreign);
    text_puts(t, safe);
}

static void holder_words(const struct lock_view *view, struct text *t)
{
    const struct run_row *run = &view->row.run;
    text_puts(t, "process ID ");
    put(t, view->row.process_id[0] ? view->row.process_id : "(none)");
    if (!view->row.has_run) {
        text_puts(t, ", locked at ");
        put(t, view->row.locked_at[0] ? view->row.locked_at : "(not known)");
        text_puts(t, " server time");
        return;
    }
    text_puts(t, ", ");
    put(t, run->os_user);
    text_puts(t, "@");
    put(t, run->host);
    text_printf(t, ", pid %d (", run->pid);
    put(t, run->program);
    text_puts(t, " ");
    put(t, run->command);
    if (run->file[0]) {
        text_puts(t, ", ");
        put(t, run->file);
    }
    if (run->no_transaction && run->started_statement > 0)
        text_printf(t, ", statement %d of %d, outside a transaction", run->started_statement, run->statements);
    text_printf(t, "), since %s", run->acquired_at);
}

static void blocker_words(const struct db_blocker *b, struct text *t)
{
    char age[32];
    output_age(b->age_s, age, sizeof age);
    text_printf(t, "session %d (", b->pid);
    put(t, b->user[0] ? b->user : "?");
    if (b->address[0]) {
        text_puts(t, "@");
        put(t, b->address);
    }
    if (b->application[0]) {
        text_puts(t, " \"");
        put(t, b->application);
        text_puts(t, "\"");
    }
    text_puts(t, ", ");
    put(t, b->state[0] ? b->state : "state not known");
    text_printf(t, " for %s)", age);
}

/* Who waits for whom; nothing where the holder waits for nobody. */
static void session_words(const struct db_session *s, struct text *t)
{
    if (s->found && s->blockers > 0) {
        text_printf(t, "; its session %d waits", s->pid);
        if (s->wait[0]) {
            text_puts(t, " (");
            put(t, s->wait);
            text_puts(t, ")");
        }
        text_puts(t, ", blocked by ");
        for (int i = 0; i < s->blockers; i++) {
            text_puts(t, i ? ", " : "");
            blocker_words(&s->blocked_by[i], t);
        }
    }
    if (s->found && s->waiting_behind > 0)
        text_printf(t, "; %d session%s wait%s behind it", s->waiting_behind, s->waiting_behind == 1 ? "" : "s", s->waiting_behind == 1 ? "s" : "");
}

void lock_words(const struct lock_view *view, char *to, size_t size)
{
    struct text t = { 0 };
    holder_words(view, &t);
    text_printf(&t, "; %s: %s", lock_verdict_name(view->verdict), view->evidence);
    session_words(&view->session, &t);
    text_copy(to, size, text_string(&t));
    text_free(&t);
}

void lock_held_error(const struct lock_view *holder, struct error *err)
{
    char who[sizeof err->detail];
    error_set(err, ERR_LOCK_HELD, "Migration lock is already held by another process.");
    if (holder->verdict == LOCK_FREE) {
        error_detail(err, "It names nobody now: when this run asked, somebody held it or kept its row locked.");
        error_hint(err, "Nothing was done. Run the command again.");
        return;
    }
    lock_words(holder, who, sizeof who);
    error_detail(err, "%s", who);
    if (holder->verdict == LOCK_DEAD)
        error_hint(err, "Nothing was done. Its holder is dead: `jetbase upgrade --take-over-dead` goes on, `jetbase unlock --if-dead` only unlocks.");
    else if (holder->verdict == LOCK_ALIVE)
        error_hint(err, "Nothing was done. Wait until it has ended (--wait 5min does); `jetbase lock-status` shows what it does.");
    else
        error_hint(err, "Nothing was done. Make sure that its holder has ended, then: jetbase unlock --process-id %s", holder->row.process_id);
}
