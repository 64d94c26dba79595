/* sys.c: the real clock, random, host, user and pid. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static char host_name[256], user_name[256], boot_name[64];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void read_host(void)
{
    if (gethostname(host_name, sizeof host_name - 1) != 0)
        host_name[0] = '\0';
}

static void read_user(void)
{
    struct passwd entry, *found = NULL;
    char strings[4096];
    if (getpwuid_r(geteuid(), &entry, strings, sizeof strings, &found) == 0 && found)
        snprintf(user_name, sizeof user_name, "%s", found->pw_name);
}

static void read_boot(void)
{
    ssize_t got;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    do
        got = read(fd, boot_name, sizeof boot_name - 1);
    while (got < 0 && errno == EINTR);
    boot_name[got > 0 ? (size_t)got : 0] = '\0';
    boot_name[strcspn(boot_name, "\r\n")] = '\0';
    close(fd);
}

static void read_names(void)
{
    read_host();
    read_user();
    read_boot();
}

static int64_t real_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void real_sleep_ms(int ms)
{
    struct timespec t;
    if (ms <= 0)
        return;
    t.tv_sec = ms / 1000;
    t.tv_nsec = (long)(ms % 1000) * 1000000;
    nanosleep(&t, NULL);
}

static bool real_random(void *to, size_t len)
{
    unsigned char *at = to;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

static const char *real_host(void)
{
    pthread_once(&names_once, read_names);
    return host_name;
}

static const char *real_user(void)
{
    pthread_once(&names_once, read_names);
    return user_name;
}

static int real_pid(void)
{
    return (int)getpid();
}

static const char *real_boot_id(void)
{
    pthread_once(&names_once, read_names);
    return boot_name;
}

const struct sys sys_real = {
    .mono_ms = real_mono_ms,
    .wall_us = real_wall_us,
    .sleep_ms = real_sleep_ms,
    .random = real_random,
    .host = real_host,
    .user = real_user,
    .pid = real_pid,
    .boot_id = real_boot_id,
};

bool sys_uuid(const struct sys *sys, char out[37])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16];
    char *to = out;
    if (!sys->random(bytes, sizeof bytes)) {
        out[0] = '\0';
        return false;
    }
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = hex[bytes[i] >> 4];
        *to++ = hex[bytes[i] & 0x0f];
    }
    *to = '\0';
    return true;
}
