/* refuser.c: a server that refuses each PostgreSQL client. */
#include "refuser.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SSL_REQUEST = 80877103, GSS_REQUEST = 80877104 };

struct refuser {
    const char *state, *message;
    int fd, port;
    atomic_uint clients;
    pthread_t thread;
};

static bool read_all(int fd, void *to, size_t len)
{
    unsigned char *at = to;
    while (len > 0) {
        ssize_t got = read(fd, at, len);
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

/* Reads up to the startup message; encryption is declined. */
static bool startup(int fd)
{
    unsigned char rest[4096];
    uint32_t head[2];
    while (read_all(fd, head, sizeof head)) {
        uint32_t len = ntohl(head[0]), code = ntohl(head[1]);
        if (code != SSL_REQUEST && code != GSS_REQUEST)
            return len >= 8 && len - 8 <= sizeof rest && read_all(fd, rest, len - 8);
        if (write(fd, "N", 1) != 1)
            return false;
    }
    return false;
}

static void refuse(const struct refuser *r, int fd)
{
    unsigned char said[600] = "E....SFATAL";
    size_t n = 12;
    const char *fields[] = { "VFATAL", r->state, r->message, "Fpostmaster.c", "L2338", "RProcessStartupPacket" };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (i == 1 || i == 2)
            said[n++] = i == 1 ? 'C' : 'M';
        memcpy(said + n, fields[i], strlen(fields[i]) + 1);
        n += strlen(fields[i]) + 1;
    }
    said[n++] = '\0';
    uint32_t len = htonl((uint32_t)n - 1);
    memcpy(said + 1, &len, 4);
    if (write(fd, said, n) < 0)
        return;
}

static void *serve(void *user)
{
    struct refuser *r = user;
    int fd;
    while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
        if (startup(fd)) {
            atomic_fetch_add(&r->clients, 1);
            if (r->state)
                refuse(r, fd);
        }
        close(fd);
    }
    return NULL;
}

struct refuser *refuser_start(const char *state, const char *message)
{
    struct refuser *r = calloc(1, sizeof *r);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    assert_non_null(r);
    r->state = state;
    r->message = message;
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(r->fd >= 0);
    assert_int_equal(bind(r->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(r->fd, 64), 0);
    assert_int_equal(getsockname(r->fd, (struct sockaddr *)&at, &len), 0);
    r->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
    return r;
}

int refuser_port(const struct refuser *r)
{
    return r->port;
}

unsigned refuser_clients(struct refuser *r)
{
    return atomic_load(&r->clients);
}

void refuser_stop(struct refuser *r)
{
    shutdown(r->fd, SHUT_RDWR);
    pthread_join(r->thread, NULL);
    close(r->fd);
    free(r);
}
