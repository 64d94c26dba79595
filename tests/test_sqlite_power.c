/* test_sqlite_power.c: the power goes after each single write, truncation, sync and removal of a run of five migrations, with what was not synced lost in whole or in part: history equals schema, the lock is explained, and the program goes on. SEED may be set. */
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

enum { FILES = 5, ROWS = 300, FULL_LOOK = 17 };

static const char *const upgrade[] = { "upgrade", "--json", NULL };
static const char *const fates[DISK_FATES] = { "all of it kept", "all of it dropped", "some of it kept" };

/* A run whose operations were written down; the sandbox of the files that a loss of power leaves. */
struct lab {
    struct sandbox sb, after;
    struct disk *disk;
    char *out;
    bool wal;
};

static void *contents(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rbe");
    void *bytes = malloc(1 << 20);
    assert_non_null(file);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 1 << 20, file);
    assert_true(feof(file));
    fclose(file);
    return bytes;
}

static void lab_open(struct lab *lab, bool wal)
{
    struct process p;
    char trace[300];
    size_t size;
    void *before;
    memset(lab, 0, sizeof *lab);
    lab->wal = wal;
    sandbox_open(&lab->sb, SANDBOX_SQLITE);
    sandbox_open(&lab->after, SANDBOX_SQLITE);
    sandbox_steps(&lab->sb, FILES, ROWS);
    sandbox_steps(&lab->after, FILES, ROWS);
    if (wal)
        sandbox_sql(&lab->sb, "PRAGMA journal_mode = WAL");
    before = contents(lab->sb.path, &size);
    faulty_start(&lab->sb, &p, NULL, upgrade);
    process_wait(&p);
    if (p.exit != 0)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(p.exit, 0);
    lab->out = strdup(p.out);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&lab->sb, FILES), FILES);
    faulty_trace(&lab->sb, trace, sizeof trace);
    lab->disk = disk_read(trace, before, size);
    free(before);
}

static void lab_close(struct lab *lab)
{
    disk_free(lab->disk);
    free(lab->out);
    sandbox_close(&lab->sb);
    sandbox_close(&lab->after);
}

/* How many migrations the run had told of when it had written so much. */
static int told_by(const struct lab *lab, int64_t told)
{
    static const char word[] = "\"migration-applied\"";
    int n = 0;
    for (const char *at = lab->out; (at = strstr(at, word)) && at + sizeof word - 1 - lab->out <= told; at++)
        n++;
    return n;
}

/* Without a journal whose removal was not synced the last migration may be undone again (SQLite syncs the folder after it only with synchronous=EXTRA); in WAL mode nothing is. */
static int must_be_there(const struct lab *lab, size_t ops, enum disk_fate fate)
{
    int told = told_by(lab, ops < disk_ops(lab->disk) ? disk_op(lab->disk, ops)->told : (int64_t)strlen(lab->out));
    return fate == DISK_KEEPS_ALL || lab->wal || told == 0 ? told : told - 1;
}

static void run_ok(const struct sandbox *sb, const char *const args[])
{
    struct process p;
    if (sandbox_run(sb, &p, args) != 0)
        print_error("%s%s", p.out, p.err);
    assert_int_equal(p.exit, 0);
    process_free(&p);
}

/* The program itself on that file: it never calls the holder alive, and goes on after an unlock. */
static void goes_on(const struct lab *lab)
{
    static const char *const look[] = { "lock-status", "--json", NULL }, *const unlock[] = { "unlock", NULL };
    struct process p;
    json_t *json;
    const char *verdict;
    assert_int_equal(sandbox_run(&lab->after, &p, look), 0);
    json = json_loads(p.out, 0, NULL);
    verdict = json_string_value(json_object_get(json, "verdict"));
    assert_true(!verdict || strcmp(verdict, "alive") != 0);
    json_decref(json);
    process_free(&p);
    run_ok(&lab->after, unlock);
    run_ok(&lab->after, upgrade);
    assert_int_equal(sandbox_check_steps(&lab->after, FILES), FILES);
}

