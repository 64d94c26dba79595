/* pg_silence.c: an answer that does not come: is the server still at work, or did the answer get lost on the way? Asked over a connection of its own, since the silent one can't tell. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "failpoint.h"
#include "pg_private.h"
#include "text.h"

enum { SECOND_LOOK_MS = 1000, TICK_MS = 100 };

/* Does the server say that no answer is to come any more? Where it can't be asked it does not. */
static bool nothing_comes(struct db *db, struct db *probe)
{
    struct db_session session;
    struct error ignored = { 0 };
    if (strcmp(db->server_start, probe->server_start) != 0) {
        text_copy(db->last_words, sizeof db->last_words, "no answer came, and another server answers there now");
        return true;
    }
    if (!pg_session_read(probe, db->about.session_pid, &session, &ignored))
        return false;
    if (session.found && strcmp(session.wait, "Client/ClientRead") != 0)
        return false;
    snprintf(db->last_words, sizeof db->last_words, session.found ? "no answer came, and on the server session %d waits for this program: what was said got lost on the way" :
                                                                    "no answer came, and on the server session %d is gone", db->about.session_pid);
    return true;
}

/* Twice with a pause in between, in which nothing may come: an answer may just be on its way. */
static bool is_lost(struct db *db)
{
    struct db_target target = db->target;
    struct error ignored = { 0 };
    struct db *probe;
    bool lost;
    if (db->mode == DB_LOOK || !db->server_start[0]) {
        /* It runs under a statement_timeout, and may be asked again: that is enough. So may a server of which nothing is known yet, since nothing was done. */
        text_copy(db->last_words, sizeof db->last_words, "no answer came");
        return true;
    }
    if (db->about.pooler)
        return false;
    target.stop = NULL;
    target.wake_fd = -1;
    target.history = false;
    if (!pg_open(&target, DB_LOOK, &probe, &ignored))
        return false;
    lost = nothing_comes(db, probe) && pg_wait(db, SECOND_LOOK_MS, -1) == WOKEN_TIMEOUT && nothing_comes(db, probe);
    pg_close(probe);
    if (!lost)
        db->last_words[0] = '\0';
    return lost;
}

/* Bytes that the kernel holds for the other side, which has not taken them yet: the library's own buffer may be empty long before a slow link has passed them on. */
static int queued(const struct db *db)
{
    int bytes = 0;
#ifdef TIOCOUTQ
    if (ioctl(PQsocket(db->conn), TIOCOUTQ, &bytes) != 0)
        bytes = 0;
#endif
    return bytes;
}

/* The silence has lasted. Is it one at all? The server waits for us as long as a message is not there whole. */
static bool still_sending(struct db *db, int quiet_ms)
{
    int64_t now = db->sys->mono_ms();
    int bytes = queued(db);
    if (bytes != db->heard_queued) {
        db->heard_queued = bytes;
        db->heard_ms = now;
        return true;
    }
    return (bytes > 0 || PQflush(db->conn) > 0) && now - db->heard_ms < (int64_t)quiet_ms * PG_STUCK_TIMES;
}

/* As long as an answer is waited for, time passes for whoever listens. */
static enum pg_woken wait_ticking(struct db *db, int wait_ms, int wake_fd)
{
    enum pg_woken woken = pg_wait(db, db->target.tick && wait_ms > TICK_MS ? TICK_MS : wait_ms, wake_fd);
    if (db->target.tick)
        db->target.tick(db->target.tick_user);
    return woken;
}

enum pg_woken pg_wait_answer(struct db *db, int timeout_ms, int wake_fd)
{
    int quiet_ms = FAILPOINT_MS("silence", PG_SILENCE_MS), wait_ms = timeout_ms;
    int64_t now = db->sys->mono_ms(), left;
    enum pg_woken woken;
    if (db->heard_ms == 0) {
        db->heard_ms = now;
        db->heard_queued = queued(db);
    }
    left = db->heard_ms + quiet_ms - now;
    if (left <= 0 && still_sending(db, quiet_ms)) {
        left = quiet_ms;
    } else if (left <= 0 && is_lost(db)) {
        /* For the library too: nothing of it is to be waited for any more. */
        shutdown(PQsocket(db->conn), SHUT_RDWR);
        PQconsumeInput(db->conn);
        return WOKEN_LOST;
    } else if (left <= 0) {
        db->heard_ms = db->sys->mono_ms();
        left = quiet_ms;
    }
    if (wait_ms < 0 || wait_ms > left)
        wait_ms = (int)left;
    woken = wait_ticking(db, wait_ms, wake_fd);
    if (woken == WOKEN_INPUT)
        db->heard_ms = 0;
    return woken;
}
