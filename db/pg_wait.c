/* pg_wait.c: sends what is queued and waits for the server without ever doing only one of the two. */
#include <errno.h>
#include <poll.h>

#include "pg_private.h"

int pg_poll(struct db *db, struct pollfd *fds, unsigned count, int timeout_ms)
{
    struct db_target *t = &db->target;
    int64_t until = db->sys->mono_ms() + timeout_ms, left;
    while (t->idle) {
        int got = poll(fds, count, 0);
        if (got != 0 || (timeout_ms >= 0 && db->sys->mono_ms() >= until))
            return got;
        if (!t->idle(t->idle_user))
            t->idle = NULL;
    }
    left = until - db->sys->mono_ms();
    return poll(fds, count, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);
}

enum pg_woken pg_wait(struct db *db, int timeout_ms, int wake_fd)
{
    int unsent = PQflush(db->conn);
    struct pollfd fds[2] = { { .fd = PQsocket(db->conn), .events = POLLIN }, { .fd = wake_fd, .events = POLLIN } };
    if (fds[0].fd < 0)
        return WOKEN_LOST;
    if (unsent > 0)
        fds[0].events |= POLLOUT;
    int got = pg_poll(db, fds, 2, timeout_ms);
    if (got < 0)
        return errno == EINTR ? WOKEN_WAKE : WOKEN_LOST;
    if (got == 0)
        return WOKEN_TIMEOUT;
    if (fds[0].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) {
        /* On a closed connection the last words may still be in the buffer: the caller reads them before it gives up. */
        if (!PQconsumeInput(db->conn))
            return WOKEN_LOST;
        return WOKEN_INPUT;
    }
    return fds[0].revents ? WOKEN_INPUT : WOKEN_WAKE;
}
