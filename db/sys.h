/* sys.h: the only door to clock, sleep, random, host name, user and pid, so that tests can own them. */
#ifndef JETBASE_DB_SYS_H
#define JETBASE_DB_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every member MUST be set. Strings live as long as the struct. */
struct sys {
    int64_t (*mono_ms)(void);                  /* monotonic clock, for durations */
    int64_t (*wall_us)(void);                  /* time of day, microseconds since 1970 UTC */
    void (*sleep_ms)(int ms);                  /* returns early when a signal comes */
    bool (*random)(void *to, size_t len);      /* false: the system gave no random bytes */
    const char *(*host)(void);                 /* host name, "" where unknown */
    const char *(*user)(void);                 /* name of the operating-system user, "" where unknown */
    int (*pid)(void);
    const char *(*boot_id)(void);              /* the kernel's boot id, "" where unknown (no /proc) */
};

/* The real machine. */
extern const struct sys sys_real;

/* Writes a random UUID (version 4, lower case, 36 characters and NUL) to `out`. False where no random bytes could be had. */
bool sys_uuid(const struct sys *sys, char out[37]);

#endif
