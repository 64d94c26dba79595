/* test_elsewhere_file.c: an SQLite file seen through an overlay, and one that was restored by rename under a running holder: the verdict is right or unknown, never wrong, and nothing is committed into the wrong file. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/elsewhere.h"
#include "support/files.h"
#include "support/run.h"

enum { FILES = 3 };

static const struct place here = { NULL, NULL };

/* The first file is applied; starts a run there that takes the lock, and stays between two transactions. */
static void hold_stopped(const struct sandbox *sb, const struct place *at, struct process *p)
{
    elsewhere_has(sb, at, "upgrade --count 1", 0, "Migration applied successfully: V1__step_1.sql", NULL);
    elsewhere_start(sb, at, p, "planned=stop", "upgrade");
    assert_true(process_wait_stopped(p));
}

/* The same project on the file at DIR/FOLDER/app.db. */
static struct sandbox on_file(const struct sandbox *sb, const char *folder)
{
    struct sandbox other = *sb;
    snprintf(other.path, sizeof other.path, "%s/%s/app.db", sb->dir, folder);
    snprintf(other.url, sizeof other.url, "sqlite:///%s", other.path);
    snprintf(other.variable, sizeof other.variable, "JETBASE_SQLALCHEMY_URL=%s", other.url);
    return other;
}

