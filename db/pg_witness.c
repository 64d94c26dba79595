/* pg_witness.c: the session advisory lock that the server holds for as long as a run can commit, and which runs are of this process. */
#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

/* The runs of this process, over all its connections. */
struct own_run {
    struct own_run *next;
    char process_id[DB_ID_SIZE];
};
static struct own_run *own_runs;
static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;

static bool own_add(const char *process_id)
{
    struct own_run *run = malloc(sizeof *run);
    if (!run)
        return false;
    text_copy(run->process_id, sizeof run->process_id, process_id);
    pthread_mutex_lock(&own_lock);
    run->next = own_runs;
    own_runs = run;
    pthread_mutex_unlock(&own_lock);
    return true;
}

static void own_remove(const char *process_id)
{
    pthread_mutex_lock(&own_lock);
    for (struct own_run **at = &own_runs; *at; at = &(*at)->next) {
        struct own_run *run = *at;
        if (strcmp(run->process_id, process_id) != 0)
            continue;
        *at = run->next;
        free(run);
        break;
    }
    pthread_mutex_unlock(&own_lock);
}

bool pg_witness_own(const char *process_id)
{
    bool own = false;
    pthread_mutex_lock(&own_lock);
    for (const struct own_run *run = own_runs; run && !own; run = run->next)
        own = strcmp(run->process_id, process_id) == 0;
    pthread_mutex_unlock(&own_lock);
    return own;
}

bool pg_key_of(const char *process_id, struct pg_key *out)
{
    uint64_t key = 0;
    int digits = 0;
    for (const char *c = process_id; *c && digits < 16; c++) {
        if (*c == '-')
            continue;
        if (!isxdigit((unsigned char)*c))
            return false;
        key = key << 4 | (uint64_t)(isdigit((unsigned char)*c) ? *c - '0' : tolower((unsigned char)*c) - 'a' + 10);
        digits++;
    }
    /* The server reads the same bits as a signed number. */
    snprintf(out->number, sizeof out->number, "%s%" PRIu64, key >> 63 ? "-" : "", key >> 63 ? ~key + 1 : key);
    snprintf(out->high, sizeof out->high, "%" PRIu64, key >> 32);
    snprintf(out->low, sizeof out->low, "%" PRIu64, key & 0xFFFFFFFF);
    return digits == 16;
}

/* Takes the session lock and looks whether the server really has it. */
static bool take(struct db *db, const struct pg_key *key, struct error *err)
{
    const char *number[] = { key->number }, *halves[] = { key->high, key->low };
    struct pg_ask asks[] = { { .sql = PG_WITNESS_TAKE, .count = 1, .values = number }, { .sql = PG_WITNESS_SEEN, .count = 2, .values = halves, .sync = true } };
    struct pg_ask drop = { .sql = PG_WITNESS_DROP };
    if (!pg_batch(db, asks, 2, err))
        return false;
    /* Refused or not to be seen: the run goes on without a witness, and must not keep half of one. */
    db->witnessed = !pg_batch_bad(asks, 2) && pg_true(asks[0].res, 0) && pg_true(asks[1].res, 0);
    pg_batch_free(asks, 2);
    if (db->witnessed)
        return true;
    bool ok = pg_batch(db, &drop, 1, err);
    pg_batch_free(&drop, 1);
    return ok;
}

bool pg_witness_take(struct db *db, const char *process_id, char witness[DB_WITNESS_SIZE], struct error *err)
{
    struct pg_key key;
    witness[0] = '\0';
    if (!pg_key_of(process_id, &key))
        return error_set(err, ERR_INTERNAL, "not a process ID: %s", process_id);
    pg_witness_drop(db, db->witness_id); /* one run per connection */
    if (db->down)
        return pg_lost(db, err);
    if (!own_add(process_id))
        return error_set(err, ERR_NO_MEMORY, "out of memory; the lock was not touched");
    text_copy(db->witness_id, sizeof db->witness_id, process_id);
    text_copy(db->witness_key, sizeof db->witness_key, key.number);
    if (!db->about.pooler && !take(db, &key, err)) {
        pg_witness_drop(db, NULL);
        return false;
    }
    text_copy(witness, DB_WITNESS_SIZE, db->witnessed ? "pg" : "");
    return true;
}

void pg_witness_drop(struct db *db, const char *process_id)
{
    struct pg_ask ask = { .sql = PG_WITNESS_DROP };
    struct error ignored;
    if (!db->witness_id[0] || (process_id && strcmp(process_id, db->witness_id) != 0))
        return;
    /* The closing connection (no process ID given, conn about to end) drops its locks by itself. */
    if (db->witnessed && process_id && pg_batch(db, &ask, 1, &ignored))
        pg_batch_free(&ask, 1);
    own_remove(db->witness_id);
    db->witnessed = false;
    db->witness_id[0] = db->witness_key[0] = '\0';
}
