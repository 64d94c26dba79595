/* proxy.c: a proxy on loopback between the program and a PostgreSQL server. */
#include "proxy.h"

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINKS = 64, CHUNK = 65536 };

/* One connection through the proxy. */
struct link {
    struct proxy *proxy;
    pthread_t thread;
    int client, server;
    bool ready;          /* the first ReadyForQuery has passed */
    bool mute;           /* what the server says goes nowhere */
    bool asked;          /* a flush, sync or query has no answer yet */
    bool silent;         /* cut without the server's knowing */
    bool started;        /* the start-up packet has passed: messages have types from here on */
    unsigned char head[2][5]; /* message header being read, per side */
    size_t have[2];
    uint32_t left[2];    /* bytes of the current message still to come */
    size_t sent;         /* bytes that the client has sent */
};

struct proxy {
    pthread_mutex_t mutex;
    pthread_t thread;
    int listener, server_port, port;
    unsigned waits, cuts, nth, stalls;
    size_t stall;        /* 0 where none is armed */
    size_t slow;         /* bytes a second from clients; 0: as they come */
    int latency_ms;      /* how long an answer is held for what the client sends without having seen it */
    bool pooler;         /* poses as one */
    bool silent;         /* a cut closes the client's side only */
    enum proxy_side side;
    char words[128];     /* "" where no cut is armed */
    char after[128];     /* "" once the client has said them */
    bool swallow;        /* the server's words go nowhere from there on, instead of a cut */
    bool counting;       /* a cut by bytes is armed */
    size_t bytes;        /* that may still pass before it */
    struct link *links[LINKS];
    size_t count;
};

/* One message header has been read. */
static void message_begins(struct link *l, enum proxy_side side, unsigned char type)
{
    if (side == PROXY_SERVER) {
        if (type == 'Z')
            l->ready = true;
        return;
    }
    if (l->ready && (type == 'H' || type == 'S' || type == 'Q'))
        l->asked = true;
}

/* Follows the messages of one side through a chunk of bytes. */
static void follow(struct link *l, enum proxy_side side, const unsigned char *bytes, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint32_t size;
        if (l->left[side] > 0) {
            size_t take = len - i < l->left[side] ? len - i : l->left[side];
            l->left[side] -= (uint32_t)take;
            i += take;
            continue;
        }
        l->head[side][l->have[side]++] = bytes[i++];
        if (l->have[side] < 5)
            continue;
        memcpy(&size, &l->head[side][1], 4);
        l->left[side] = ntohl(size) - 4;
        l->have[side] = 0;
        message_begins(l, side, l->head[side][0]);
    }
}

/* Start-up packets have no type. True once the real one has passed (not an SSL request). */
static void start_up(struct link *l, const unsigned char *bytes, size_t len)
{
    uint32_t code = 0;
    if (len >= 8)
        memcpy(&code, bytes + 4, 4);
    code = ntohl(code);
    l->started = code >> 16 == 3;
}

static bool cut_here(struct link *l, enum proxy_side side, const void *bytes, size_t len)
{
    struct proxy *p = l->proxy;
    bool cut = false;
    pthread_mutex_lock(&p->mutex);
    if (side == PROXY_CLIENT && p->after[0] && memmem(bytes, len, p->after, strlen(p->after)))
        p->after[0] = '\0';
    if (p->words[0] && !p->after[0] && p->side == side && memmem(bytes, len, p->words, strlen(p->words)) && --p->nth == 0) {
        p->words[0] = '\0';
        p->cuts++;
        l->mute = p->swallow;
        cut = !p->swallow;
        l->silent = cut && p->silent;
    }
    pthread_mutex_unlock(&p->mutex);
    return cut;
}