/* One loss of power; "" or what is wrong afterwards. */
static void lose(const struct lab *lab, size_t ops, enum disk_fate fate, size_t left_out, char *wrong, size_t size)
{
    int applied;
    disk_lose_power(lab->disk, ops, fate, left_out, lab->after.path);
    faulty_wrong(&lab->after, FILES, ROWS, &applied, wrong, size);
    if (!wrong[0] && applied < must_be_there(lab, ops, fate))
        snprintf(wrong, size, "%d migrations are there, and it had told of more", applied);
}

static void power_goes(bool wal)
{
    struct lab lab;
    char wrong[300];
    size_t looks = 0;
    lab_open(&lab, wal);
    srand((unsigned)sandbox_setting("SEED", 1));
    for (size_t ops = 0; ops <= disk_ops(lab.disk); ops++) {
        for (int fate = 0; fate < DISK_FATES; fate++) {
            lose(&lab, ops, (enum disk_fate)fate, DISK_NO_OP, wrong, sizeof wrong);
            if (wrong[0])
                fail_msg("power lost before operation %zu of %zu, %s: %s", ops, disk_ops(lab.disk), fates[fate], wrong);
            if (looks++ % FULL_LOOK == 0)
                goes_on(&lab);
        }
    }
    print_message("%s: power lost at %zu points, three fates each\n", wal ? "WAL" : "delete", disk_ops(lab.disk) + 1);
    lab_close(&lab);
}

static void with_a_journal(void **state)
{
    (void)state;
    power_goes(false);
}

static void with_a_wal(void **state)
{
    (void)state;
    power_goes(true);
}

/* The laboratory itself: with one sync left out it finds damage, so that its silence above means something. */
static size_t damaged_without(const struct lab *lab, size_t sync)
{
    char wrong[300];
    size_t damaged = 0;
    for (size_t ops = sync + 1; ops <= disk_ops(lab->disk) && ops < sync + 40; ops++)
        for (int fate = DISK_DROPS_ALL; fate < DISK_FATES; fate++) {
            lose(lab, ops, (enum disk_fate)fate, sync, wrong, sizeof wrong);
            damaged += wrong[0] != '\0';
        }
    return damaged;
}

static void a_sync_left_out_is_seen(bool wal)
{
    struct lab lab;
    size_t syncs[FAULTVFS_FILES] = { 0 }, needed[FAULTVFS_FILES] = { 0 };
    lab_open(&lab, wal);
    srand((unsigned)sandbox_setting("SEED", 1));
    for (size_t op = 0; op < disk_ops(lab.disk); op++) {
        const struct faultvfs_record *record = disk_op(lab.disk, op);
        if (record->op != FAULTVFS_SYNC)
            continue;
        syncs[record->file]++;
        needed[record->file] += damaged_without(&lab, op) > 0;
    }
    print_message("%s: damage seen without %zu of %zu syncs of the file, %zu of %zu of the journal, %zu of %zu of the WAL\n", wal ? "WAL" : "delete", needed[0], syncs[0], needed[1], syncs[1], needed[2],
                  syncs[2]);
    assert_true(needed[wal ? FAULTVFS_WAL : FAULTVFS_JOURNAL] > 0);
    assert_true(wal || needed[FAULTVFS_DATABASE] > 0);
    lab_close(&lab);
}

static void left_out_with_a_journal(void **state)
{
    (void)state;
    a_sync_left_out_is_seen(false);
}

static void left_out_with_a_wal(void **state)
{
    (void)state;
    a_sync_left_out_is_seen(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_journal),
        cmocka_unit_test(with_a_wal),
        cmocka_unit_test(left_out_with_a_journal),
        cmocka_unit_test(left_out_with_a_wal),
    };
    return cmocka_run_group_tests_name("sqlite_power", tests, NULL, NULL);
}
