/* refuser.h: a server on loopback that answers each PostgreSQL client with one FATAL error, or with nothing at all. */
#ifndef JETBASE_TESTS_REFUSER_H
#define JETBASE_TESTS_REFUSER_H

struct refuser;

/* Starts it; state and message are what each client is told, state NULL: it is hung up on. They must live until it is stopped. Fails the test where it can't. */
struct refuser *refuser_start(const char *state, const char *message);
/* The port on 127.0.0.1. */
int refuser_port(const struct refuser *refuser);
/* How many clients have come so far. */
unsigned refuser_clients(struct refuser *refuser);
/* Ends it. */
void refuser_stop(struct refuser *refuser);

#endif
