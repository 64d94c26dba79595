/* test_lock.c: the lock module on real databases: who gets it, what is said of its holder, and what an unlock may do. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine.h"
#include "support/sandbox.h"

/* One database and two connections to it. */
struct scene {
    struct sandbox sb;
    struct project project;
    struct db *db, *other;
};

static const struct lock_wish wish = { .sys = &sys_real, .command = "upgrade", .file = "V1__a.sql", .statements = 2 };

static struct db *connect_run(const struct scene *s)
{
    struct db *db = NULL;
    struct error err = { 0 };
    if (!engine_connect(&s->project, &sys_real, DB_RUN, NULL, &db, &err))
        fail_msg("%s", err.message);
    return db;
}

static void scene_open(struct scene *s, enum sandbox_kind kind)
{
    struct error err = { 0 };
    memset(s, 0, sizeof *s);
    sandbox_open(&s->sb, kind);
    assert_true(url_parse(s->sb.url, &s->project.url, &err));
    s->db = connect_run(s);
    s->other = connect_run(s);
}

static void scene_close(struct scene *s)
{
    db_driver_of(s->db)->close(s->db);
    db_driver_of(s->other)->close(s->other);
    url_free(&s->project.url);
    sandbox_close(&s->sb);
}

static struct lock *acquire(struct db *db)
{
    struct lock *lock = NULL;
    struct lock_view holder;
    struct error err = { 0 };
    if (lock_acquire(db, &wish, &lock, &holder, NULL, 0, &err) != LOCK_OK)
        fail_msg("%s", err.message);
    return lock;
}

static struct lock_view look(struct db *db)
{
    struct lock_view view;
    struct error err = { 0 };
    if (!lock_look(db, &view, &err))
        fail_msg("%s", err.message);
    return view;
}

static enum lock_answer unlock(struct db *db, struct unlock_wish how, struct error *err)
{
    struct lock_view before, after;
    how.sys = &sys_real;
    how.timeout_ms = 1000;
    return lock_unlock(db, &how, &before, &after, err);
}

static char *run_text(const struct scene *s, const char *column, const char *process_id)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT %s FROM jetbase_runs WHERE process_id = '%s'", column, process_id);
    return sandbox_text(&s->sb, sql);
}

static void assert_run(const struct scene *s, const char *column, const char *process_id, const char *expect)
{
    char *text = run_text(s, column, process_id);
    assert_string_equal(text, expect);
    free(text);
}

static void acquire_and_release(struct scene *s)
{
    struct error err = { 0 };
    struct lock *lock = acquire(s->db), *second = NULL;
    struct lock_view view = look(s->other), holder;
    char id[DB_ID_SIZE];
    strcpy(id, lock_process_id(lock));
    assert_int_equal(view.verdict, LOCK_ALIVE);
    assert_string_equal(view.row.process_id, id);
    assert_int_equal(view.row.run.pid, getpid());
    assert_string_equal(view.row.run.command, "upgrade");
    assert_true(view.fenced);
    assert_int_equal(lock_acquire(s->other, &wish, &second, &holder, NULL, 0, &err), LOCK_HELD);
    assert_null(second);
    assert_int_equal(err.code, ERR_LOCK_HELD);
    assert_string_equal(holder.row.process_id, id);
    assert_int_equal(lock_release(lock, s->db, RUN_OK, NULL, &err), LOCK_OK);
    assert_int_equal(look(s->other).verdict, LOCK_FREE);
    assert_run(s, "outcome", id, "ok");
    lock_free(lock);
}

static void unlock_compares(struct scene *s)
{
    struct error err = { 0 };
    struct lock *lock = acquire(s->db);
    char id[DB_ID_SIZE];
    strcpy(id, lock_process_id(lock));
    assert_int_equal(unlock(s->other, (struct unlock_wish){ .expect_id = "00000000-0000-4000-8000-000000000000" }, &err), LOCK_CHANGED_HANDS);
    assert_int_equal(err.code, ERR_LOCK_CHANGED);
    assert_int_equal(unlock(s->other, (struct unlock_wish){ .only_dead = true }, &err), LOCK_NOT_DEAD);
    assert_int_equal(err.code, ERR_LOCK_ALIVE);
    assert_int_equal(look(s->other).verdict, LOCK_ALIVE);
    assert_int_equal(unlock(s->other, (struct unlock_wish){ .expect_id = id, .reason = "a test" }, &err), LOCK_OK);
    assert_int_equal(look(s->other).verdict, LOCK_FREE);
    assert_run(s, "unlock_reason", id, "a test");
    assert_int_equal(lock_release(lock, s->db, RUN_LOST, "unlocked", &err), LOCK_CHANGED_HANDS);
    assert_run(s, "outcome", id, "lost");
    assert_int_equal(unlock(s->other, (struct unlock_wish){ .expect_id = id }, &err), LOCK_CHANGED_HANDS);
    lock_free(lock);
}

static void plain_unlock(struct scene *s)
{
    struct error err = { 0 };
    struct lock *lock;
    assert_int_equal(unlock(s->other, (struct unlock_wish){ 0 }, &err), LOCK_OK); /* no tables yet: none are made */
    assert_false(look(s->other).row.table);
    lock = acquire(s->db);
    assert_int_equal(unlock(s->other, (struct unlock_wish){ 0 }, &err), LOCK_OK);
    assert_int_equal(look(s->other).verdict, LOCK_FREE);
    assert_int_equal(unlock(s->other, (struct unlock_wish){ 0 }, &err), LOCK_OK);
    lock_release(lock, s->db, RUN_FAILED, NULL, &err);
    lock_free(lock);
}

