/* line.c: a long line on loopback between a client and a PostgreSQL server; one thread serves all connections. */
#include "bench/line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/bench.h"

enum { LINKS = 16, CHUNK = 65536 };
enum { FROM_CLIENT, FROM_SERVER, SIDES };

struct chunk {
    struct chunk *next;
    double due_ms;
    size_t len;          /* 0: the sender has closed */
    unsigned char bytes[];
};

/* One connection; fds[side] is where that side's bytes are read. */
struct link {
    int fds[SIDES];
    bool ended[SIDES];
    struct chunk *first[SIDES], *last[SIDES];
    bool delivered;      /* something has come to the client since it sent last */
};

struct line {
    pthread_mutex_t mutex;
    pthread_t thread;
    int listener, wake[2], server_port, port;
    double half_ms;
    unsigned turns;
    bool stop;
    struct link links[LINKS];
    size_t count;
};

static void count_turn(struct line *line, struct link *l)
{
    if (!l->delivered)
        return;
    l->delivered = false;
    pthread_mutex_lock(&line->mutex);
    line->turns++;
    pthread_mutex_unlock(&line->mutex);
}

static void take(struct line *line, struct link *l, int side)
{
    static unsigned char bytes[CHUNK];
    ssize_t len = recv(l->fds[side], bytes, sizeof bytes, 0);
    struct chunk *c;
    if (len < 0 && errno == EINTR)
        return;
    len = len < 0 ? 0 : len;
    c = malloc(sizeof *c + (size_t)len);
    if (!c)
        abort();
    if (len > 0 && side == FROM_CLIENT)
        count_turn(line, l);
    *c = (struct chunk){ .due_ms = bench_now_ms() + line->half_ms, .len = (size_t)len };
    memcpy(c->bytes, bytes, (size_t)len);
    l->ended[side] = len == 0;
    if (l->last[side])
        l->last[side]->next = c;
    else
        l->first[side] = c;
    l->last[side] = c;
}

static void deliver(struct link *l, int side)
{
    struct chunk *c = l->first[side];
    int to = l->fds[1 - side];
    for (size_t done = 0; done < c->len;) {
        ssize_t n = send(to, c->bytes + done, c->len - done, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    if (c->len == 0)
        shutdown(to, SHUT_WR);
    else if (side == FROM_SERVER)
        l->delivered = true;
    l->first[side] = c->next;
    if (!c->next)
        l->last[side] = NULL;
    free(c);
}

/* Delivers what is due; gives the time of the next, or -1. */
static double deliver_due(struct line *line)
{
    double next = -1;
    for (size_t i = 0; i < line->count; i++)
        for (int side = 0; side < SIDES; side++) {
            struct link *l = &line->links[i];
            while (l->first[side] && l->first[side]->due_ms <= bench_now_ms())
                deliver(l, side);
            if (l->first[side] && (next < 0 || l->first[side]->due_ms < next))
                next = l->first[side]->due_ms;
        }
    return next;
}

static void quick(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Connections that have ended at both sides give their place to the next. */
static struct link *place(struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        struct link *l = &line->links[i];
        if (l->ended[FROM_CLIENT] && l->ended[FROM_SERVER] && !l->first[FROM_CLIENT] && !l->first[FROM_SERVER]) {
            close(l->fds[FROM_CLIENT]);
            close(l->fds[FROM_SERVER]);
            return l;
        }
    }
    return line->count < LINKS ? &line->links[line->count++] : NULL;
}

static void accept_one(struct line *line)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)line->server_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int client = accept4(line->listener, NULL, NULL, SOCK_CLOEXEC), server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct link *l = client >= 0 ? place(line) : NULL;
    if (!l || connect(server, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    quick(client);
    quick(server);
    *l = (struct link){ .fds = { client, server }, .delivered = true };
}

static void wait_for_bytes(struct line *line, double due_ms)
{
    struct pollfd fds[2 + SIDES * LINKS] = { { line->listener, POLLIN, 0 }, { line->wake[0], POLLIN, 0 } };
    double left = due_ms < 0 ? 0 : due_ms - bench_now_ms();
    struct timespec t = { 0, left > 0 ? (long)(left * 1e6) : 0 };
    size_t count = line->count;
    for (size_t i = 0; i < count; i++)
        for (int side = 0; side < SIDES; side++)
            fds[2 + i * SIDES + (size_t)side] = (struct pollfd){ line->links[i].ended[side] ? -1 : line->links[i].fds[side], POLLIN, 0 };
    if (ppoll(fds, 2 + SIDES * count, due_ms < 0 ? NULL : &t, NULL) <= 0)
        return;
    for (size_t i = 0; i < count; i++)
        for (int side = 0; side < SIDES; side++)
            if (fds[2 + i * SIDES + (size_t)side].revents)
                take(line, &line->links[i], side);
    if (fds[0].revents)
        accept_one(line);
}

static void *line_run(void *arg)
{
    struct line *line = arg;
    for (;;) {
        bool stop;
        pthread_mutex_lock(&line->mutex);
        stop = line->stop;
        pthread_mutex_unlock(&line->mutex);
        if (stop)
            return NULL;
        wait_for_bytes(line, deliver_due(line));
    }
}

struct line *line_start(int server_port, double round_trip_ms)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    struct line *line = calloc(1, sizeof *line);
    assert_non_null(line);
    pthread_mutex_init(&line->mutex, NULL);
    line->server_port = server_port;
    line->half_ms = round_trip_ms / 2;
    line->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(line->listener >= 0);
    assert_int_equal(bind(line->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(line->listener, LINKS), 0);
    assert_int_equal(getsockname(line->listener, (struct sockaddr *)&address, &len), 0);
    line->port = ntohs(address.sin_port);
    assert_int_equal(pipe(line->wake), 0);
    assert_int_equal(pthread_create(&line->thread, NULL, line_run, line), 0);
    return line;
}

int line_port(const struct line *line)
{
    return line->port;
}

unsigned line_turns(struct line *line)
{
    unsigned turns;
    pthread_mutex_lock(&line->mutex);
    turns = line->turns;
    pthread_mutex_unlock(&line->mutex);
    return turns;
}

void line_stop(struct line *line)
{
    pthread_mutex_lock(&line->mutex);
    line->stop = true;
    pthread_mutex_unlock(&line->mutex);
    assert_int_equal(write(line->wake[1], "", 1), 1);
    pthread_join(line->thread, NULL);
    for (size_t i = 0; i < line->count; i++)
        for (int side = 0; side < SIDES; side++) {
            close(line->links[i].fds[side]);
            while (line->links[i].first[side]) {
                struct chunk *c = line->links[i].first[side];
                line->links[i].first[side] = c->next;
                free(c);
            }
        }
    close(line->listener);
    close(line->wake[0]);
    close(line->wake[1]);
    pthread_mutex_destroy(&line->mutex);
    free(line);
}