/* How much of a chunk may pass before a cut by bytes. */
static size_t may_pass(struct link *l, enum proxy_side side, size_t len)
{
    struct proxy *p = l->proxy;
    pthread_mutex_lock(&p->mutex);
    if (p->counting && p->side == side) {
        if (len > p->bytes) {
            len = p->bytes;
            p->counting = false;
            p->cuts++;
        } else {
            p->bytes -= len;
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return len;
}

static void count_wait(struct link *l)
{
    if (!l->asked)
        return;
    l->asked = false;
    pthread_mutex_lock(&l->proxy->mutex);
    l->proxy->waits++;
    pthread_mutex_unlock(&l->proxy->mutex);
}

static bool send_all(int fd, const unsigned char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* BackendKeyData in the answer to the start-up packet gets another session number. */
static void pose(struct link *l, unsigned char *bytes, size_t len)
{
    static const unsigned char head[] = { 'K', 0, 0, 0, 12 };
    unsigned char *key;
    pthread_mutex_lock(&l->proxy->mutex);
    bool pooler = l->proxy->pooler;
    pthread_mutex_unlock(&l->proxy->mutex);
    if (pooler && !l->ready && (key = memmem(bytes, len, head, sizeof head)) && (size_t)(key - bytes) + 9 <= len)
        key[8] ^= 0x55;
}

static bool is_silent(struct link *l)
{
    pthread_mutex_lock(&l->proxy->mutex);
    bool silent = l->silent;
    pthread_mutex_unlock(&l->proxy->mutex);
    return silent;
}

/* Passes one chunk on. False: the link has ended. */
static bool pass(struct link *l, enum proxy_side side)
{
    static _Thread_local unsigned char chunk[CHUNK];
    bool was_started = l->started;
    ssize_t n = recv(side == PROXY_CLIENT ? l->client : l->server, chunk, sizeof chunk, 0);
    if (n <= 0 || cut_here(l, side, chunk, (size_t)n)) {
        if (n > 0 && is_silent(l) && side == PROXY_CLIENT)
            send_all(l->server, chunk, (size_t)n);
        return false;
    }
    if (side == PROXY_SERVER && l->mute)
        return true;
    size_t len = may_pass(l, side, (size_t)n);
    if (len < (size_t)n) {
        send_all(side == PROXY_CLIENT ? l->server : l->client, chunk, len);
        return false;
    }
    l->sent += side == PROXY_CLIENT ? (size_t)n : 0;
    if (side == PROXY_SERVER && l->started) {
        pose(l, chunk, (size_t)n);
        count_wait(l);
    }
    if (side == PROXY_CLIENT && !was_started)
        start_up(l, chunk, (size_t)n);
    else if (was_started)
        follow(l, side, chunk, (size_t)n);
    return send_all(side == PROXY_CLIENT ? l->server : l->client, chunk, (size_t)n);
}

/* From here on nothing more of the client's is read? */
static bool stalls(const struct link *l)
{
    struct proxy *p = l->proxy;
    bool stall;
    pthread_mutex_lock(&p->mutex);
    stall = p->stall > 0 && l->sent >= p->stall;
    if (stall) {
        p->stall = 0;
        p->stalls++;
    }
    pthread_mutex_unlock(&p->mutex);
    return stall;
}

/* An answer has come: does the client go on sending without it? Then it does not wait for it. */
static bool client_goes_on(const struct link *l)
{
    struct pollfd fd = { l->client, POLLIN, 0 };
    int latency_ms;
    pthread_mutex_lock(&l->proxy->mutex);
    latency_ms = l->proxy->latency_ms;
    pthread_mutex_unlock(&l->proxy->mutex);
    return l->asked && latency_ms > 0 && poll(&fd, 1, latency_ms) > 0;
}

/* Takes the time that so many bytes would take on a slow line. */
static void take_time(const struct link *l, size_t bytes)
{
    size_t slow;
    pthread_mutex_lock(&l->proxy->mutex);
    slow = l->proxy->slow;
    pthread_mutex_unlock(&l->proxy->mutex);
    if (slow > 0)
        usleep((useconds_t)(bytes * 1000000 / slow));
}

static void *link_run(void *arg)
{
    struct link *l = arg;
    struct pollfd fds[2] = { { l->client, POLLIN, 0 }, { l->server, POLLIN, 0 } };
    bool open = true;
    while (open && poll(fds, 2, -1) > 0) {
        if (!fds[0].revents && client_goes_on(l))
            continue;
        size_t before = l->sent;
        if (fds[0].revents)
            open = pass(l, PROXY_CLIENT);
        take_time(l, l->sent - before);
        if (fds[0].revents && stalls(l))
            fds[0].fd = -1;
        if (open && fds[1].revents)
            open = pass(l, PROXY_SERVER);
    }
    shutdown(l->client, SHUT_RDWR);
    if (!is_silent(l))
        shutdown(l->server, SHUT_RDWR);
    return NULL;
}

static int connect_server(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void accept_one(struct proxy *p, int client)
{
    int one = 1, server = connect_server(p->server_port);
    struct link *l = server >= 0 && p->count < LINKS ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *l = (struct link){ .proxy = p, .client = client, .server = server };
    pthread_mutex_lock(&p->mutex);
    p->links[p->count++] = l;
    pthread_mutex_unlock(&p->mutex);
    if (pthread_create(&l->thread, NULL, link_run, l) != 0)
        abort();
}

static void *proxy_run(void *arg)
{
    struct proxy *p = arg;
    for (;;) {
        int client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            return NULL;
        accept_one(p, client);
    }
}

struct proxy *proxy_start(int server_port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    struct proxy *p = calloc(1, sizeof *p);
    assert_non_null(p);
    pthread_mutex_init(&p->mutex, NULL);
    p->server_port = server_port;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(p->listener >= 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(p->listener, LINKS), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&address, &len), 0);
    p->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, proxy_run, p), 0);
    return p;
}

int proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}

