/* scene.c: makes looks, plans and events by hand. */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PENDING = 3, APPLIED = 13 };

static int64_t now_ms = 1000000;
static const int64_t now_us = 1763733751000000; /* 2025-11-21 14:02:31 UTC */

static char *text(const char *format, int n)
{
    char made[80];
    snprintf(made, sizeof made, format, n);
    return strdup(made);
}

static void fill_pending(struct listing *l)
{
    static const char *const descriptions[PENDING] = { "orders lookup", "orders total", "order view" };
    l->pending = calloc(PENDING, sizeof *l->pending);
    l->pending_count = PENDING;
    for (int i = 0; i < PENDING; i++) {
        struct snap_pending *p = &l->pending[i];
        bool roc = i == 2;
        snprintf(p->label, sizeof p->label, roc ? "ROC" : "V%d", 14 + i);
        p->file = roc ? strdup("ROC__order_view.sql") : text(i ? "V%d__orders_total.sql" : "V%d__orders_lookup.sql", 14 + i);
        p->shown = strdup(p->file);
        p->description = strdup(descriptions[i]);
        p->type = roc ? MIGRATION_RUNS_ON_CHANGE : MIGRATION_VERSIONED;
        p->why = roc ? WHY_CHANGED : WHY_NEW;
        p->statements = i == 0 ? 7 : 2;
    }
}

static void fill_applied(struct listing *l)
{
    static const char *const descriptions[APPLIED] = { "add coupons", "stock levels", "customers email", "invoices", "order view", "addresses", "orders",
                                                       "carts", "prices", "products", "users", "currencies", "countries" };
    l->applied = calloc(APPLIED, sizeof *l->applied);
    l->applied_count = APPLIED;
    for (int i = 0; i < APPLIED; i++) {
        struct snap_applied *a = &l->applied[i];
        snprintf(a->label, sizeof a->label, "V%d", APPLIED - i);
        a->file = text("V%d__x.sql", APPLIED - i);
        a->version = text("%d", APPLIED - i);
        a->description = strdup(descriptions[i]);
        a->checksum = strdup(SCENE_CHECKSUM);
        a->stored_at = strdup("2025-11-20 16:05:00.123");
        snprintf(a->when, sizeof a->when, "Nov 20 16:05");
        a->type = MIGRATION_VERSIONED;
    }
}

struct snapshot *scene_look(void)
{
    struct snapshot *snap = calloc(1, sizeof *snap);
    assert_non_null(snap);
    atomic_init(&snap->refs, 1);
    snap->seen_mono_ms = now_ms;
    snap->seen_wall_us = now_us;
    snap->sessions = true;
    snprintf(snap->about.product, sizeof snap->about.product, "PostgreSQL 15.8");
    snprintf(snap->about.user, sizeof snap->about.user, "deploy");
    snprintf(snap->title, sizeof snap->title, "shop @ db.example (public)");
    snprintf(snap->place, sizeof snap->place, "shop @ db.example");
    snap->listing = listing_new();
    fill_pending(snap->listing);
    fill_applied(snap->listing);
    snap->listing->runs = calloc(1, sizeof *snap->listing->runs);
    snap->listing->runs_count = 1;
    snap->listing->runs[0] = (struct snap_run){ .when = "Nov 20 16:05", .what = "upgrade V13", .how = "ok 1.2 s" };
    snap->lock.row.table = snap->lock.row.row = snap->lock.row.has_last = true;
    struct run_row *last = &snap->lock.row.last;
    *last = (struct run_row){ .host = "ci-runner-7", .os_user = "deploy", .command = "upgrade", .acquired_at = "2025-11-20T16:05:00Z", .last_done = "3 V13__x.sql", .outcome = RUN_OK };
    return snap;
}

struct snapshot *scene_locked(enum lock_verdict verdict)
{
    struct snapshot *snap = scene_look();
    struct lock_view *lock = &snap->lock;
    struct run_row *run = &lock->row.run;
    lock->row.locked = lock->row.has_run = true;
    snprintf(lock->row.process_id, sizeof lock->row.process_id, "%s", SCENE_ID);
    *run = (struct run_row){ .process_id = SCENE_ID, .host = "ci-runner-7", .os_user = "deploy", .program = "jetbase 0.1.0", .command = "upgrade", .pid = 9114, .session_pid = 48213,
                             .witness = "pg", .age_s = 252, .lasted_s = -1, .file = "V14__orders_lookup.sql", .statements = 7 };
    lock->row.witness = verdict == LOCK_ALIVE ? WITNESS_HELD : verdict == LOCK_DEAD ? WITNESS_ABSENT : WITNESS_UNKNOWN;
    lock->row.why = verdict == LOCK_UNKNOWN ? WHY_POOLER : WHY_NONE;
    lock->row.session_pid = verdict == LOCK_ALIVE ? 48213 : 0;
    lock->fenced = true;
    lock->verdict = lock_judge(&lock->row, lock->evidence, sizeof lock->evidence);
    lock_effect(lock, lock->effect, sizeof lock->effect);
    assert_int_equal(lock->verdict, verdict);
    return snap;
}

