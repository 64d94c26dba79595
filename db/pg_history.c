/* pg_history.c: reads the history, and with it the runs that are unfinished.
 *
 * The rows are put in order here, and their times into words: a session that has just begun would load what sorting and to_char() need first, which takes it longer than the rest of the question.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "pg_private.h"

/* Keeps what a look at unfinished runs showed. A table that is gone, or may not be read, has none. */
static bool keep_unfinished(struct db *db, const PGresult *res, struct error *err)
{
    int count = res && pg_good(res) ? PQntuples(res) : 0;
    free(db->unfinished);
    db->unfinished = NULL;
    db->unfinished_count = 0;
    if (res && !pg_good(res) && !pg_missing(res) && strcmp(pg_state(res), "42501") != 0)
        return pg_fault_ours(db, res, "the runs could not be read", err);
    if (count == 0)
        return true;
    db->unfinished = calloc((size_t)count, sizeof *db->unfinished);
    if (!db->unfinished)
        return error_set(err, ERR_NO_MEMORY, "out of memory reading jetbase_runs");
    db->unfinished_count = (size_t)count;
    for (int i = 0; i < count; i++)
        pg_run_row(res, i, &db->unfinished[i]);
    return true;
}

/* In place of the answer whether there are unfinished runs: the runs themselves, or nothing. */
static bool ask_unfinished(struct db *db, struct pg_ask *ask, struct error *err)
{
    bool good = pg_good(ask->res), some = good && (ask->sql == PG_EARLY_RUNS ? PQntuples(ask->res) > 0 : pg_true(ask->res, 0));
    if (!good)
        return true; /* keep_unfinished() says what is to be said of that */
    pg_batch_free(ask, 1);
    ask->sql = PG_UNFINISHED;
    return !some || pg_batch(db, ask, 1, err);
}

/* History and unfinished runs in one message. Each is a transaction of its own: while one waits for a table it must hold no other. */
static bool ask_history(struct db *db, struct pg_ask asks[2], size_t count, struct error *err)
{
    if (!pg_early_take(db, asks, count) && !pg_batch(db, asks, count, err))
        return false;
    /* Where one could not be read, whoever takes the lock asks again, and says why. */
    db->tables_seen = db->mode == DB_RUN && !db->witness_id[0] && count == 2 && pg_good(asks[0].res) && pg_good(asks[1].res);
    bool missing = pg_missing(asks[0].res), ok = missing || pg_good(asks[0].res) || pg_fault_ours(db, asks[0].res, "the history could not be read", err);
    if (missing)
        db->has_migrations = false;
    ok = ok && (count == 1 || ask_unfinished(db, &asks[1], err)) && keep_unfinished(db, count > 1 ? asks[1].res : NULL, err);
    if (!ok)
        pg_batch_free(asks, count);
    return ok;
}

/* A row of the answer, with what its place in the history hangs on. */
struct stored {
    int row;
    bool none;          /* no time: behind all others, as in ORDER BY */
    int64_t applied_at; /* µs since 2000-01-01, the server's own form */
    int64_t order;
};

static const char *value(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? NULL : PQgetvalue(res, row, column);
}

/* An int8, or a timestamp, as the server sends it in binary; 0 for NULL. */
static int64_t binary_number(const PGresult *res, int row, int column)
{
    uint64_t number = 0;
    if (PQgetlength(res, row, column) == sizeof number)
        memcpy(&number, PQgetvalue(res, row, column), sizeof number);
    return (int64_t)be64toh(number);
}

static int in_order(const void *a, const void *b)
{
    const struct stored *left = a, *right = b;
    if (left->none != right->none)
        return left->none ? 1 : -1;
    if (left->applied_at != right->applied_at)
        return left->applied_at < right->applied_at ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

static struct stored *sorted(const PGresult *res, struct error *err)
{
    int count = PQntuples(res);
    struct stored *all = calloc((size_t)count + 1, sizeof *all);
    if (!all)
        error_set(err, ERR_NO_MEMORY, "out of memory reading jetbase_migrations");
    for (int i = 0; all && i < count; i++)
        all[i] = (struct stored){ .row = i, .none = PQgetisnull(res, i, 6), .applied_at = binary_number(res, i, 6), .order = binary_number(res, i, 0) };
    if (all)
        qsort(all, (size_t)count, sizeof *all, in_order);
    return all;
}

/* Writes a number of at least `width` digits. snprintf() takes longer for the times of a history than the server for the question. */
static char *put(char *to, int64_t number, int width)
{
    char digits[24];
    int count = 0;
    for (; number > 0 || count < width; number /= 10)
        digits[count++] = (char)('0' + number % 10);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

/* As to_char(…, 'YYYY-MM-DD HH24:MI:SS.US') has it; "" for infinity, as there. */
static void in_words(int64_t at, char to[PG_TIMESTAMP_SIZE])
{
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = at / day_us, us = at % day_us;
    to[0] = '\0';
    if (at == INT64_MAX || at == INT64_MIN)
        return;
    if (us < 0) {
        us += day_us;
        days--;
    }
    /* Years of the proleptic Gregorian calendar that begin in March, in eras of 400 years from 0000-03-01. */
    days += 730425;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365, of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    int64_t seconds = us / 1000000, civil = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (civil <= 2);
    const struct { int64_t number; int width; char end; } parts[] = {
        { year > 0 ? year : 1 - year, 4, '-' }, { civil, 2, '-' }, { of_year - (153 * month + 2) / 5 + 1, 2, ' ' }, { seconds / 3600, 2, ':' }, { seconds / 60 % 60, 2, ':' }, { seconds % 60, 2, '.' }, { us % 1000000, 6, '\0' },
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        to = put(to, parts[i].number, parts[i].width);
        *to++ = parts[i].end;
    }
}

static bool tell(const PGresult *res, db_history_fn fn, void *user, struct error *err)
{
    struct stored *all = sorted(res, err);
    bool more = all != NULL;
    for (int i = 0; more && i < PQntuples(res); i++) {
        char applied_at[PG_TIMESTAMP_SIZE] = "";
        int at = all[i].row;
        if (!all[i].none)
            in_words(all[i].applied_at, applied_at);
        struct history_row row = { .order = all[i].order, .version = value(res, at, 1), .description = PQgetvalue(res, at, 2), .file = PQgetvalue(res, at, 3),
                                   .checksum = PQgetvalue(res, at, 4), .type = PQgetvalue(res, at, 5), .applied_at = applied_at };
        more = fn(user, &row);
    }
    free(all);
    return all != NULL;
}

bool pg_history_read(struct db *db, bool *table, db_history_fn fn, void *user, struct error *err)
{
    struct pg_ask asks[2] = { { .sql = PG_HISTORY, .sync = true, .binary = true }, { .sql = PG_UNFINISHED_ANY, .sync = true } };
    if (table)
        *table = false;
    if (!(db->has_migrations && db->has_runs) && !db->tables_fresh && !pg_tables_refresh(db, err))
        return false;
    db->tables_fresh = false;
    if (!db->has_migrations)
        return keep_unfinished(db, NULL, err);
    size_t count = db->has_runs ? 2 : 1;
    if (!ask_history(db, asks, count, err))
        return false;
    if (table)
        *table = db->has_migrations;
    bool ok = !db->has_migrations || tell(asks[0].res, fn, user, err);
    pg_batch_free(asks, count);
    return ok;
}

bool pg_unfinished_read(struct db *db, db_run_fn fn, void *user, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < db->unfinished_count; i++)
        if (!fn(user, &db->unfinished[i]))
            break;
    return true;
}
