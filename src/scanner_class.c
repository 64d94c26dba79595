/* scanner_class.c: tells from its tokens what a statement is to a migration. */
#include <string.h>
#include <strings.h>

#include "scanner_private.h"

/* Walks over the tokens that were kept. */
struct walk {
    const struct scanner *s;
    size_t i;
};

static size_t kept(const struct scanner *s)
{
    return s->count < SCAN_TOKENS ? s->count : SCAN_TOKENS;
}

static bool at_word(const struct walk *w, size_t ahead, const char *word)
{
    return w->i + ahead < kept(w->s) && scanner_is_word(w->s, &w->s->tokens[w->i + ahead], word);
}

static bool at_char(const struct walk *w, size_t ahead, char c)
{
    return w->i + ahead < kept(w->s) && scanner_is_char(w->s, &w->s->tokens[w->i + ahead], c);
}

static bool at_end(const struct walk *w)
{
    return w->i == w->s->count;
}

static bool word(struct walk *w, const char *text)
{
    bool is = at_word(w, 0, text);
    w->i += is;
    return is;
}

static bool two_words(struct walk *w, const char *first, const char *second)
{
    bool is = at_word(w, 0, first) && at_word(w, 1, second);
    w->i += is ? 2 : 0;
    return is;
}

/* Passes over ( … ). *off: it says that `option` is off; *on: it names it otherwise. */
static void parentheses(struct walk *w, const char *option, bool *on, bool *off)
{
    unsigned depth = 0;
    *on = *off = false;
    if (!at_char(w, 0, '('))
        return;
    do {
        depth += at_char(w, 0, '(');
        depth -= at_char(w, 0, ')');
        if (option && at_word(w, 0, option)) {
            size_t value = at_char(w, 1, '=') ? 2 : 1;
            *off = at_word(w, value, "FALSE") || at_word(w, value, "OFF");
            if (w->i + value < kept(w->s) && w->s->tokens[w->i + value].kind == TOK_NUMBER)
                *off = *scanner_token_text(w->s, &w->s->tokens[w->i + value]) == '0';
            *on = !*off;
        }
        w->i++;
    } while (depth > 0 && w->i < kept(w->s));
}

/* One mode of a transaction. READ UNCOMMITTED is READ COMMITTED to PostgreSQL. */
static bool mode(struct walk *w, struct scan_statement *out)
{
    if (two_words(w, "ISOLATION", "LEVEL")) {
        if (word(w, "SERIALIZABLE"))
            out->isolation = ISOLATION_SERIALIZABLE;
        else if (two_words(w, "REPEATABLE", "READ"))
            out->isolation = ISOLATION_REPEATABLE_READ;
        else if (two_words(w, "READ", "COMMITTED") || two_words(w, "READ", "UNCOMMITTED"))
            out->isolation = ISOLATION_READ_COMMITTED;
        else
            return false;
        return true;
    }
    if (two_words(w, "READ", "ONLY"))
        out->read_only = true;
    else if (two_words(w, "READ", "WRITE"))
        out->read_only = false;
    else if (two_words(w, "NOT", "DEFERRABLE"))
        out->deferrable = false;
    else if (word(w, "DEFERRABLE"))
        out->deferrable = true;
    else
        return false;
    return true;
}

/* Modes up to the statement's end; commas between them may be left out. */
static bool modes(struct walk *w, struct scan_statement *out)
{
    while (!at_end(w)) {
        if (!mode(w, out))
            return false;
        if (at_char(w, 0, ',')) {
            w->i++;
            if (at_end(w))
                return false;
        }
    }
    return true;
}

static void work_or_transaction(struct walk *w)
{
    if (!word(w, "WORK"))
        word(w, "TRANSACTION");
}

