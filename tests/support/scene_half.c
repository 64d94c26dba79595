/* scene_half.c: makes half-applied files and repairs by hand. */
#include "scene_half.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STATEMENTS = 5 };

void scene_leave_half(struct snapshot *snap, int started, int done)
{
    struct listing *l = snap->listing;
    struct snap_half *half = l->half = calloc(1, sizeof *half);
    assert_non_null(half);
    l->half_count = 1;
    l->pending[0].why = WHY_HALF;
    l->pending[0].outside = true;
    l->pending[0].statements = STATEMENTS;
    snprintf(half->label, sizeof half->label, "V14");
    half->file = strdup(l->pending[0].file);
    half->shown = strdup(l->pending[0].file);
    half->same = true;
    half->statements = STATEMENTS;
    half->started = started;
    half->done = done;
    snprintf(half->process_id, sizeof half->process_id, "%s", SCENE_ID);
    l->invalid = strdup("public.orders_total on public.orders");
}

struct snapshot *scene_dead_half(int started, int done)
{
    struct snapshot *snap = scene_locked(LOCK_DEAD);
    struct run_row *run = &snap->lock.row.run;
    run->no_transaction = true;
    run->statements = STATEMENTS;
    run->started_statement = started;
    run->done_statement = done;
    lock_effect(&snap->lock, snap->lock.effect, sizeof snap->lock.effect);
    scene_leave_half(snap, started, done);
    return snap;
}

struct model *scene_half_model(bool read_only)
{
    struct model *m = scene_model(read_only);
    struct snapshot *snap = scene_look();
    scene_leave_half(snap, 2, 1);
    scene_see(m, snap);
    return m;
}

static void fill_item(struct preview *plan)
{
    struct preview_item *item = plan->items = calloc(1, sizeof *item);
    char sql[80];
    assert_non_null(item);
    plan->count = 1;
    snprintf(item->label, sizeof item->label, "V14");
    item->file = strdup("V14__orders_lookup.sql");
    item->shown = strdup(item->file);
    item->version = strdup("14");
    item->description = strdup("orders lookup");
    item->why = WHY_HALF;
    item->outside = true;
    item->statements = item->sql_count = STATEMENTS;
    item->sql = calloc(STATEMENTS, sizeof *item->sql);
    for (int i = 0; i < STATEMENTS; i++) {
        snprintf(sql, sizeof sql, "CREATE INDEX CONCURRENTLY orders_%d ON orders (c%d)", i + 1, i + 1);
        item->sql[i] = strdup(sql);
    }
}

struct effect scene_known(struct model *model, uint64_t job, int started, int done, bool same)
{
    struct plan_answer *answer = calloc(1, sizeof *answer);
    struct preview *plan = calloc(1, sizeof *plan);
    struct preview_half *half = calloc(1, sizeof *half);
    assert_true(answer && plan && half);
    fill_item(plan);
    snprintf(plan->digest, sizeof plan->digest, "digest-of-half");
    *half = (struct preview_half){ .same = same, .started = started, .done = done, .process_id = SCENE_ID, .command = "upgrade", .started_at = "2025-11-21T13:20:00Z", .invalid_count = 1 };
    snprintf(half->invalid[0], sizeof half->invalid[0], "public.orders_total on public.orders");
    plan->half = half;
    answer->job = job;
    answer->preview = plan;
    return scene_apply(model, &(struct model_msg){ .kind = MSG_PLAN, .u.plan = answer });
}

struct effect scene_found(struct model *model, uint64_t job, int changed, int missing)
{
    struct found_answer *answer = calloc(1, sizeof *answer);
    char name[40];
    assert_non_null(answer);
    answer->job = job;
    answer->ok = true;
    answer->repair.changed = calloc((size_t)changed + 1, sizeof *answer->repair.changed);
    answer->repair.missing = calloc((size_t)missing + 1, sizeof *answer->repair.missing);
    answer->repair.changed_count = (size_t)changed;
    answer->repair.missing_count = (size_t)missing;
    for (int i = 0; i < changed; i++) {
        struct repair_changed *c = &answer->repair.changed[i];
        snprintf(name, sizeof name, "%d", 13 - i);
        c->version = strdup(name);
        c->file = strdup("V13__x.sql");
        c->recorded = strdup(SCENE_CHECKSUM);
        snprintf(c->actual, sizeof c->actual, "%s", "1111111111111111111111111111111111111111111111111111111111111111");
        c->rows = 1;
    }
    for (int i = 0; i < missing; i++) {
        struct repair_missing *gone = &answer->repair.missing[i];
        snprintf(name, sizeof name, "%d", 1 + i);
        gone->version = strdup(name);
        gone->file = strdup("V1__x.sql");
        gone->rows = 2;
    }
    return scene_apply(model, &(struct model_msg){ .kind = MSG_FOUND, .u.found = answer });
}