/* The project's file lies in DIR/lower, and DIR/merged is an overlay over it among the mounts of the keeper. */
static void open_overlay(struct sandbox *sb, struct process *keeper, struct place *join_it, char pid[16])
{
    static const char *const folders[] = { "lower", "upper", "work", "merged" };
    const char *argv[] = { "/proc/self/exe", "overlay", sb->dir, NULL };
    char path[300];
    struct process p;
    siginfo_t info = { .si_pid = 0 };
    sandbox_open(sb, SANDBOX_SQLITE);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", sb->dir, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    process_start(keeper, "/", argv, NULL);
    for (char ready[8] = ""; !strstr(ready, "ready") && info.si_pid == 0; usleep(2000)) {
        assert_true(pread(keeper->out_fd, ready, sizeof ready - 1, 0) >= 0);
        assert_int_equal(waitid(P_PID, (id_t)keeper->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    }
    if (info.si_pid != 0) {
        process_wait(keeper);
        assert_int_equal(keeper->exit, ELSEWHERE_REFUSED);
        printf("not run here: a file seen through an overlay (%s)\n", keeper->err);
        process_free(keeper);
        sandbox_close(sb);
        skip();
    }
    snprintf(pid, 16, "%d", (int)keeper->pid);
    *join_it = (struct place){ "join", pid };
    elsewhere_start(sb, join_it, &p, NULL, "version");
    process_wait(&p);
    assert_int_not_equal(p.exit, ELSEWHERE_REFUSED);
    process_free(&p);
}

static void close_overlay(struct sandbox *sb, struct process *keeper)
{
    kill(keeper->pid, SIGKILL);
    process_wait(keeper);
    process_free(keeper);
    sandbox_close(sb);
}

/* The holder uses the file itself, others see it through an overlay: another file as soon as one of them writes. */
static void under_an_overlay(void **state)
{
    struct sandbox sb, lower, merged;
    struct process keeper, p;
    struct place through;
    char pid[16];
    (void)state;
    open_overlay(&sb, &keeper, &through, pid);
    lower = on_file(&sb, "lower");
    merged = on_file(&sb, "merged");
    sandbox_steps(&lower, FILES, 3);
    hold_stopped(&lower, &here, &p);
    elsewhere_is_not_dead(&merged, &through, "Verdict: UNKNOWN: taken on another file");
    elsewhere_is_not_dead(&lower, &here, "Verdict: ALIVE");
    kill(p.pid, SIGCONT);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    process_free(&p);
    assert_int_equal(sandbox_check_steps(&lower, FILES), FILES);
    elsewhere_has(&merged, &through, "lock-status", 0, "Verdict: UNKNOWN: taken on another file", NULL); /* the copy was made while it was held */
    close_overlay(&sb, &keeper);
}

/* All of them use the overlay: that is one file, with one verdict; the file under it stays as it was. */
static void in_an_overlay(void **state)
{
    struct sandbox sb, lower, merged, upper;
    struct process keeper, p;
    struct place through;
    char pid[16];
    (void)state;
    open_overlay(&sb, &keeper, &through, pid);
    lower = on_file(&sb, "lower");
    merged = on_file(&sb, "merged");
    upper = on_file(&sb, "upper");
    sandbox_steps(&lower, FILES, 3);
    hold_stopped(&merged, &through, &p);
    elsewhere_is_not_dead(&merged, &through, "Verdict: ALIVE");
    elsewhere_is_not_dead(&upper, &here, "Verdict: UNKNOWN: taken on another file");
    elsewhere_has(&lower, &here, "lock-status", 0, "Status: UNLOCKED", "");
    kill(p.pid, SIGKILL);
    process_wait(&p);
    process_free(&p);
    elsewhere_until_dead(&merged, &through, "lock-status --json");
    elsewhere_is_not_dead(&upper, &here, "Verdict: UNKNOWN: taken on another file");
    elsewhere_has(&merged, &through, "upgrade --take-over-dead", 0, "Migrations completed successfully.", "");
    elsewhere_has(&merged, &through, "lock-status", 0, "Status: UNLOCKED", "");
    assert_int_equal(sandbox_check_steps(&lower, FILES), 0);
    assert_int_equal(sandbox_check_steps(&upper, FILES), FILES);
    close_overlay(&sb, &keeper);
}

static void *bytes_of(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *size = (size_t)st.st_size;
    return bytes;
}

/* Where the run is when its file is replaced, and what it had applied. */
static const struct {
    const char *at;
    int applied;
} moments[] = { { "locked", 0 }, { "planned", 0 }, { "head", 0 }, { "commit", 1 }, { "head:2", 1 }, { "fence:2", 1 }, { "fence:3", 2 }, { "commit:3", 3 } };

/* Puts `size` bytes in the place of the project's file by rename; the old one goes on under the name of `old`. */
static void restore(const struct sandbox *sb, const struct sandbox *old, const void *bytes, size_t size)
{
    char fresh[320];
    snprintf(fresh, sizeof fresh, "%s.fresh", sb->path);
    files_write_bytes(sb->dir, "app.db.fresh", bytes, size);
    assert_int_equal(link(sb->path, old->path), 0);
    assert_int_equal(rename(fresh, sb->path), 0);
}

/* What is said of the lock in the restored file: free where it was saved so, else not known. */
static void look_at_restored(const struct sandbox *sb, bool locked, int applied)
{
    char verdict[32];
    elsewhere_verdict(sb, &here, "lock-status --json", verdict, sizeof verdict);
    assert_string_equal(verdict, locked ? "unknown" : "");
    if (!locked)
        return;
    run_has(sb, "unlock --if-dead", 3, "", "nothing was done");
    if (applied < FILES)
        elsewhere_is_not_dead(sb, &here, "Verdict: UNKNOWN: taken on another file");
}

/* The file is saved before the run, or while it has the lock, and put in its place under the run: the run commits into neither. */
static void restored_at(const char *at, int applied, bool while_locked)
{
    struct sandbox sb, old;
    struct process p;
    size_t size, after;
    void *saved, *now;
    char place[64], folder[300];
    sandbox_open(&sb, SANDBOX_SQLITE);
    sandbox_steps(&sb, FILES, 3);
    snprintf(folder, sizeof folder, "%s/old", sb.dir);
    assert_int_equal(mkdir(folder, 0755), 0);
    old = on_file(&sb, "old");
    saved = bytes_of(sb.path, &size);
    snprintf(place, sizeof place, "%s=stop", at);
    elsewhere_start(&sb, &here, &p, place, "upgrade");
    assert_true(process_wait_stopped(&p));
    if (while_locked) {
        free(saved);
        saved = bytes_of(sb.path, &size);
    }
    restore(&sb, &old, saved, size);
    free(saved);
    look_at_restored(&sb, while_locked, applied);
    saved = bytes_of(sb.path, &size);
    kill(p.pid, SIGCONT);
    process_wait(&p);
    now = bytes_of(sb.path, &after);
    if (p.exit != 1 || !strstr(p.err, "was moved, removed or replaced while it was in use") || strstr(p.err, "The lock is released") ||
        strstr(p.err, "can't be written") || strstr(p.err, "its holder is dead"))
        fail_msg("%s: exit %d\n%s%s", at, p.exit, p.out, p.err);
    assert_int_equal(after, size);
    assert_memory_equal(now, saved, size);
    assert_int_equal(sandbox_check_steps(&old, FILES), applied);
    if (while_locked)
        run_has(&sb, "unlock", 0, "Unlock successful.", "UNKNOWN: taken on another file");
    run_has(&sb, "upgrade", 0, NULL, "");
    assert_int_equal(sandbox_check_steps(&sb, FILES), FILES);
    assert_int_equal(sandbox_check_steps(&old, FILES), applied);
    process_free(&p);
    free(saved);
    free(now);
    sandbox_close(&sb);
}

static void restored_by_rename(void **state)
{
    (void)state;
    setenv("JETBASE_FAILPOINT_MS", "release=50", 1); /* it would try for ten seconds to give the lock back */
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        for (int while_locked = 0; while_locked < 2; while_locked++)
            restored_at(moments[i].at, moments[i].applied, while_locked);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_an_overlay),
        cmocka_unit_test(in_an_overlay),
        cmocka_unit_test(restored_by_rename),
    };
    if (argc > 1)
        return elsewhere_child(argc, argv);
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("elsewhere_file", tests, NULL, NULL);
}
