/* pg_preflight.c: what the server holds against a plan: locks, transactions left open, slots, connections. Each question stands alone: one that is refused is told as hidden. */
#include <stdio.h>
#include <string.h>

#include "pg_private.h"
#include "text.h"

enum { QUESTIONS = 6 };

/* '{"a","b"}' */
static bool array_of(const char *const *names, size_t count, struct text *to)
{
    text_printf(to, "{");
    for (size_t i = 0; i < count; i++) {
        text_printf(to, "%s\"", i ? "," : "");
        for (const char *at = names[i]; *at; at++)
            text_printf(to, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
        text_printf(to, "\"");
    }
    text_printf(to, "}");
    return !to->failed;
}

static bool tell(const char *check, enum preflight_state state, const char *text, const char *hint, db_check_fn fn, void *user)
{
    struct preflight_check one = { .check = check, .state = state };
    text_visible(one.text, sizeof one.text, text);
    text_visible(one.hint, sizeof one.hint, hint);
    return fn(user, &one);
}

/* The questions, in the order in which they are asked. */
static const struct question {
    const char *check;
    const char *none;     /* where no row comes */
    const char *hint;     /* what shows or ends a finding; %s: what the row names */
    const char *uncover;  /* what would show what is hidden */
} questions[QUESTIONS] = {
    { "standby", "the server takes writes", "Connect to its primary", "" },
    { "locks", "no other session holds a lock on a table that the plan names, or waits for one", "SELECT pg_terminate_backend(%s); or, while it blocks a run, key x of the console", "What it does is shown to a role with pg_monitor" },
    { "prepared-transactions", "none in this database", "ROLLBACK PREPARED %s; or COMMIT PREPARED %s;", "" },
    { "idle-in-transaction", "no other session of this database is idle in a transaction", "SELECT pg_terminate_backend(%s);", "GRANT pg_monitor TO %s;" },
    { "replication-slots", "none is more than 1 GB behind", "SELECT pg_drop_replication_slot(%s); where nobody needs it any more", "" },
    { "connections", "there is room for more", "SELECT * FROM pg_stat_activity;", "" },
};

/* Writes `form` with `name` in each place of %s. */
static void fill(char *to, size_t size, const char *form, const char *name)
{
    size_t used = 0;
    to[0] = '\0';
    for (const char *hole; used < size; form = hole + 2) {
        hole = strstr(form, "%s");
        used += (size_t)snprintf(to + used, size - used, "%.*s%s", hole ? (int)(hole - form) : (int)strlen(form), form, hole ? name : "");
        if (!hole)
            break;
    }
}

static bool tell_rows(const struct question *question, const PGresult *res, db_check_fn fn, void *user)
{
    const char *check = question->check;
    char text[600], state[16], name[200], hint[300];
    if (!pg_good(res)) {
        const char *why = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
        snprintf(text, sizeof text, "the server refused to show it: %.400s", why ? why : "it gave no answer");
        return tell(check, PREFLIGHT_HIDDEN, text, "", fn, user);
    }
    for (int i = 0; i < PQntuples(res); i++) {
        pg_copy(res, i, 0, state, sizeof state);
        pg_copy(res, i, 1, text, sizeof text);
        pg_copy(res, i, 2, name, sizeof name);
        enum preflight_state how = strcmp(state, "blocks") == 0 ? PREFLIGHT_BLOCKS : strcmp(state, "hidden") == 0 ? PREFLIGHT_HIDDEN : PREFLIGHT_WARN;
        fill(hint, sizeof hint, how == PREFLIGHT_HIDDEN ? question->uncover : question->hint, name);
        if (!tell(check, how, text, hint, fn, user))
            return false;
    }
    return PQntuples(res) > 0 || tell(check, PREFLIGHT_OK, question->none, "", fn, user);
}

bool pg_preflight_read(struct db *db, const char *const *tables, size_t count, db_check_fn fn, void *user, struct error *err)
{
    struct text array = { 0 };
    if (!array_of(tables, count, &array)) {
        text_free(&array);
        return error_set(err, ERR_NO_MEMORY, "Memory ran out asking about the tables of a plan.");
    }
    const char *values[] = { text_string(&array) };
    struct pg_ask asks[QUESTIONS] = { { .sql = PG_PREFLIGHT_STANDBY, .sync = true }, { .sql = PG_PREFLIGHT_LOCKS, .count = 1, .values = values, .sync = true },
                                      { .sql = PG_PREFLIGHT_PREPARED, .count = 1, .values = values, .sync = true }, { .sql = PG_PREFLIGHT_IDLE, .sync = true },
                                      { .sql = PG_PREFLIGHT_SLOTS, .sync = true }, { .sql = PG_PREFLIGHT_CONNECTIONS, .sync = true } };
    bool ok = pg_batch(db, asks, QUESTIONS, err), kept = true;
    for (int i = 0; ok && kept && i < QUESTIONS; i++)
        kept = tell_rows(&questions[i], asks[i].res, fn, user);
    kept = kept && tell("disk", PREFLIGHT_HIDDEN, "how much room the server's disk has can't be seen over SQL", "On the server: df -h, for the data directory and the folder of its WAL", fn, user);
    if (ok)
        pg_batch_free(asks, QUESTIONS);
    text_free(&array);
    return ok && !kept ? error_set(err, ERR_NO_MEMORY, "Memory ran out keeping what the server holds against the plan.") : ok;
}