/* BEGIN, COMMIT and their kin. False: it is none of them. What does not read well is left to the refusal: nothing is left out that the server would have complained of. */
static bool pg_transaction(struct walk w, struct scan_statement *out)
{
    if (word(&w, "BEGIN")) {
        work_or_transaction(&w);
        out->class = modes(&w, out) ? SCAN_TX_BEGIN : SCAN_TX_OTHER;
    } else if (word(&w, "START")) {
        out->class = word(&w, "TRANSACTION") && modes(&w, out) ? SCAN_TX_BEGIN : SCAN_TX_OTHER;
    } else if (word(&w, "COMMIT") || word(&w, "END")) {
        work_or_transaction(&w);
        if (at_word(&w, 2, "CHAIN") && two_words(&w, "AND", "NO"))
            w.i++;
        out->class = at_end(&w) ? SCAN_TX_COMMIT : SCAN_TX_OTHER;
    } else if (word(&w, "ROLLBACK")) {
        work_or_transaction(&w);
        out->class = word(&w, "TO") ? SCAN_SAVEPOINT : SCAN_TX_OTHER;
    } else if (word(&w, "ABORT")) {
        out->class = SCAN_TX_OTHER;
    } else if (word(&w, "SAVEPOINT") || word(&w, "RELEASE")) {
        out->class = SCAN_SAVEPOINT;
    } else if (two_words(&w, "PREPARE", "TRANSACTION")) { /* else a prepared statement called `transaction` */
        out->class = at_word(&w, 0, "AS") || at_char(&w, 0, '(') ? SCAN_PLAIN : SCAN_TX_OTHER;
    } else if (word(&w, "SET")) {
        if (!word(&w, "LOCAL"))
            word(&w, "SESSION");
        if (!word(&w, "TRANSACTION"))
            return false;
        out->class = !at_end(&w) && modes(&w, out) ? SCAN_TX_SET : SCAN_TX_OTHER;
    } else {
        return false;
    }
    return true;
}

static bool anywhere(const struct walk *w, const char *text)
{
    struct walk at = *w;
    for (; at.i < kept(at.s); at.i++)
        if (at_word(&at, 0, text))
            return true;
    return false;
}

static bool pg_subscription_never(struct walk w, bool create)
{
    if (create) /* it makes a slot, unless one of these says otherwise */
        return !anywhere(&w, "create_slot") && !anywhere(&w, "connect") && !anywhere(&w, "slot_name");
    w.i++; /* its name */
    if (word(&w, "REFRESH"))
        return true;
    bool publication = at_word(&w, 1, "PUBLICATION") && (at_word(&w, 0, "SET") || at_word(&w, 0, "ADD") || at_word(&w, 0, "DROP"));
    return publication && !anywhere(&w, "refresh");
}

static bool pg_reindex(struct walk w)
{
    bool on, off;
    parentheses(&w, "CONCURRENTLY", &on, &off);
    if (on || at_word(&w, 0, "SCHEMA") || at_word(&w, 0, "DATABASE") || at_word(&w, 0, "SYSTEM"))
        return true;
    return at_word(&w, 1, "CONCURRENTLY");
}

static bool pg_cluster_all(struct walk w)
{
    bool on, off;
    parentheses(&w, NULL, &on, &off);
    word(&w, "VERBOSE");
    return at_end(&w);
}

/* ALTER TABLE … DETACH PARTITION … CONCURRENTLY */
static bool pg_detaches(struct walk w)
{
    if (!scanner_is_word(w.s, w.s->last, "CONCURRENTLY"))
        return false;
    for (; w.i < kept(w.s); w.i++)
        if (at_word(&w, 0, "DETACH") && at_word(&w, 1, "PARTITION"))
            return true;
    return false;
}

static bool pg_alter_never(struct walk w)
{
    if (word(&w, "SYSTEM"))
        return true;
    if (word(&w, "TABLE"))
        return pg_detaches(w);
    if (word(&w, "SUBSCRIPTION"))
        return pg_subscription_never(w, false);
    if (!word(&w, "DATABASE"))
        return false;
    w.i++; /* its name */
    return two_words(&w, "SET", "TABLESPACE");
}

/* What PostgreSQL refuses inside a transaction, whatever the state of the database. */
static bool pg_never_in_tx(struct walk w)
{
    if (word(&w, "VACUUM") || two_words(&w, "DISCARD", "ALL"))
        return true;
    if (word(&w, "REINDEX"))
        return pg_reindex(w);
    if (word(&w, "CLUSTER"))
        return pg_cluster_all(w);
    if (word(&w, "ALTER"))
        return pg_alter_never(w);
    bool create = word(&w, "CREATE");
    if (!create && !word(&w, "DROP"))
        return false;
    if (create)
        word(&w, "UNIQUE");
    if (create && word(&w, "SUBSCRIPTION"))
        return pg_subscription_never(w, true);
    return two_words(&w, "INDEX", "CONCURRENTLY") || word(&w, "DATABASE") || word(&w, "TABLESPACE");
}

