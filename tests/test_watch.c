/* test_watch.c: lock-status --watch: what makes a line, and how it ends. */
#include <fcntl.h>
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

#include "support/outside.h"
#include "support/run.h"
#include "support/stage.h"
#ifdef JETBASE_POSTGRES
#include <libpq-fe.h>
#endif

#define OTHER "11111111-2222-3333-4444-555555555555"

static const char *const watch[] = { "lock-status", "--watch", NULL };

static void open_project(struct sandbox *sb, enum sandbox_kind kind)
{
    if (!sandbox_has(kind))
        skip();
    sandbox_open(sb, kind);
    sandbox_file(sb, "V1__first.sql", "CREATE TABLE first (id INTEGER);\n");
}

static void lock_by_other(const struct sandbox *sb)
{
    sandbox_sql(sb, "UPDATE jetbase_lock SET is_locked = TRUE, locked_at = '2025-12-25 14:30:22.123456', process_id = '" OTHER "'");
}

static int lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void free_one_ends_it(enum sandbox_kind kind)
{
    struct sandbox sb;
    open_project(&sb, kind);
    run_has(&sb, "lock-status --watch", 0, "  UNLOCKED\n", ""); /* no tables yet */
    run_has(&sb, "upgrade", 0, NULL, "");
    run_has(&sb, "lock-status --watch", 0, "  UNLOCKED\n", "");
    json_t *one = run_json(&sb, "lock-status --watch --json", 0);
    assert_true(json_is_false(json_object_get(one, "locked")));
    json_decref(one);
    sandbox_close(&sb);
}

/* Alive, dead, taken by another, free: a line for each, and no more. */
static void tells_each_change(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p, holder;
    open_project(&sb, kind);
    sandbox_start(&sb, &holder, true, "head=stop", (const char *const[]){ "upgrade", NULL });
    assert_true(process_wait_stopped(&holder));
    sandbox_start(&sb, &p, false, NULL, watch);
    process_hear(&p, false, ", V1__first.sql), since ");
    process_hear(&p, false, "; alive: ");
    kill(holder.pid, SIGKILL);
    process_wait(&holder);
    process_free(&holder);
    process_hear(&p, false, "; dead: ");
    lock_by_other(&sb);
    process_hear(&p, false, "LOCKED  process ID " OTHER ", locked at 2025-12-25 14:30:22.123456 server time; unknown: the lock of another program");
    run_has(&sb, "unlock", 0, NULL, NULL);
    process_wait(&p);
    if (p.exit != 0 || lines(p.out) != 4)
        print_error("exit %d\n%s%s", p.exit, p.out, p.err);
    assert_int_equal(p.exit, 0);
    assert_int_equal(lines(p.out), 4);
    assert_string_equal(p.out + strlen(p.out) - strlen("  UNLOCKED\n"), "  UNLOCKED\n");
    assert_string_equal(p.err, "");
    process_free(&p);
    sandbox_close(&sb);
}

static void json_objects(enum sandbox_kind kind)
{
    struct sandbox sb;
    struct process p;
    char *rest, *one;
    json_t *list = json_array();
    open_project(&sb, kind);
    run_has(&sb, "upgrade", 0, NULL, "");
    lock_by_other(&sb);
    sandbox_start(&sb, &p, false, NULL, (const char *const[]){ "lock-status", "--watch", "--json", NULL });
    process_hear(&p, false, OTHER);
    run_has(&sb, "unlock", 0, NULL, NULL);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    rest = p.out;
    while ((one = strsep(&rest, "\n")) != NULL && *one)
        assert_int_equal(json_array_append_new(list, json_loads(one, JSON_REJECT_DUPLICATES, NULL)), 0);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(run_text(list, "0.process_id"), OTHER);
    assert_string_equal(run_text(list, "0.verdict"), "unknown");
    assert_true(json_is_false(json_object_get(json_array_get(list, 1), "locked")));
    json_decref(list);
    process_free(&p);
    sandbox_close(&sb);
}