unsigned proxy_waits(struct proxy *proxy)
{
    unsigned waits;
    pthread_mutex_lock(&proxy->mutex);
    waits = proxy->waits;
    pthread_mutex_unlock(&proxy->mutex);
    return waits;
}

void proxy_cut(struct proxy *proxy, enum proxy_side side, const char *after, const char *words, unsigned nth)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->side = side;
    proxy->nth = nth;
    snprintf(proxy->after, sizeof proxy->after, "%s", after ? after : "");
    snprintf(proxy->words, sizeof proxy->words, "%s", words);
    proxy->swallow = false;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_swallow(struct proxy *proxy, const char *after, const char *words, unsigned nth)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->side = PROXY_SERVER;
    proxy->nth = nth;
    snprintf(proxy->after, sizeof proxy->after, "%s", after ? after : "");
    snprintf(proxy->words, sizeof proxy->words, "%s", words);
    proxy->swallow = true;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_cut_bytes(struct proxy *proxy, enum proxy_side side, size_t bytes)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->side = side;
    proxy->bytes = bytes;
    proxy->counting = true;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_set_latency(struct proxy *proxy, int latency_ms)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->latency_ms = latency_ms;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_stall(struct proxy *proxy, size_t bytes)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->stall = bytes;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_slow(struct proxy *proxy, size_t bytes_per_s)
{
    int room = 4 * CHUNK; /* of less the kernel loses whole packets, which come again seconds later */
    setsockopt(proxy->listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    pthread_mutex_lock(&proxy->mutex);
    proxy->slow = bytes_per_s;
    pthread_mutex_unlock(&proxy->mutex);
}

unsigned proxy_stalls(struct proxy *proxy)
{
    unsigned stalls;
    pthread_mutex_lock(&proxy->mutex);
    stalls = proxy->stalls;
    pthread_mutex_unlock(&proxy->mutex);
    return stalls;
}

void proxy_cut_silently(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->silent = true;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_keep_server(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    for (size_t i = 0; i < proxy->count; i++)
        proxy->links[i]->silent = true;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_cut_now(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    for (size_t i = 0; i < proxy->count; i++) {
        proxy->links[i]->silent = true;
        shutdown(proxy->links[i]->client, SHUT_RDWR);
    }
    proxy->cuts++;
    pthread_mutex_unlock(&proxy->mutex);
}

void proxy_pose_as_pooler(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->pooler = true;
    pthread_mutex_unlock(&proxy->mutex);
}

unsigned proxy_cuts(struct proxy *proxy)
{
    unsigned cuts;
    pthread_mutex_lock(&proxy->mutex);
    cuts = proxy->cuts;
    pthread_mutex_unlock(&proxy->mutex);
    return cuts;
}

void proxy_stop(struct proxy *proxy)
{
    shutdown(proxy->listener, SHUT_RDWR);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    for (size_t i = 0; i < proxy->count; i++) {
        struct link *l = proxy->links[i];
        shutdown(l->client, SHUT_RDWR);
        shutdown(l->server, SHUT_RDWR);
        pthread_join(l->thread, NULL);
        close(l->client);
        close(l->server);
        free(l);
    }
    pthread_mutex_destroy(&proxy->mutex);
    free(proxy);
}
