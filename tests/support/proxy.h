/* proxy.h: a proxy on loopback between the program and a PostgreSQL server: counts waits, and cuts the link at a chosen message. */
#ifndef JETBASE_TESTS_PROXY_H
#define JETBASE_TESTS_PROXY_H

#include <stddef.h>

enum proxy_side { PROXY_CLIENT, PROXY_SERVER }; /* who says the words at which the link is cut */

struct proxy;

/* Starts it before the server on that port of 127.0.0.1. Fails the test where it can't. */
struct proxy *proxy_start(int server_port);
/* The port to connect to. */
int proxy_port(const struct proxy *proxy);
/* How often a client has waited so far: each flush, sync or query after the first ReadyForQuery of its connection that was followed by an answer. */
unsigned proxy_waits(struct proxy *proxy);
/* From now on an answer takes that long, so that what a client sends in several pieces without waiting for it counts as one wait, however slow the machine is. */
void proxy_set_latency(struct proxy *proxy, int latency_ms);
/* Cuts the connection when `words` pass from that side for the nth time (1: the first), counted once the client has said `after` (NULL: at once); they are not passed on. Later connections pass freely. */
void proxy_cut(struct proxy *proxy, enum proxy_side side, const char *after, const char *words, unsigned nth);
/* As proxy_cut with the server's words, but both links stay open: nothing that the server says on that connection passes any more, and nobody is told. */
void proxy_swallow(struct proxy *proxy, const char *after, const char *words, unsigned nth);
/* Cuts the first connection on which that side has sent so many bytes from now on; those before are passed on. */
void proxy_cut_bytes(struct proxy *proxy, enum proxy_side side, size_t bytes);
/* The next connection whose client has sent that many bytes passes on no more of them: the server waits for the rest. Answers still pass, and so do later connections. */
void proxy_stall(struct proxy *proxy, size_t bytes);
/* From now on new connections take at most that many bytes a second from their clients, and the proxy keeps next to none of them: as over a slow line. */
void proxy_slow(struct proxy *proxy, size_t bytes_per_s);
/* How many connections were stalled. */
unsigned proxy_stalls(struct proxy *proxy);
/* From now on the session number that clients are told is not the backend's own, as behind a pooler. */
void proxy_pose_as_pooler(struct proxy *proxy);
/* From now on a cut is one that the server does not notice: it gets what was said (by the client), and its side stays open and silent until proxy_stop. */
void proxy_cut_silently(struct proxy *proxy);
/* Cuts every connection here and now in that way. */
void proxy_cut_now(struct proxy *proxy);
/* The server does not notice any more what becomes of the clients that are connected: its side of their links stays open until proxy_stop. */
void proxy_keep_server(struct proxy *proxy);
/* How many connections were cut. */
unsigned proxy_cuts(struct proxy *proxy);
/* Ends it and every connection. */
void proxy_stop(struct proxy *proxy);

#endif