static void is_stopped(enum sandbox_kind kind)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    struct sandbox sb;
    open_project(&sb, kind);
    run_has(&sb, "upgrade", 0, NULL, "");
    lock_by_other(&sb);
    for (size_t i = 0; i < 2; i++) {
        struct process p;
        sandbox_start(&sb, &p, false, NULL, watch);
        process_hear(&p, false, OTHER);
        kill(p.pid, numbers[i]);
        process_wait(&p);
        assert_int_equal(p.exit, 128 + numbers[i]);
        assert_true(WIFEXITED(p.status));
        assert_int_equal(lines(p.out), 1);
        process_free(&p);
    }
    assert_int_equal(sandbox_number(&sb, "SELECT count(*) FROM jetbase_lock WHERE is_locked AND process_id = '" OTHER "'"), 1);
    sandbox_close(&sb);
}

/* Whoever reads its lines goes away after the first one: it ends, though the lock stays. */
static void reader_goes_away(enum sandbox_kind kind)
{
    struct sandbox sb;
    int ends[2];
    pid_t pid;
    char first[3000];
    int status;
    open_project(&sb, kind);
    run_has(&sb, "upgrade", 0, NULL, "");
    lock_by_other(&sb);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        const char *const argv[] = { process_jetbase(), "lock-status", "--watch", NULL };
        int null = open("/dev/null", O_WRONLY);
        if (chdir(sb.dir) != 0 || putenv(sb.variable) != 0 || dup2(ends[1], 1) < 0 || dup2(null, 2) < 0)
            _exit(126);
        close(ends[0]);
        close(ends[1]);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    assert_true(read(ends[0], first, sizeof first) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status)); /* SIGPIPE kills nothing */
    sandbox_close(&sb);
}

#ifdef JETBASE_POSTGRES
/* Who waits for whom: here and in the error of whoever is refused. */
static void tells_the_blocker(void **state)
{
    struct sandbox sb;
    struct process p, holder;
    PGconn *conn;
    char wanted[100];
    (void)state;
    open_project(&sb, SANDBOX_POSTGRES);
    sandbox_sql(&sb, "CREATE TABLE orders (id int)");
    sandbox_file(&sb, "V1__first.sql", "ALTER TABLE orders ADD COLUMN total int;\n");
    conn = PQconnectdb(sb.conninfo);
    PQclear(PQexec(conn, "SET application_name = 'web-3'"));
    PQclear(PQexec(conn, "BEGIN; SELECT * FROM orders"));
    sandbox_start(&sb, &holder, false, NULL, (const char *const[]){ "upgrade", NULL });
    outside_until(&sb, "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation' AND relation = 'orders'::regclass", 1);
    sandbox_start(&sb, &p, false, NULL, watch);
    snprintf(wanted, sizeof wanted, "(Lock/relation), blocked by session %d (postgres@127.0.0.1 \"web-3\", idle in transaction for ", PQbackendPID(conn));
    process_hear(&p, false, wanted);
    run_has(&sb, "upgrade", 3, "", wanted);
    PQfinish(conn);
    process_wait(&p);
    assert_int_equal(p.exit, 0);
    assert_string_equal(p.out + strlen(p.out) - strlen("  UNLOCKED\n"), "  UNLOCKED\n");
    process_free(&p);
    process_wait(&holder);
    assert_int_equal(holder.exit, 0);
    process_free(&holder);
    sandbox_close(&sb);
}
#endif

STAGE_ON_BOTH(free_one_ends_it)
STAGE_ON_BOTH(tells_each_change)
STAGE_ON_BOTH(json_objects)
STAGE_ON_BOTH(is_stopped)
STAGE_ON_BOTH(reader_goes_away)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_BOTH(free_one_ends_it), STAGE_BOTH(tells_each_change), STAGE_BOTH(json_objects), STAGE_BOTH(is_stopped), STAGE_BOTH(reader_goes_away),
#ifdef JETBASE_POSTGRES
        cmocka_unit_test(tells_the_blocker),
#endif
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
