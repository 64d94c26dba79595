/* message.c: copies of events, and the queue that carries them to the drawing thread. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "message.h"
#include "text.h"

struct mailbox {
    pthread_mutex_t mutex;
    struct model_msg *first, *last;
    int fd;
};

struct engine_note *note_copy(const struct engine_event *event)
{
    struct engine_note *note = calloc(1, sizeof *note);
    if (!note)
        return NULL;
    note->kind = event->kind;
    note->at_us = event->at_us;
    note->migration = event->migration;
    note->migrations = event->migrations;
    note->statement = event->statement;
    note->statements = event->statements;
    note->ms = event->ms;
    note->direction = event->direction;
    note->session_pid = event->session_pid;
    note->outcome = event->outcome;
    if (event->file)
        text_copy(note->file, sizeof note->file, event->file->file);
    if (event->process_id)
        text_copy(note->process_id, sizeof note->process_id, event->process_id);
    if (event->error && event->error->message[0])
        text_visible(note->text, sizeof note->text, event->error->message);
    else if (event->text)
        text_visible(note->text, sizeof note->text, event->text);
    return note;
}

void message_drop(struct model_msg *msg)
{
    switch (msg->kind) {
    case MSG_SNAPSHOT:
    case MSG_FILES:
        snapshot_unref(msg->u.snap);
        break;
    case MSG_DOWN:
        free(msg->u.down);
        break;
    case MSG_PLAN:
        preview_free(msg->u.plan->preview);
        free(msg->u.plan);
        break;
    case MSG_FOUND:
        repair_clear(&msg->u.found->repair);
        free(msg->u.found);
        break;
    case MSG_REHEARSED:
        rehearsal_free(msg->u.rehearsed->rehearsal);
        free(msg->u.rehearsed);
        break;
    case MSG_NOTE:
    case MSG_REHEARSING:
        free(msg->u.note);
        break;
    case MSG_RETURNED:
        free(msg->u.returned);
        break;
    case MSG_UNLOCKED:
        free(msg->u.unlocked);
        break;
    case MSG_BLOCKER:
        free(msg->u.blocker);
        break;
    case MSG_DETAIL:
        detail_free(msg->u.detail);
        break;
    case MSG_KEY:
    case MSG_MOUSE:
    case MSG_RESIZE:
    case MSG_TICK:
    case MSG_SIGNAL:
    case MSG_SUSPEND:
    case MSG_INTERRUPT:
        break;
    }
}

struct mailbox *mailbox_new(struct error *err)
{
    struct mailbox *box = calloc(1, sizeof *box);
    if (!box) {
        error_set(err, ERR_NO_MEMORY, "out of memory at the start of the console");
        return NULL;
    }
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (box->fd < 0) {
        error_set(err, ERR_FAILED, "the console can't start: eventfd: %s", strerror(errno));
        free(box);
        return NULL;
    }
    pthread_mutex_init(&box->mutex, NULL);
    return box;
}

void mailbox_free(struct mailbox *box)
{
    struct model_msg msg;
    if (!box)
        return;
    while (mailbox_take(box, &msg))
        message_drop(&msg);
    close(box->fd);
    pthread_mutex_destroy(&box->mutex);
    free(box);
}

int mailbox_fd(const struct mailbox *box)
{
    return box->fd;
}

/* A newer message that says all that the last one in the queue says. */
static bool replaces(const struct model_msg *newer, const struct model_msg *last)
{
    if (newer->kind != last->kind)
        return false;
    if (newer->kind == MSG_SNAPSHOT || newer->kind == MSG_DOWN || newer->kind == MSG_DETAIL || newer->kind == MSG_FILES || newer->kind == MSG_REHEARSING)
        return true;
    return newer->kind == MSG_NOTE && newer->u.note->kind == EV_STATEMENT_DONE && last->u.note->kind == EV_STATEMENT_DONE &&
           newer->u.note->migration == last->u.note->migration;
}

void mailbox_post(struct mailbox *box, const struct model_msg *msg)
{
    struct model_msg *copy, old = { .kind = MSG_TICK };
    uint64_t one = 1;
    while (!(copy = malloc(sizeof *copy))) {
        /* Looks come again; the end of a run must arrive. */
        if (msg->kind == MSG_SNAPSHOT || msg->kind == MSG_FILES || msg->kind == MSG_DOWN || msg->kind == MSG_DETAIL || msg->kind == MSG_NOTE || msg->kind == MSG_REHEARSING) {
            old = *msg;
            message_drop(&old);
            return;
        }
        poll(NULL, 0, 100);
    }
    *copy = *msg;
    copy->next = NULL;
    pthread_mutex_lock(&box->mutex);
    if (box->last && replaces(copy, box->last)) {
        old = *box->last;
        copy->next = NULL;
        *box->last = *copy;
        free(copy);
    } else {
        *(box->last ? &box->last->next : &box->first) = copy;
        box->last = copy;
    }
    pthread_mutex_unlock(&box->mutex);
    message_drop(&old);
    /* A full counter means that the reader is woken anyway. */
    if (write(box->fd, &one, sizeof one) < 0)
        return;
}

bool mailbox_take(struct mailbox *box, struct model_msg *out)
{
    struct model_msg *first;
    uint64_t count;
    ssize_t got;
    pthread_mutex_lock(&box->mutex);
    /* Emptied before the queue is looked at: what is posted later makes it readable again. EAGAIN: nobody has posted since. */
    do
        got = read(box->fd, &count, sizeof count);
    while (got < 0 && errno == EINTR);
    first = box->first;
    if (first) {
        box->first = first->next;
        if (!box->first)
            box->last = NULL;
    }
    pthread_mutex_unlock(&box->mutex);
    if (!first)
        return false;
    *out = *first;
    out->next = NULL;
    free(first);
    return true;
}
