/* test_watcher.c: the thread that looks, with a clock that the test moves: what comes late is followed up, and nothing that happens between two looks is passed over. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/sandbox.h"
#include "watcher.h"

enum { REFRESH_MS = 100, TAKES_MS = REFRESH_MS + 1, DEADLINE_MS = 60000, MOST_LOOKS = 1000 };

/* Stands still, but that so many times TAKES_MS go by while somebody asks for the time of day (which is long after the files were made): each look does as it begins, the first one again as it looks for files. */
static _Atomic int64_t clock_ms;
static atomic_int delays;

static int64_t wall_us(void)
{
    if (atomic_fetch_sub(&delays, 1) > 0)
        atomic_fetch_add(&clock_ms, TAKES_MS);
    return INT64_C(4000000000000000);
}

/* What another program does as soon as a look has been published, in the looking thread itself: before it does anything more. */
static struct {
    const struct sandbox *sb;
    const char *sql;
    const struct mailbox *mail;
    int done_fd;
} between;

static int64_t mono_ms(void)
{
    struct pollfd box = { .fd = between.sql ? mailbox_fd(between.mail) : -1, .events = POLLIN };
    if (between.sql && poll(&box, 1, 0) == 1) {
        sandbox_sql(between.sb, between.sql);
        between.sql = NULL;
        if (eventfd_write(between.done_fd, 1) != 0)
            abort();
    }
    return atomic_load(&clock_ms);
}

struct looked {
    struct sandbox sb;
    struct project project;
    struct sys sys;
    struct mailbox *mail;
    struct watcher *watcher;
};

static void begin(struct looked *l, int times)
{
    struct error err = { 0 };
    l->project = (struct project){ .dir = l->sb.dir };
    l->sys = sys_real;
    l->sys.mono_ms = mono_ms;
    l->sys.wall_us = wall_us;
    atomic_store(&clock_ms, 0);
    atomic_store(&delays, times);
    assert_true(url_parse(l->sb.url, &l->project.url, &err));
    assert_non_null(l->mail = mailbox_new(&err));
    between.mail = l->mail;
    assert_non_null(l->watcher = watcher_start(&l->project, &l->sys, REFRESH_MS, l->mail, &err));
}

static void end(struct looked *l)
{
    assert_true(watcher_stop(l->watcher, DEADLINE_MS));
    mailbox_free(l->mail);
    url_free(&l->project.url);
    sandbox_close(&l->sb);
}

/* Waits for news of that kind, of a look that was begun at that time or later; a reference for the caller. */
static struct snapshot *await_news(struct mailbox *mail, enum model_msg_kind kind, int64_t from_ms)
{
    for (;;) {
        struct pollfd box = { .fd = mailbox_fd(mail), .events = POLLIN };
        struct model_msg msg;
        while (mailbox_take(mail, &msg)) {
            struct snapshot *snap = NULL;
            assert_int_not_equal(msg.kind, MSG_DOWN);
            if (msg.kind == kind && msg.u.snap->seen_mono_ms >= from_ms)
                snap = snapshot_ref(msg.u.snap);
            message_drop(&msg);
            if (snap)
                return snap;
        }
        assert_int_equal(poll(&box, 1, DEADLINE_MS), 1);
        assert_true(atomic_load(&delays) > -MOST_LOOKS); /* else it looks on and on */
    }
}

/* A look that came late is old when it comes, so that another follows at once. Not another one behind that: a slow database is not asked without pause. */
static void late_look(void **state)
{
    struct looked l;
    struct snapshot *second, *still;
    (void)state;
    sandbox_open(&l.sb, SANDBOX_SQLITE);
    sandbox_sql(&l.sb, "CREATE TABLE app (n INTEGER)");
    begin(&l, 3);
    second = await_news(l.mail, MSG_SNAPSHOT, TAKES_MS);
    assert_int_equal(atomic_load(&clock_ms) - second->seen_mono_ms, TAKES_MS); /* late itself */
    /* Files are looked at in the pauses. */
    sandbox_file(&l.sb, "V1__new.sql", "SELECT 1;\n");
    still = await_news(l.mail, MSG_FILES, 0);
    assert_int_equal(still->seen_mono_ms, second->seen_mono_ms);
    snapshot_unref(second);
    snapshot_unref(still);
    end(&l);
}

/* What another program has done to the history before that second look is in it. */
static void changed_between(void **state)
{
    static const char *const upgrade[] = { "upgrade", NULL };
    struct looked l;
    struct snapshot *second;
    eventfd_t done;
    (void)state;
    sandbox_open(&l.sb, SANDBOX_SQLITE);
    sandbox_steps(&l.sb, 1, 1);
    assert_int_equal(sandbox_run(&l.sb, NULL, upgrade), 0);
    between.sb = &l.sb;
    between.done_fd = eventfd(0, EFD_CLOEXEC);
    between.sql = "INSERT INTO jetbase_migrations (version, description, filename, migration_type, checksum, applied_at) "
                  "SELECT '2', description, 'V2__other.sql', migration_type, checksum, applied_at FROM jetbase_migrations";
    begin(&l, 1);
    /* The first look stays where it is until then. */
    assert_int_equal(eventfd_read(between.done_fd, &done), 0);
    second = await_news(l.mail, MSG_SNAPSHOT, TAKES_MS);
    assert_int_equal(second->listing->applied_count, 2);
    snapshot_unref(second);
    end(&l);
    close(between.done_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_look),
        cmocka_unit_test(changed_between),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("watcher", tests, NULL, NULL);
}