struct snapshot *scene_other(void)
{
    struct snapshot *snap = scene_look();
    struct lock_view *lock = &snap->lock;
    lock->row.locked = true;
    lock->row.why = WHY_OTHER_PROGRAM;
    lock->row.witness = WITNESS_UNKNOWN;
    snprintf(lock->row.process_id, sizeof lock->row.process_id, "%s", SCENE_OTHER_ID);
    snprintf(lock->row.locked_at, sizeof lock->row.locked_at, "2025-11-21 13:58:19.1234");
    lock->verdict = lock_judge(&lock->row, lock->evidence, sizeof lock->evidence);
    lock_effect(lock, lock->effect, sizeof lock->effect);
    assert_int_equal(lock->verdict, LOCK_UNKNOWN);
    return snap;
}

void scene_drop_pending(struct snapshot *snap)
{
    struct listing *l = snap->listing;
    for (size_t i = 0; i < l->pending_count; i++) {
        free(l->pending[i].file);
        free(l->pending[i].shown);
        free(l->pending[i].description);
    }
    l->pending_count = 0;
}

struct effect scene_apply(struct model *model, struct model_msg *msg)
{
    struct effect fx;
    msg->mono_ms = now_ms;
    msg->wall_us = now_us;
    fx = model_apply(model, msg);
    message_drop(msg);
    return fx;
}

struct effect scene_see(struct model *model, struct snapshot *snap)
{
    snap->seen_mono_ms = ++now_ms;
    return scene_apply(model, &(struct model_msg){ .kind = MSG_SNAPSHOT, .u.snap = snap });
}

struct effect scene_key(struct model *model, int key)
{
    return scene_apply(model, &(struct model_msg){ .kind = MSG_KEY, .u.key = key });
}

struct effect scene_type(struct model *model, const char *typed)
{
    struct effect fx = { .what = FX_NONE };
    for (; *typed; typed++)
        fx = scene_key(model, *typed);
    return fx;
}

void scene_tick(struct model *model, int ms)
{
    now_ms += ms;
    scene_apply(model, &(struct model_msg){ .kind = MSG_TICK });
}

void scene_down(struct model *model, const char *message)
{
    struct error *err = calloc(1, sizeof *err);
    assert_non_null(err);
    error_set(err, ERR_NO_CONNECTION, "%s", message);
    scene_apply(model, &(struct model_msg){ .kind = MSG_DOWN, .u.down = err });
}

struct effect scene_plan(struct model *model, uint64_t job, enum plan_direction direction, int n, int bare)
{
    struct plan_answer *answer = calloc(1, sizeof *answer);
    struct preview *plan = calloc(1, sizeof *plan);
    assert_true(answer && plan);
    plan->direction = direction;
    snprintf(plan->digest, sizeof plan->digest, "digest-of-%d", n);
    plan->items = calloc((size_t)n + 1, sizeof *plan->items);
    plan->count = (size_t)n;
    for (int i = 0; i < n; i++) {
        struct preview_item *item = &plan->items[i];
        int version = direction == PLAN_UPGRADE ? 14 + i : 13 - i;
        snprintf(item->label, sizeof item->label, "V%d", version);
        item->file = text(version == 14 ? "V%d__orders_lookup.sql" : "V%d__x.sql", version);
        item->shown = strdup(item->file);
        item->version = text("%d", version);
        item->description = strdup(direction == PLAN_UPGRADE ? "orders lookup" : "add coupons");
        item->statements = i + 1 == bare ? 0 : 2;
        item->sql_count = item->statements;
        item->sql = calloc(2, sizeof *item->sql);
        for (unsigned s = 0; s < item->sql_count; s++)
            item->sql[s] = strdup(s ? "INSERT INTO lookup SELECT 1" : "CREATE TABLE lookup (id int)");
        plan->statements += item->statements;
    }
    answer->job = job;
    answer->preview = plan;
    return scene_apply(model, &(struct model_msg){ .kind = MSG_PLAN, .u.plan = answer });
}

void scene_note(struct model *model, enum engine_event_kind kind, const char *file, unsigned migration, unsigned statement)
{
    struct migration m = { .file = file };
    struct engine_event event = { .kind = kind, .at_us = now_us, .migration = migration, .migrations = 3, .statement = statement, .statements = 2, .ms = 1300,
                                  .file = file ? &m : NULL, .process_id = SCENE_ID, .session_pid = 50117 };
    scene_apply(model, &(struct model_msg){ .kind = MSG_NOTE, .u.note = note_copy(&event) });
}

struct effect scene_returned(struct model *model, int exit_code, enum error_code code, const char *message)
{
    struct run_answer *answer = calloc(1, sizeof *answer);
    assert_non_null(answer);
    answer->exit_code = exit_code;
    answer->ended_mono_ms = now_ms;
    if (message)
        error_set(&answer->error, code, "%s", message);
    return scene_apply(model, &(struct model_msg){ .kind = MSG_RETURNED, .u.returned = answer });
}

