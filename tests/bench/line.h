/* line.h: a long line on loopback between a client and a PostgreSQL server: every byte takes half a round trip, in both directions, and as many as one likes are on their way at once. */
#ifndef JETBASE_TESTS_LINE_H
#define JETBASE_TESTS_LINE_H

struct line;

/* Starts it before the server on that port of 127.0.0.1. round_trip_ms 0: bytes pass at once, and are only counted. Fails the program where it can't. */
struct line *line_start(int server_port, double round_trip_ms);
/* The port to connect to. */
int line_port(const struct line *line);
/* How many round trips there were so far, over all connections: a client began to send after something had been delivered to it, its first words included. Of a client that goes on sending while answers come in, more are counted than it waited for. */
unsigned line_turns(struct line *line);
/* Ends it and every connection. */
void line_stop(struct line *line);

#endif
