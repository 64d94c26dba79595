/* facts.c: what migration files say, kept between two readings of the folder. */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

#include "file_state.h"
#include "threads.h"

/* Whoever hashes ahead is waited for, so it begins with nothing that takes long; what takes long is hashed while it is checked. */
enum { AHEAD_MOST = 1 << 20, AT_ONCE_LEAST = AHEAD_MOST };
/* A larger file takes longer to run than to be read once more. */
enum { KEPT_MOST = 16384 };

/* The bytes of a small file. */
struct kept {
    struct section_text text;
    atomic_llong *room; /* that they take up; NULL: nobody counts them */
};

struct facts {
    struct file_state at;
    bool hashed, checked;      /* what is known of the file in that state */
    bool ahead;                /* it was hashed ahead, or settled, and nobody has asked for that yet */
    enum scan_dialect dialect; /* that it was checked in */
    bool standard_strings;
    struct script_facts script;
    struct error *refused;     /* what the check said, or NULL */
    struct kept *kept;         /* or NULL */
};

/* The bytes leave it, and make room. */
static struct section_text part_with_text(struct facts *f)
{
    struct section_text text = { 0 };
    if (f->kept == NULL)
        return text;
    text = f->kept->text;
    if (f->kept->room != NULL)
        atomic_fetch_add(f->kept->room, (long long)text.len);
    free(f->kept);
    f->kept = NULL;
    return text;
}

/* Forgets everything. */
static void empty(struct facts *f)
{
    free(f->refused);
    free(part_with_text(f).bytes);
    *f = (struct facts){ 0 };
}

/* What is known of the file as it is now; what was known of another state is dropped. NULL: nothing can be kept. */
static struct facts *facts_now(struct migration *m)
{
    struct file_state now;
    if (!file_state_now(m->path, &now))
        return NULL;
    if (m->facts == NULL)
        m->facts = calloc(1, sizeof *m->facts);
    struct facts *f = m->facts;
    if (f != NULL && !file_state_still(&f->at, &now)) {
        empty(f);
        f->at = now;
    }
    return f;
}

/* A file of which nothing is known, and which the listing has seen to be one: what was opened tells its state, so that it need not be asked before. */
static bool hash_listed(struct migration *m, off_t most, struct error *err)
{
    struct stat st;
    struct timespec now;
    bool clock = clock_gettime(CLOCK_REALTIME, &now) == 0;
    if (!migration_hash_regular(m, most, &st, err))
        return false;
    m->facts = clock ? calloc(1, sizeof *m->facts) : NULL;
    if (m->facts != NULL)
        *m->facts = (struct facts){ .at = file_state_of(&st, &now), .hashed = true };
    return true;
}

void facts_ahead(struct migration *m)
{
    struct error ignored;
    error_clear(&ignored);
    if (m->facts == NULL && m->listed && hash_listed(m, AHEAD_MOST, &ignored) && m->facts != NULL)
        m->facts->ahead = true;
}

void facts_settle(struct migration *m)
{
    struct file_state now;
    if (m->facts != NULL && m->facts->ahead && (!file_state_now(m->path, &now) || !file_state_still(&m->facts->at, &now))) {
        facts_free(m->facts);
        m->facts = NULL;
    }
    facts_ahead(m);
}

bool facts_hash(struct migration *m, struct error *err)
{
    if (m->facts != NULL && m->facts->ahead) {
        m->facts->ahead = false;
        return true;
    }
    if (m->facts == NULL && m->listed)
        return hash_listed(m, MIGRATION_ANY_SIZE, err);
    struct facts *f = facts_now(m);
    struct stat st;
    if (f == NULL) { /* what was known was of another state */
        facts_free(m->facts);
        m->facts = NULL;
    }
    if (f != NULL && f->hashed)
        return true;
    bool ok = f != NULL && f->at.regular ? migration_hash_regular(m, MIGRATION_ANY_SIZE, &st, err) : migration_hash(m, err);
    if (f != NULL)
        f->hashed = ok;
    return ok;
}