static void other_program(struct scene *s)
{
    static const char id[] = "c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab";
    struct error err = { 0 };
    struct lock *lock = acquire(s->db), *second = NULL;
    struct lock_view view, holder;
    lock_release(lock, s->db, RUN_OK, NULL, &err);
    lock_free(lock);
    sandbox_sql(&s->sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = CURRENT_TIMESTAMP, process_id = 'c1d2e3f4-aaaa-4bbb-8ccc-0123456789ab'");
    view = look(s->other);
    assert_int_equal(view.verdict, LOCK_UNKNOWN);
    assert_non_null(strstr(view.evidence, "another program"));
    assert_int_equal(lock_acquire(s->db, &(struct lock_wish){ .sys = &sys_real, .command = "upgrade", .take_over_dead = true }, &second, &holder, NULL, 0, &err), LOCK_HELD);
    assert_int_equal(unlock(s->other, (struct unlock_wish){ .only_dead = true }, &err), LOCK_NOT_DEAD);
    assert_int_equal(unlock(s->other, (struct unlock_wish){ .expect_id = id }, &err), LOCK_OK);
    assert_int_equal(look(s->other).verdict, LOCK_FREE);
}

/* A child takes the lock and is killed with it. */
static void die_holding(struct scene *s, char id[DB_ID_SIZE])
{
    int ends[2], status;
    pid_t pid;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* A process of its own: what it inherited (connections, registry of this process) it must not use. */
        char fd[16];
        snprintf(fd, sizeof fd, "%d", ends[1]);
        execl("/proc/self/exe", "test_lock", "--hold", s->sb.url, fd, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], id, DB_ID_SIZE), DB_ID_SIZE);
    close(ends[0]);
    assert_int_equal(look(s->other).verdict, LOCK_ALIVE);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < 10000 && look(s->other).verdict != LOCK_DEAD; i++)
        sys_real.sleep_ms(1); /* PostgreSQL: its backend must see the end first */
    assert_int_equal(look(s->other).verdict, LOCK_DEAD);
    assert_string_equal(look(s->other).row.process_id, id);
}

/* What the child does: acquire, say the process ID, wait for its end. */
static int hold(const char *url, int fd)
{
    struct project project = { 0 };
    struct db *db = NULL;
    struct error err = { 0 };
    struct lock *lock = NULL;
    struct lock_view holder;
    if (!url_parse(url, &project.url, &err) || !engine_connect(&project, &sys_real, DB_RUN, NULL, &db, &err) ||
        lock_acquire(db, &wish, &lock, &holder, NULL, 0, &err) != LOCK_OK || write(fd, lock_process_id(lock), DB_ID_SIZE) != DB_ID_SIZE) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (;;)
        pause();
}

static void dead_holder(struct scene *s)
{
    struct error err = { 0 };
    struct lock *lock = NULL;
    struct lock_view holder;
    struct lock_wish over = wish;
    char id[DB_ID_SIZE];
    die_holding(s, id);
    assert_int_equal(lock_acquire(s->db, &wish, &lock, &holder, NULL, 0, &err), LOCK_HELD);
    assert_int_equal(holder.verdict, LOCK_DEAD);
    over.take_over_dead = true;
    over.expect_id = "00000000-0000-4000-8000-000000000000";
    assert_int_equal(lock_acquire(s->db, &over, &lock, &holder, NULL, 0, &err), LOCK_CHANGED_HANDS);
    over.expect_id = id;
    assert_int_equal(lock_acquire(s->db, &over, &lock, &holder, NULL, 0, &err), LOCK_OK);
    assert_run(s, "outcome", id, "died");
    assert_int_equal(look(s->other).verdict, LOCK_ALIVE);
    assert_int_equal(lock_release(lock, s->db, RUN_OK, NULL, &err), LOCK_OK);
    lock_free(lock);
    die_holding(s, id);
    assert_int_equal(unlock(s->other, (struct unlock_wish){ .only_dead = true }, &err), LOCK_OK);
    assert_run(s, "outcome", id, "died");
    assert_int_equal(look(s->other).verdict, LOCK_FREE);
}

/* A lock table without its row is not a locked one. */
static void missing_row(struct scene *s)
{
    struct error err = { 0 };
    struct lock *lock = acquire(s->db);
    lock_release(lock, s->db, RUN_OK, NULL, &err);
    lock_free(lock);
    sandbox_sql(&s->sb, "DELETE FROM jetbase_lock");
    assert_int_equal(look(s->other).verdict, LOCK_FREE);
    lock = acquire(s->other);
    assert_int_equal(lock_release(lock, s->other, RUN_OK, NULL, &err), LOCK_OK);
    lock_free(lock);
}

static void on(enum sandbox_kind kind, void (*test)(struct scene *))
{
    struct scene s;
    if (!sandbox_has(kind))
        skip();
    scene_open(&s, kind);
    test(&s);
    scene_close(&s);
}

#define ON_BOTH(test)                                                          \
    static void test##_sqlite(void **state) { (void)state; on(SANDBOX_SQLITE, test); } \
    static void test##_postgres(void **state) { (void)state; on(SANDBOX_POSTGRES, test); }
#define BOTH(test) cmocka_unit_test(test##_sqlite), cmocka_unit_test(test##_postgres)

ON_BOTH(acquire_and_release)
ON_BOTH(unlock_compares)
ON_BOTH(plain_unlock)
ON_BOTH(other_program)
ON_BOTH(dead_holder)
ON_BOTH(missing_row)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { BOTH(acquire_and_release), BOTH(unlock_compares), BOTH(plain_unlock), BOTH(other_program), BOTH(dead_holder), BOTH(missing_row) };
    if (argc == 4 && strcmp(argv[1], "--hold") == 0)
        return hold(argv[2], atoi(argv[3]));
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
