/* listener.h: the two listeners of the engine's events that commands have: text and JSON lines. */
#ifndef JETBASE_LISTENER_H
#define JETBASE_LISTENER_H

#include "engine.h"
#include "output.h"

/* How far the file that runs now is. */
struct progress {
    bool on;                  /* a file runs */
    char file[512];           /* safe to show */
    uint32_t done, statements;
    bool behind;              /* more of them may be done by now */
    int64_t began_ms;
    int64_t shown_ms;         /* when the line on the terminal was written last */
    int64_t next_ms;          /* elsewhere: when the next line is due */
};

/* What a listener remembers between events; zero-initialise but for out and sys. */
struct listener {
    struct output *out;
    const struct sys *sys;    /* the clock of progress; NULL: none is shown */
    struct progress progress;
    bool started;     /* the first migration has begun */
    bool nothing;     /* there was nothing to do */
};

/* For engine_hooks.event; user is a struct listener. Text: Jetbase's words on standard output, warnings on standard error; the error that ends a run is left to the caller, who prints it once. */
void listener_text(void *user, const struct engine_event *event);
/* The same for commands that tell their result at the end (fix, baseline): only what is worth a line while it goes on. */
void listener_course(void *user, const struct engine_event *event);
/* For engine_hooks.tick, beside listener_text: how far the file that runs is, and for how long it has been running, on standard error. On a terminal one line that is written over at most five times a second, once the file has taken more than a second, and is gone before anything else is said; elsewhere a line after ten seconds, and whenever twice as long has passed. With --quiet and --json nothing. */
void listener_tick(void *user);
/* What listener_text tells of progress. */
void listener_progress(struct listener *l, const struct engine_event *event);
/* Does somebody watch each statement go by: on a terminal, in the details of --verbose, in a stream of JSON? For engine_hooks.each_statement. */
bool listener_watched(const struct output *out);
/* JSON: one event a line on standard output; before run-ended an "error" event where the run failed. */
void listener_json(void *user, const struct engine_event *event);

#endif