/* BEGIN [kind] [TRANSACTION [name]] and the like. */
static bool sqlite_transaction(struct walk w, struct scan_statement *out)
{
    bool begin = word(&w, "BEGIN"), commit = !begin && (word(&w, "COMMIT") || word(&w, "END"));
    if (begin && !word(&w, "DEFERRED") && !word(&w, "IMMEDIATE"))
        word(&w, "EXCLUSIVE");
    if (begin || commit) {
        if (word(&w, "TRANSACTION"))
            w.i += w.i < w.s->count; /* its name means nothing */
        out->class = !at_end(&w) ? SCAN_TX_OTHER : begin ? SCAN_TX_BEGIN : SCAN_TX_COMMIT;
    } else if (word(&w, "ROLLBACK")) {
        if (word(&w, "TRANSACTION") && !at_word(&w, 0, "TO"))
            w.i++;
        out->class = word(&w, "TO") ? SCAN_SAVEPOINT : SCAN_TX_OTHER;
    } else if (word(&w, "SAVEPOINT") || word(&w, "RELEASE")) {
        out->class = SCAN_SAVEPOINT;
    } else {
        return false;
    }
    return true;
}

/* A token as a name or a pragma's value, whatever quotes it has: SQLite takes them all. */
static bool is_name(const struct walk *w, size_t ahead, const char *name)
{
    if (w->i + ahead >= kept(w->s))
        return false;
    const struct scan_token *t = &w->s->tokens[w->i + ahead];
    const char *text = scanner_token_text(w->s, t);
    size_t len = t->len;
    if ((t->kind == TOK_QUOTED || t->kind == TOK_STRING) && len >= 2) {
        text++;
        len -= 2;
    } else if (t->kind != TOK_WORD && t->kind != TOK_NUMBER) {
        return false;
    }
    return len == strlen(name) && strncasecmp(text, name, len) == 0;
}

/* Statements that reach beyond the transaction, and pragmas that take its rollback away. */
static bool sqlite_refused(struct walk w)
{
    static const char *const pragmas[] = { "journal_mode", "locking_mode", "hard_heap_limit", "soft_heap_limit", "temp_store_directory", "query_only" };
    if (word(&w, "EXPLAIN"))
        two_words(&w, "QUERY", "PLAN");
    if (word(&w, "ATTACH") || word(&w, "DETACH"))
        return true;
    if (!word(&w, "PRAGMA"))
        return false;
    if (at_char(&w, 1, '.'))
        w.i += 2;
    if (!at_char(&w, 1, '=') && !at_char(&w, 1, '('))
        return false;
    for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++)
        if (is_name(&w, 0, pragmas[i]))
            return true;
    return false;
}

/* PRAGMA [schema.]name = value, or name(value): SQLite's words for yes and no. */
static enum scan_pragma sqlite_pragma(struct walk w)
{
    static const char *const no[] = { "off", "no", "false", "0" }, *const yes[] = { "on", "yes", "true", "1" };
    if (!word(&w, "PRAGMA"))
        return PRAGMA_OTHER;
    if (at_char(&w, 1, '.'))
        w.i += 2;
    bool keys = is_name(&w, 0, "foreign_keys"), schema = is_name(&w, 0, "writable_schema");
    if ((!keys && !schema) || (!at_char(&w, 1, '=') && !at_char(&w, 1, '(')))
        return PRAGMA_OTHER;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        if (is_name(&w, 2, no[i]))
            return keys ? PRAGMA_KEYS_OFF : PRAGMA_OTHER;
        if (is_name(&w, 2, yes[i]))
            return keys ? PRAGMA_KEYS_ON : PRAGMA_SCHEMA_ON;
    }
    return PRAGMA_OTHER;
}

void scanner_classify(const struct scanner *s, struct scan_statement *out)
{
    struct walk w = { .s = s };
    out->class = SCAN_PLAIN;
    if (s->client)
        out->class = SCAN_CLIENT_COMMAND;
    else if (s->own_table)
        out->class = SCAN_OWN_TABLE;
    else if (s->copy_stdio)
        out->class = SCAN_COPY_STDIO;
    else if (at_word(&w, 0, "INSERT")) /* large files are made of these: none of the many words is looked for */
        out->class = SCAN_PLAIN;
    else if (s->dialect == SCAN_POSTGRES)
        out->class = pg_transaction(w, out) ? out->class : pg_never_in_tx(w) ? SCAN_NEVER_IN_TX : SCAN_PLAIN;
    else if (!sqlite_transaction(w, out)) {
        out->pragma = sqlite_pragma(w);
        out->class = sqlite_refused(w) ? SCAN_SQLITE_REFUSED : at_word(&w, 0, "VACUUM") ? SCAN_NEVER_IN_TX : SCAN_PLAIN;
    }
}
