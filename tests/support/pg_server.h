/* pg_server.h: a real PostgreSQL server of the test's own: in a temporary folder, on loopback, gone with the program. */
#ifndef JETBASE_TESTS_PG_SERVER_H
#define JETBASE_TESTS_PG_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Starts the server at the first call, makes a fresh database and writes its URL (user postgres, superuser, no password). Fails the test where it can't. */
void pg_server_new_database(char *url, size_t size);
/* Port on 127.0.0.1; starts the server where it is not there yet. */
int pg_server_port(void);
/* Does it wait for its disk? With PG_FSYNC=on in the environment it does; tests need not. */
bool pg_server_durable(void);
/* A port on 127.0.0.1 that nobody listens on now. */
int pg_server_free_port(void);
/* The folder of its unix socket. */
const char *pg_server_socket_dir(void);
/* The postmaster's pid. */
pid_t pg_server_pid(void);
/* Writes the path of a program of the server's release (psql …). */
void pg_server_program(const char *name, char *path, size_t size);
/* Port of a streaming standby of it, on 127.0.0.1; started at the first call, stopped with the server. */
int pg_server_standby_port(void);
/* Ends the standby's recovery, and waits until it takes writes. */
void pg_server_standby_promote(void);
/* Stops the standby and forgets its data: the next pg_server_standby_port() makes another. */
void pg_server_standby_drop(void);
/* Stops it at once (as a crash would) or fast, and starts it again on the same port and data. */
void pg_server_crash(void);
void pg_server_start_again(void);
/* Stops the server and removes its folder; also done at exit. */
void pg_server_stop(void);

#endif
