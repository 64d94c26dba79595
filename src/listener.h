/* listener.h: the two listeners of the engine's events that commands have: text and JSON lines. */
#ifndef JETBASE_LISTENER_H
#define JETBASE_LISTENER_H

#include "engine.h"
#include "output.h"

/* What a listener remembers between events; zero-initialise but for out. */
struct listener {
    struct output *out;
    bool started;     /* the first migration has begun */
    bool nothing;     /* there was nothing to do */
};

/* For engine_hooks.event; user is a struct listener. Text: Jetbase's words on standard output, warnings on standard error; the error that ends a run is left to the caller, who prints it once. */
void listener_text(void *user, const struct engine_event *event);
/* JSON: one event a line on standard output; before run-ended an "error" event where the run failed. */
void listener_json(void *user, const struct engine_event *event);

#endif
