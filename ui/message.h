/* message.h: what the threads tell the drawing thread: deep copies, owned by the message, in a queue that wakes a descriptor. */
#ifndef JETBASE_UI_MESSAGE_H
#define JETBASE_UI_MESSAGE_H

#include "detail.h"
#include "engine.h"
#include "preview.h"
#include "rehearsal.h"
#include "repair.h"
#include "snapshot.h"

enum model_msg_kind {
    MSG_KEY,        /* u.key */
    MSG_MOUSE,      /* u.mouse */
    MSG_RESIZE,     /* u.size */
    MSG_TICK,       /* time went on */
    MSG_SIGNAL,     /* u.signal: the program is asked to end */
    MSG_SUSPEND,    /* Ctrl-Z */
    MSG_INTERRUPT,  /* Ctrl-C, Ctrl-\: typed by a person, who can be asked; another process's signal is MSG_SIGNAL. u.signal */
    MSG_SNAPSHOT,   /* u.snap: a look that succeeded */
    MSG_FILES,      /* u.snap: the last look with a listing made anew from the files alone; the database was not asked */
    MSG_DOWN,       /* u.down: a look that failed */
    MSG_PLAN,       /* u.plan: the plan that FX_PLAN asked for */
    MSG_FOUND,      /* u.found: what FX_FIND asked for */
    MSG_REHEARSING, /* u.note: an event of the rehearsal */
    MSG_REHEARSED,  /* u.rehearsed: what FX_REHEARSE asked for */
    MSG_NOTE,       /* u.note: an event of our own run */
    MSG_RETURNED,   /* u.returned: our own run has ended */
    MSG_BLOCKER,    /* u.blocker: the answer to FX_BLOCKER */
    MSG_DETAIL,     /* u.detail: the file that effect.read asked for */
    MSG_UNLOCKED    /* u.unlocked: the answer to FX_UNLOCK */
};

enum mouse_what { MOUSE_PRESS, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

/* Deep copy of an engine_event. */
struct engine_note {
    enum engine_event_kind kind;
    int64_t at_us;
    uint32_t migration, migrations, statement, statements;
    double ms;
    enum plan_direction direction;
    char file[512];          /* base name, "" none */
    char text[512];          /* remark or error message, safe to show, "" none */
    char process_id[DB_ID_SIZE];
    int session_pid;
    enum run_outcome outcome;
};

struct plan_answer {
    uint64_t job;
    struct preview *preview; /* NULL: error says why */
    struct error error;
};

/* What a repair would change. */
struct found_answer {
    uint64_t job;
    bool ok;                 /* false: error says why */
    struct repair repair;    /* owned */
    struct error error;
};

struct rehearse_answer {
    uint64_t job;
    int exit_code;
    struct rehearsal *rehearsal; /* owned; NULL where it did not come so far */
    struct error error;          /* where exit_code is not 0 */
};

struct run_answer {
    int exit_code;
    size_t repaired;         /* a repair: so many versions and files were mended; 0: none needed it */
    struct error error;
    int64_t ended_mono_ms;
};

struct unlock_answer {
    uint64_t job;
    enum lock_answer answer;
    struct lock_view before;
    struct error error;
};

struct blocker_answer {
    uint64_t job;
    int pid;
    bool end;
    bool asked;              /* false: error says why */
    bool done;               /* it still blocked the holder, and was told */
    struct error error;
};

/* Owns what its pointers point to. */
struct model_msg {
    enum model_msg_kind kind;
    int64_t mono_ms, wall_us;  /* when it is applied */
    union {
        int key, signal;
        struct { int rows, cols; } size;
        struct { enum mouse_what what; int row, col; } mouse;
        struct snapshot *snap;
        struct error *down;
        struct plan_answer *plan;
        struct found_answer *found;
        struct rehearse_answer *rehearsed;
        struct engine_note *note;
        struct run_answer *returned;
        struct unlock_answer *unlocked;
        struct blocker_answer *blocker;
        struct detail *detail;
    } u;
    struct model_msg *next;    /* in the mailbox */
};

/* Copies an event; NULL where memory ran out. */
struct engine_note *note_copy(const struct engine_event *event);
/* Frees what the message owns, not the message. */
void message_drop(struct model_msg *msg);

struct mailbox;

/* A queue between threads. NULL with *err (memory, descriptors). */
struct mailbox *mailbox_new(struct error *err);
/* Frees it with all that is still in it. NULL is allowed. */
void mailbox_free(struct mailbox *box);
/* Readable once something was posted; take everything out then. */
int mailbox_fd(const struct mailbox *box);
/* Puts a copy of *msg in; what it owns goes along. Several looks, or statements done of one file, that nobody has taken yet become the newest one. Where memory runs out looks and events are dropped, answers wait until there is some. Any thread. */
void mailbox_post(struct mailbox *box, const struct model_msg *msg);
/* Takes the first message out. False where there is none. */
bool mailbox_take(struct mailbox *box, struct model_msg *out);

#endif