/* Keeps what a check said. */
static void keep_check(struct facts *f, bool good, enum scan_dialect dialect, bool standard_strings, const struct script_facts *script, const struct error *said)
{
    free(f->refused);
    f->refused = good || said->code != ERR_REFUSED ? NULL : malloc(sizeof *f->refused);
    if (f->refused != NULL)
        *f->refused = *said;
    /* Where a file could not be read there is no answer to keep. */
    f->checked = good || f->refused != NULL;
    f->dialect = dialect;
    f->standard_strings = standard_strings;
    f->script = *script;
}

/* Keeps the bytes, as far as there is room for them. */
static void keep_text(struct migration *m, struct script_kept *read)
{
    long long len = (long long)read->text.len;
    struct kept *kept = NULL;
    if (len > 0 && m->facts != NULL && m->facts->kept == NULL)
        kept = malloc(sizeof *kept);
    if (kept != NULL && atomic_fetch_sub(m->room, len) >= len) {
        *kept = (struct kept){ .text = read->text, .room = m->room };
        m->facts->kept = kept;
        return;
    }
    if (kept != NULL)
        atomic_fetch_add(m->room, len);
    free(kept);
    free(read->text.bytes);
}

size_t facts_charge(struct migration *m)
{
    struct kept *kept = m->facts != NULL ? m->facts->kept : NULL;
    if (kept == NULL)
        return 0;
    kept->room = m->room;
    return kept->text.len;
}

bool facts_take_text(struct migration *m, struct section_text *text)
{
    struct facts *f = m->facts;
    struct file_state now;
    *text = (struct section_text){ 0 };
    if (f == NULL || f->kept == NULL)
        return false;
    struct section_text kept = part_with_text(f);
    if (strcmp(kept.raw, m->raw) == 0 && file_state_now(m->path, &now) && file_state_same(&f->at, &now))
        *text = kept;
    else
        free(kept.bytes);
    return text->len > 0;
}

/* f: what is known of the file, in a state that was asked before this; or NULL. */
static bool check_known(struct migration *m, struct facts *f, enum scan_dialect dialect, bool standard_strings, struct script_facts *facts, struct error *err)
{
    struct error own;
    error_clear(&own);
    if (f != NULL && f->checked && f->dialect == dialect && f->standard_strings == standard_strings) {
        *facts = f->script;
        if (f->refused != NULL && err != NULL)
            *err = *f->refused;
        return f->refused == NULL;
    }
    struct script_kept kept = { .most = KEPT_MOST };
    bool keeps = f != NULL && m->room != NULL && f->at.size <= KEPT_MOST;
    bool good = script_check_and_keep(m, SECTION_UPGRADE, dialect, standard_strings, facts, keeps ? &kept : NULL, &own);
    if (f != NULL)
        keep_check(f, good, dialect, standard_strings, facts, &own);
    if (keeps)
        keep_text(m, &kept);
    if (!good && err != NULL)
        *err = own;
    return good;
}

/* Hashes and checks in one reading a file of which nothing is known. Where anything is amiss that stays so: sum and check then say what they have to say one after the other. */
static void both_in_one(struct migration *m, enum scan_dialect dialect, bool standard_strings)
{
    struct script_facts script;
    struct error none;
    struct stat st;
    struct timespec now;
    struct script_kept kept = { .most = KEPT_MOST };
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || !script_check_and_sum(m, AHEAD_MOST, dialect, standard_strings, &script, &st, m->room ? &kept : NULL))
        return;
    m->facts = calloc(1, sizeof *m->facts);
    if (m->room != NULL)
        keep_text(m, &kept);
    if (m->facts == NULL)
        return;
    error_clear(&none);
    m->facts->at = file_state_of(&st, &now);
    m->facts->hashed = m->facts->ahead = true;
    keep_check(m->facts, true, dialect, standard_strings, &script, &none);
}

bool facts_checked(const struct migration *m)
{
    return m->facts != NULL && m->facts->checked;
}