void scene_detail(struct model *model, const char *fault)
{
    struct detail *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->want = model->want;
    if (fault) {
        snprintf(d->fault, sizeof d->fault, "%s", fault);
    } else {
        snprintf(d->path, sizeof d->path, "migrations/%s", d->want.file);
        snprintf(d->checksum, sizeof d->checksum, "%s", SCENE_CHECKSUM);
        d->upgrade = (struct detail_section){ .statements = 2, .lines = calloc(2, sizeof(char *)), .count = 2 };
        d->upgrade.lines[0] = strdup("CREATE TABLE lookup (id int);");
        d->upgrade.lines[1] = strdup("INSERT INTO lookup SELECT 1;");
        d->rollback = (struct detail_section){ .statements = 1, .lines = calloc(1, sizeof(char *)), .count = 1 };
        d->rollback.lines[0] = strdup("DROP TABLE lookup;");
    }
    scene_apply(model, &(struct model_msg){ .kind = MSG_DETAIL, .u.detail = d });
}

struct effect scene_stopped(struct model *model, uint64_t job, bool asked, bool done)
{
    struct blocker_answer *answer = calloc(1, sizeof *answer);
    assert_non_null(answer);
    *answer = (struct blocker_answer){ .job = job, .pid = 40122, .end = model->dialog.end, .asked = asked, .done = done };
    if (!asked)
        error_set(&answer->error, ERR_RIGHTS, "the blocking session could not be ended: permission denied");
    return scene_apply(model, &(struct model_msg){ .kind = MSG_BLOCKER, .u.blocker = answer });
}

void scene_blocker(struct snapshot *snap, int pid, const char *state)
{
    struct db_session *session = &snap->lock.session;
    *session = (struct db_session){ .found = true, .pid = 48213, .state = "active", .wait = "Lock/relation", .awaited = "table orders (ShareLock)", .query = "CREATE INDEX orders_total ON orders (total)", .state_age_s = 238, .blockers = 1, .waiting_behind = 4 };
    session->blocked_by[0] = (struct db_blocker){ .pid = pid, .user = "app", .address = "10.0.0.4", .application = "web-3", .query = "SELECT 1", .age_s = 1320 };
    snprintf(session->blocked_by[0].state, sizeof session->blocked_by[0].state, "%s", state);
}

struct effect scene_mouse(struct model *model, enum mouse_what what, int row, int col)
{
    struct model_msg msg = { .kind = MSG_MOUSE };
    msg.u.mouse.what = what;
    msg.u.mouse.row = row;
    msg.u.mouse.col = col;
    return scene_apply(model, &msg);
}

struct effect scene_unlocked(struct model *model, uint64_t job, enum lock_answer answer, const char *message)
{
    struct unlock_answer *unlocked = calloc(1, sizeof *unlocked);
    assert_non_null(unlocked);
    unlocked->job = job;
    unlocked->answer = answer;
    if (message)
        error_set(&unlocked->error, ERR_LOCK_BUSY, "%s", message);
    return scene_apply(model, &(struct model_msg){ .kind = MSG_UNLOCKED, .u.unlocked = unlocked });
}

struct model *scene_model(bool read_only)
{
    struct model *m = malloc(sizeof *m);
    assert_non_null(m);
    model_init(m, 24, 80, read_only, 1000);
    scene_tick(m, 1);
    return m;
}

void scene_drop(struct model *m)
{
    model_free(m);
    free(m);
}

static struct snapshot *look_of(enum scene_state state)
{
    struct snapshot *snap = state == SCENE_ALIVE ? scene_locked(LOCK_ALIVE) : state == SCENE_DEAD ? scene_locked(LOCK_DEAD) : state == SCENE_UNKNOWN ? scene_locked(LOCK_UNKNOWN) : state == SCENE_OTHER ? scene_other() : scene_look();
    if (state == SCENE_NOTHING_PENDING)
        scene_drop_pending(snap);
    if (state == SCENE_NOTHING_APPLIED)
        for (size_t i = 0; i < snap->listing->applied_count; i++)
            snap->listing->applied[i].type = MIGRATION_RUNS_ALWAYS;
    if (state == SCENE_DISAGREES)
        strcpy(snap->listing->disagree, "V11 was changed after it was applied");
    if (state == SCENE_STANDBY)
        snap->about.standby = true;
    return snap;
}

struct model *scene_in(enum scene_state state, bool read_only)
{
    struct model *m = scene_model(read_only);
    if (state != SCENE_NOTHING_SEEN)
        scene_see(m, look_of(state));
    if (state == SCENE_DOWN)
        scene_down(m, "connection to server at \"db.example\", port 5432 failed");
    if (state == SCENE_OWN_RUN) {
        struct effect fx = scene_key(m, 'u');
        scene_plan(m, fx.job, PLAN_UPGRADE, 2, 0);
        assert_int_equal(scene_key(m, 'y').what, FX_RUN);
    }
    return m;
}

