/* test_watcher.c: the thread that looks, with a clock that the test moves. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sandbox.h"
#include "watcher.h"

enum { REFRESH_MS = 600000, TAKES_MS = REFRESH_MS + 1, DEADLINE_MS = 60000, MOST_LOOKS = 1000 };

/* Stands still, but that each look takes TAKES_MS and more: as it begins it asks for the time of day. */
static _Atomic int64_t clock_ms;

static int64_t mono_ms(void)
{
    return atomic_load(&clock_ms);
}

static int64_t wall_us(void)
{
    atomic_fetch_add(&clock_ms, TAKES_MS);
    return 0;
}

/* Waits for news of that kind, of a look that was begun at that time or later. Gives when it was begun. */
static int64_t await_news(struct mailbox *mail, enum model_msg_kind kind, int64_t from_ms)
{
    int64_t seen_ms = -1;
    while (seen_ms < from_ms) {
        struct pollfd box = { .fd = mailbox_fd(mail), .events = POLLIN };
        struct model_msg msg;
        assert_int_equal(poll(&box, 1, DEADLINE_MS), 1);
        assert_true(mono_ms() < (int64_t)MOST_LOOKS * TAKES_MS); /* else it looks on and on */
        while (mailbox_take(mail, &msg)) {
            assert_int_not_equal(msg.kind, MSG_DOWN);
            if (msg.kind == kind)
                seen_ms = msg.u.snap->seen_mono_ms;
            message_drop(&msg);
        }
    }
    return seen_ms;
}

/* A look that came late is old when it comes, so that another follows at once. One: a slow database is not asked without pause. */
static void late_look(void **state)
{
    struct sys sys = sys_real;
    struct error err = { 0 };
    struct sandbox sb;
    struct project project = { 0 };
    struct mailbox *mail = mailbox_new(&err);
    struct watcher *watcher;
    int64_t second_ms;
    (void)state;
    sandbox_open(&sb, SANDBOX_SQLITE);
    sandbox_sql(&sb, "CREATE TABLE app (n INTEGER)");
    project.dir = sb.dir;
    assert_true(url_parse(sb.url, &project.url, &err));
    sys.mono_ms = mono_ms;
    sys.wall_us = wall_us;
    assert_non_null(mail);
    assert_non_null(watcher = watcher_start(&project, &sys, REFRESH_MS, mail, &err));
    second_ms = await_news(mail, MSG_SNAPSHOT, TAKES_MS);
    /* Files are looked at in the pauses. */
    sandbox_file(&sb, "V1__new.sql", "SELECT 1;\n");
    assert_int_equal(await_news(mail, MSG_FILES, 0), second_ms);
    assert_true(watcher_stop(watcher, DEADLINE_MS));
    mailbox_free(mail);
    url_free(&project.url);
    sandbox_close(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_look),
    };
    cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests_name("watcher", tests, NULL, NULL);
}