void facts_both_ahead(struct migration *m, enum scan_dialect dialect, bool standard_strings)
{
    struct script_facts ignored;
    struct facts *f = m->facts;
    if (f == NULL && m->listed)
        both_in_one(m, dialect, standard_strings);
    else if (m->type == MIGRATION_VERSIONED && f != NULL && !f->ahead && (f = facts_now(m)) != NULL)
        f->ahead = f->hashed;
    if (m->facts != NULL && m->facts->ahead)
        check_known(m, m->facts, dialect, standard_strings, &ignored, NULL);
}

bool facts_check(struct migration *m, enum scan_dialect dialect, bool standard_strings, struct script_facts *facts, struct error *err)
{
    return check_known(m, facts_now(m), dialect, standard_strings, facts, err);
}

/* What a thread hashes: a copy of the migration, so that it shares nothing with the check. */
struct beside {
    struct migration copy;
    struct error err;
    bool ok;
};

static void *hash_beside(void *at)
{
    struct beside *b = at;
    b->ok = migration_hash(&b->copy, &b->err);
    return NULL;
}

/* Hashes and checks at once. now: the state of the file before that. False also where there is no second thread, with *started false and nothing done. */
static bool at_once(struct migration *m, const struct file_state *now, enum scan_dialect dialect, bool standard_strings, struct script_facts *facts, bool *started, struct error *err)
{
    struct beside b = { .copy = *m };
    struct error own;
    pthread_t thread;
    error_clear(&b.err);
    error_clear(&own);
    *started = threads_start(&thread, hash_beside, &b);
    if (!*started)
        return false;
    bool good = script_check(m, SECTION_UPGRADE, dialect, standard_strings, facts, &own);
    pthread_join(thread, NULL);
    memcpy(m->checksum, b.copy.checksum, sizeof m->checksum);
    memcpy(m->raw, b.copy.raw, sizeof m->raw);
    if (b.ok && (m->facts = calloc(1, sizeof *m->facts)) != NULL) {
        *m->facts = (struct facts){ .at = *now, .hashed = true };
        keep_check(m->facts, good, dialect, standard_strings, facts, &own);
    }
    if (!(b.ok && good) && err != NULL)
        *err = b.ok ? own : b.err;
    return b.ok && good;
}

bool facts_both(struct migration *m, enum scan_dialect dialect, bool standard_strings, struct script_facts *facts, struct error *err)
{
    struct file_state now;
    bool started = false;
    if (m->facts == NULL && m->listed)
        both_in_one(m, dialect, standard_strings);
    if (m->facts == NULL && file_state_now(m->path, &now) && now.regular && now.size >= AT_ONCE_LEAST) {
        bool good = at_once(m, &now, dialect, standard_strings, facts, &started, err);
        if (started)
            return good;
    }
    /* Its state was asked ahead of the sum, which is early enough for the check too. */
    return facts_hash(m, err) && check_known(m, m->facts, dialect, standard_strings, facts, err);
}

void facts_unsettle(struct folder *folder)
{
    for (size_t i = 0; i < folder_count(folder); i++)
        if (folder_at(folder, i)->facts != NULL)
            folder_at(folder, i)->facts->ahead = false;
}

void facts_carry(struct folder *now, struct folder *before)
{
    size_t count = folder_count(now), old = before != NULL ? folder_count(before) : 0;
    for (size_t i = 0, k = 0; i < count && k < old;) {
        struct migration *to = folder_at(now, i), *from = folder_at(before, k);
        int order = migration_compare(to, from);
        if (order == 0 && to->facts == NULL) {
            to->facts = from->facts;
            from->facts = NULL;
            if (to->facts != NULL && to->facts->kept != NULL)
                to->facts->kept->room = NULL; /* that folder's, which goes */
            memcpy(to->checksum, from->checksum, sizeof to->checksum);
            memcpy(to->raw, from->raw, sizeof to->raw);
        }
        i += order <= 0;
        k += order >= 0;
    }
}

void facts_free(struct facts *facts)
{
    if (facts == NULL)
        return;
    empty(facts);
    free(facts);
}
