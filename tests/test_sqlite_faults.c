/* test_sqlite_faults.c: the nth open, read, write, truncation, sync or removal of a run fails, once or from then on, or the disk is full: what the run says is true, history equals schema, and the next run finishes. STEP=1 takes each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/faulty.h"

enum { FILES = 3, ROWS = 40, MOST = 400 };

static const char *const upgrade[] = { "upgrade", "--json", NULL };
static int exits[256];

/* What the run told, line by line: how many were applied, and the exit code of run-ended (-1: none). */
static void told(const char *out, int *applied, int *ended)
{
    *applied = 0;
    *ended = -1;
    for (const char *line = out; *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + strlen(line)) {
        json_t *json = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
        const char *event = json_string_value(json_object_get(json, "event"));
        assert_non_null(json);
        *applied += event && strcmp(event, "migration-applied") == 0;
        if (event && strcmp(event, "run-ended") == 0)
            *ended = (int)json_integer_value(json_object_get(json, "exit"));
        json_decref(json);
    }
}

static bool locked(const struct sandbox *sb)
{
    return sandbox_number(sb, "SELECT count(*) FROM sqlite_master WHERE name = 'jetbase_lock'") > 0 && sandbox_number(sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked") > 0;
}

/* The program ended by itself: a lock that it left must be proven dead, and the next run does the rest. */
static void finish(const struct sandbox *sb, const char *fault, const struct process *p)
{
    static const char *const unlock[] = { "unlock", "--if-dead", NULL };
    bool was_locked = locked(sb);
    if (was_locked && p->exit == 0)
        fail_msg("%s: exit 0 and the lock is held", fault);
    if (was_locked && sandbox_run(sb, NULL, unlock) != 0)
        fail_msg("%s: the lock of a run that has ended can't be proven dead", fault);
    if (sandbox_run(sb, NULL, upgrade) != 0)
        fail_msg("%s: the next run does not finish", fault);
    assert_int_equal(sandbox_check_steps(sb, FILES), FILES);
    assert_false(locked(sb));
}

/* One run with one fault. False: the fault was not met any more. */
static bool fault_once(const char *fault, bool wal)
{
    struct sandbox sb;
    struct process p;
    struct disk *disk;
    char wrong[300], trace[300];
    int applied, was_told, ended;
    bool fired;
    sandbox_open(&sb, SANDBOX_SQLITE);
    sandbox_steps(&sb, FILES, ROWS);
    if (wal)
        sandbox_sql(&sb, "PRAGMA journal_mode = WAL");
    faulty_start(&sb, &p, fault, upgrade);
    process_wait(&p);
    faulty_trace(&sb, trace, sizeof trace);
    disk = disk_read(trace, "", 0);
    fired = disk_fired(disk);
    disk_free(disk);
    faulty_wrong(&sb, FILES, ROWS, &applied, wrong, sizeof wrong);
    told(p.out, &was_told, &ended);
    if (wrong[0])
        fail_msg("%s: %s\n%s%s", fault, wrong, p.out, p.err);
    if (applied != was_told)
        fail_msg("%s: told of %d applied, and %d are\n%s%s", fault, was_told, applied, p.out, p.err);
    if ((p.exit == 0) != (applied == FILES) && !strstr(p.out, "the lock could not be released"))
        fail_msg("%s: exit %d with %d of %d applied\n%s%s", fault, p.exit, applied, FILES, p.out, p.err);
    if (ended >= 0 && ended != p.exit)
        fail_msg("%s: run-ended says exit %d, it was %d", fault, ended, p.exit);
    if (p.exit != 0 && !fired)
        fail_msg("%s: failed without a fault\n%s%s", fault, p.out, p.err);
    exits[p.exit & 255] += fired;
    finish(&sb, fault, &p);
    process_free(&p);
    sandbox_close(&sb);
    return fired;
}

/* Each operation of that kind fails, in turn; STEP sets how many are passed over. */
static void each(const char *op, bool wal, bool stays, long step)
{
    int n = 1, met = 0;
    for (; n < MOST; n += (int)step) {
        char fault[64];
        snprintf(fault, sizeof fault, "%s:%d%s", op, n, stays ? "+" : "");
        if (!fault_once(fault, wal))
            break;
        met++;
    }
    assert_true(n < MOST);
    print_message("%s%s in %s: %d faults\n", op, stays ? " from then on" : "", wal ? "WAL" : "delete", met);
}

static void faults(bool wal)
{
    static const char *const names[] = FAULTVFS_NAMES;
    long step = sandbox_setting("STEP", 11);
    memset(exits, 0, sizeof exits);
    for (int op = 0; op < FAULTVFS_OPS; op++)
        for (int stays = 0; stays < 2; stays++)
            each(names[op], wal, stays, op == FAULTVFS_OPEN || op == FAULTVFS_DELETE || op == FAULTVFS_TRUNCATE ? (step + 2) / 3 : step);
    for (int i = 0; i < 256; i++)
        if (exits[i])
            print_message("exit %d: %d times\n", i, exits[i]);
}

static void with_a_journal(void **state)
{
    (void)state;
    faults(false);
}

static void with_a_wal(void **state)
{
    (void)state;
    faults(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_journal),
        cmocka_unit_test(with_a_wal),
    };
    return cmocka_run_group_tests_name("sqlite_faults", tests, NULL, NULL);
}
