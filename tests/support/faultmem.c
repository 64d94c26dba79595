/* faultmem.c: the faulty program's memory (the linker leads its requests here): the nth request is refused. */
#include "faultmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

static unsigned long fail_nth; /* 0: none */
static bool fail_on;
static const char *fired;
static atomic_ulong asked;

static bool refused(void)
{
    unsigned long now;
    if (fail_nth == 0)
        return false;
    now = atomic_fetch_add(&asked, 1) + 1;
    if (now != fail_nth && !(fail_on && now > fail_nth))
        return false;
    if (now == fail_nth && fired)
        close(open(fired, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refused() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return refused() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return refused() ? NULL : __real_strndup(text, size);
}

/* What a coverage build writes at the end is not the program's. */
static void fault_ends(void)
{
    fail_nth = 0;
}

__attribute__((constructor)) static void fault_read(void)
{
    const char *fail = getenv(FAULTMEM_FAIL);
    char *end;
    if (!fail)
        return;
    fired = getenv(FAULTMEM_FIRED);
    fail_nth = strtoul(fail, &end, 10);
    fail_on = *end == '+';
    if (fail_nth == 0 || atexit(fault_ends) != 0)
        abort();
    json_set_alloc_funcs(__wrap_malloc, free);
}
