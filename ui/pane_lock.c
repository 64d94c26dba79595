/* pane_lock.c: the lock in words: state, age, holder, verdict with its evidence, what it runs, waits for, who blocks it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "own_run.h"
#include "pane.h"
#include "text.h"
#include "words.h"

enum { LABEL_COLS = 11, BAR_CELLS = 8, BLOCKERS_SHOWN = 2 };

static enum style verdict_style(enum lock_verdict verdict)
{
    return verdict == LOCK_DEAD ? STYLE_BAD : verdict == LOCK_UNKNOWN ? STYLE_WARN : STYLE_GOOD;
}

static void fill_nothing(const struct model *m, struct sheet *s)
{
    if (m->down.code == ERR_NONE) {
        sheet_line(s, STYLE_BOLD, "CONNECTING to the database …");
        return;
    }
    if (m->down.code == ERR_LOCK_BUSY)
        sheet_pair(s, STYLE_WARN, "BUSY", STYLE_NORMAL, "looking again");
    else
        sheet_pair(s, STYLE_BAD, "NOT CONNECTED", STYLE_NORMAL, "trying again");
    sheet_wrap(s, STYLE_NORMAL, 0, m->down.message);
    if (m->down.hint[0])
        sheet_wrap(s, STYLE_DIM, 0, m->down.hint);
}

/* "upgrade V13, ok, by deploy@ci-runner-7" */
static void last_run_words(const struct run_row *run, char *to, size_t size)
{
    char label[40] = "", when[32], who[300], raw[400];
    const char *last = strchr(run->last_done, ' ');
    const char *file = run->outcome == RUN_OK && last ? last + 1 : run->file;
    words_label(file, label, sizeof label);
    words_when(run->acquired_at, true, when, sizeof when);
    snprintf(raw, sizeof raw, "%s%s%s", run->os_user, run->os_user[0] && run->host[0] ? "@" : "", run->host);
    text_visible(who, sizeof who, raw);
    snprintf(to, size, "last run %s: %s%s%s, %s%s%s", when, run->command, label[0] ? " " : "", label,
             run->outcome == RUN_OPEN ? "end not known" : run_outcome_name(run->outcome), who[0] ? ", by " : "", who);
    if (run->unlocked_by[0]) {
        size_t used = strlen(to);
        snprintf(to + used, size - used, ", unlocked by %s", run->unlocked_by);
    }
}

/* What a run has left half applied, and the way on. True where it said anything. */
static bool half_lines(const struct listing *l, const struct snap_half *half, bool locked, struct sheet *s)
{
    char known[120], line[700];
    size_t used;
    if (!half)
        return false;
    words_half(half, known, sizeof known);
    snprintf(line, sizeof line, "%-*s%s is HALF APPLIED%s: %s", LABEL_COLS, locked ? "effect" : "half", half->label, half->back ? " in its rollback" : "", known);
    sheet_wrap(s, STYLE_BAD, LABEL_COLS, line);
    used = (size_t)snprintf(line, sizeof line, "%-*s", LABEL_COLS, "next");
    if (l->invalid)
        used += (size_t)snprintf(line + used, sizeof line - used, "index %.*s is invalid; ", (int)strcspn(l->invalid, " \n"), l->invalid);
    snprintf(line + used, sizeof line - used, "%s", locked ? "F unlocks, then v: ways out" : "v: ways out");
    sheet_wrap(s, STYLE_NORMAL, LABEL_COLS, line);
    return true;
}

static void fill_unlocked(const struct snapshot *snap, struct sheet *s)
{
    const struct db_lock_row *row = &snap->lock.row;
    char words[900] = "no run is known yet";
    if (!row->table)
        snprintf(words, sizeof words, "there is no lock table here yet");
    else if (!row->row)
        snprintf(words, sizeof words, "the lock table has no row; the next run makes it");
    else if (row->has_last)
        last_run_words(&row->last, words, sizeof words);
    sheet_line(s, STYLE_GOOD, "UNLOCKED   %s", words);
    for (size_t i = 0; i < snap->listing->half_count; i++)
        half_lines(snap->listing, &snap->listing->half[i], false, s);
}

/* "since 13:58:19 server time", with the day where it is another one. */
static void since_words(const struct model *m, const char *stored, char *to, size_t size)
{
    char today[16], safe[40];
    time_t now = (time_t)(m->wall_us / 1000000);
    struct tm tm;
    if (!localtime_r(&now, &tm) || !strftime(today, sizeof today, "%Y-%m-%d", &tm))
        today[0] = '\0';
    text_visible(safe, sizeof safe, stored);
    if (strlen(safe) < 19)
        snprintf(to, size, "LOCKED%s%s", safe[0] ? " since " : "", safe);
    else if (strncmp(safe, today, 10) == 0)
        snprintf(to, size, "LOCKED since %.8s server time", safe + 11);
    else
        snprintf(to, size, "LOCKED since %.10s %.8s server time", safe, safe + 11);
}

static void head_line(const struct model *m, struct sheet *s)
{
    const struct lock_view *lock = &m->snap->lock;
    char left[100], right[300], age[40];
    bool other = lock->verdict == LOCK_UNKNOWN && !lock->row.has_run && (lock->row.why == WHY_NONE || lock->row.why == WHY_OTHER_PROGRAM);
    if (lock->row.has_run) {
        words_age(model_lock_age(m), age, sizeof age);
        snprintf(left, sizeof left, "LOCKED %s", age);
    } else {
        since_words(m, lock->row.locked_at, left, sizeof left);
    }
    snprintf(right, sizeof right, "%s: %s", words_verdict(lock->verdict), other ? "the lock of another program" : lock->evidence);
    if (draw_columns(left) + 1 + draw_columns(right) <= s->width) {
        sheet_pair(s, STYLE_BOLD, left, verdict_style(lock->verdict), right);
    } else {
        sheet_pair(s, STYLE_BOLD, left, verdict_style(lock->verdict), words_verdict(lock->verdict));
        snprintf(right, sizeof right, "%-*s%s", LABEL_COLS, "evidence", lock->evidence);
        sheet_wrap(s, STYLE_NORMAL, LABEL_COLS, right);
    }
}

static void id_line(struct sheet *s, const struct db_lock_row *row, const char *who)
{
    char left[160], id[DB_ID_SIZE * 3];
    text_visible(id, sizeof id, row->process_id);
    snprintf(left, sizeof left, "%-*s%s", LABEL_COLS, "process ID", id[0] ? id : "none");
    sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, who);
}

/* "jetbase upgrade" */
static void program_words(const struct run_row *run, char *to, size_t size)
{
    snprintf(to, size, "%.*s%s%s", (int)strcspn(run->program, " "), run->program, run->program[0] ? " " : "", run->command);
}

/* Which migration of how many, as the holder tells in its session's name. */
static bool position(const struct db_session *session, const char *file, unsigned *n, unsigned *of)
{
    int used = 0;
    return session->found && sscanf(session->application, "jetbase %u/%u %n", n, of, &used) == 2 && used > 0 &&
           strncmp(session->application + used, file, strlen(session->application + used)) == 0;
}

static void run_line(const struct lock_view *lock, struct sheet *s)
{
    const struct run_row *run = &lock->row.run;
    char program[140], left[800], right[80] = "", bar[40];
    unsigned n, of;
    program_words(run, program, sizeof program);
    snprintf(left, sizeof left, "%-*s%s", LABEL_COLS, "run", program);
    if (run->file[0] && lock->verdict == LOCK_DEAD)
        snprintf(left, sizeof left, "%-*s%s, died %s %s (%s)", LABEL_COLS, "run", program, run->no_transaction && run->started_statement > 0 ? "in" : "at", run->file, run->no_transaction ? "no transaction" : "one transaction");
    else if (run->file[0])
        snprintf(left, sizeof left, "%-*s%s, %s", LABEL_COLS, "run", program, run->file);
    if (lock->verdict != LOCK_DEAD && run->no_transaction && run->started_statement > 0) {
        words_bar((uint64_t)run->started_statement, (uint64_t)run->statements, BAR_CELLS, bar, sizeof bar);
        snprintf(right, sizeof right, "statement %d of %d  %s", run->started_statement, run->statements, bar);
    } else if (lock->verdict != LOCK_DEAD && run->file[0] && position(&lock->session, run->file, &n, &of)) {
        snprintf(right, sizeof right, "migration %u of %u", n, of);
    }
    sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, right);
}

/* "22 min 08 s" as "22 min". */
static void shorten_age(char *age)
{
    char *end = strchr(age, ' ');
    end = end ? strchr(end + 1, ' ') : NULL;
    if (end)
        *end = '\0';
}

/* Its age stands beside it: where that is too wide, its seconds give way, then application and address. */
static void blocker_line(const struct db_blocker *b, bool first, double more, struct sheet *s)
{
    char left[700], who[400], age[40];
    words_age(b->age_s < 0 ? -1 : b->age_s + more, age, sizeof age);
    if (b->pid == 0) {
        snprintf(left, sizeof left, "%-*sa prepared transaction: no session to end, see pg_prepared_xacts", LABEL_COLS, first ? "blocker" : "");
        sheet_pair(s, STYLE_WARN, left, STYLE_WARN, "");
        return;
    }
    for (int step = 0; step < 4; step++) {
        words_blocker(b, step ? step - 1 : 0, who, sizeof who);
        snprintf(left, sizeof left, "%-*ssession %s, %s", LABEL_COLS, first ? "blocker" : "", who, b->state[0] ? b->state : "?");
        if (draw_columns(left) + 1 + draw_columns(age) <= s->width)
            break;
        shorten_age(age);
    }
    sheet_pair(s, STYLE_WARN, left, STYLE_WARN, age);
}

/* What the holder's session does now, what it waits for and who blocks it. */
static void session_lines(const struct model *m, const struct db_session *session, struct sheet *s)
{
    char left[700], right[120], age[40];
    /* What it waits for is shown to every role, what it does and since when is not. */
    bool locked_out = strncmp(session->wait, "Lock/", 5) == 0 || session->awaited[0];
    double more = model_seen_age(m);
    words_age(session->state_age_s < 0 ? -1 : session->state_age_s + more, age, sizeof age);
    if (strcmp(session->wait, "Client/ClientRead") == 0 && strcmp(session->state, "active") == 0)
        snprintf(right, sizeof right, "waits for its client %s", age);
    else
        snprintf(right, sizeof right, "%.40s %s", locked_out ? "waiting" : session->state[0] ? session->state : "?", age);
    snprintf(left, sizeof left, "%-*s%s", LABEL_COLS, "now", session->query[0] ? session->query : "?");
    if (draw_columns(left) + 1 + draw_columns(right) > s->width)
        left[draw_fit(left, s->width - draw_columns(right) - 2)] = '\0';
    sheet_pair(s, STYLE_NORMAL, left, locked_out ? STYLE_WARN : STYLE_NORMAL, right);
    if (session->phase[0]) {
        char bar[40];
        words_bar(session->percent > 0 ? (uint64_t)session->percent : 0, 100, BAR_CELLS, bar, sizeof bar);
        snprintf(left, sizeof left, "%-*s%s", LABEL_COLS, "index", session->phase);
        snprintf(right, sizeof right, "%d %%  %s", session->percent, bar);
        sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, session->percent >= 0 ? right : "");
    }
    if (locked_out || session->waiting_behind > 0) {
        snprintf(left, sizeof left, "%-*s%s%s", LABEL_COLS, locked_out ? "waits" : "", locked_out ? "for " : "", !locked_out ? "" : session->awaited[0] ? session->awaited : "a lock");
        snprintf(right, sizeof right, "%d session%s behind it", session->waiting_behind, session->waiting_behind == 1 ? " waits" : "s wait");
        sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, session->waiting_behind > 0 ? right : "");
    }
    for (int i = 0; i < session->blockers && i < BLOCKERS_SHOWN; i++)
        blocker_line(&session->blocked_by[i], i == 0, more, s);
}

/* The lock of another program: who may be the holder. */
static void stranger_lines(const struct model *m, const struct lock_view *lock, struct sheet *s)
{
    char left[700], age[40];
    snprintf(left, sizeof left, "It may be Jetbase (Python) or an older tool. Whether it still runs cannot be told from here.%s",
             lock->lockers_count > 0 ? " Sessions on this database that hold locks on its tables:" : "");
    sheet_wrap(s, STYLE_NORMAL, 0, left);
    for (int i = 0; i < lock->lockers_count; i++) {
        const struct db_blocker *b = &lock->lockers[i];
        bool active = strcmp(b->state, "active") == 0;
        words_age(b->age_s < 0 ? -1 : b->age_s + model_seen_age(m), age, sizeof age);
        snprintf(left, sizeof left, "session %d %s%s%s \"%.60s\", %s%s%s", b->pid, b->user[0] ? b->user : "?", b->address[0] ? "@" : "", b->address, b->application, b->state[0] ? b->state : "?",
                 active && b->query[0] ? ", " : "", active ? b->query : "");
        if (draw_columns(left) + 2 + draw_columns(age) > s->width)
            snprintf(left + draw_fit(left, s->width - draw_columns(age) - 3), sizeof left - draw_fit(left, s->width - draw_columns(age) - 3), "…");
        sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, age);
    }
}

/* The file that the dead holder has left half applied, as the listing knows it. */
static const struct snap_half *left_by(const struct snapshot *snap)
{
    const struct run_row *run = &snap->lock.row.run;
    const struct snap_half *half = listing_half(snap->listing, run->file);
    return half && strcmp(half->process_id, run->process_id) == 0 ? half : NULL;
}

static void fill_locked(const struct model *m, struct sheet *s)
{
    const struct lock_view *lock = &m->snap->lock;
    char who[600], text[600];
    head_line(m, s);
    if (!lock->row.has_run) {
        id_line(s, &lock->row, "not a run of ours");
        stranger_lines(m, lock, s);
        return;
    }
    words_holder(&lock->row.run, who, sizeof who);
    id_line(s, &lock->row, who);
    run_line(lock, s);
    if (lock->session.found)
        session_lines(m, &lock->session, s);
    if (lock->verdict == LOCK_DEAD && !half_lines(m->snap->listing, left_by(m->snap), true, s)) {
        snprintf(text, sizeof text, "%-*s%s", LABEL_COLS, "effect", lock->effect);
        sheet_wrap(s, STYLE_NORMAL, LABEL_COLS, text);
    }
}

static void own_now_line(const struct model *m, struct sheet *s)
{
    const struct own_run *run = &m->run;
    const struct preview_item *item = preview_find(run->plan, run->file);
    char left[2200], age[40];
    const char *what = "checks the lock and commits";
    double ms = (double)(m->mono_ms - run->statement_ms);
    if (run->statement < run->statements)
        what = item && run->statement < item->sql_count ? item->sql[run->statement] : "?";
    words_age(ms / 1000.0, age, sizeof age);
    snprintf(left, sizeof left, "%-*s%s", LABEL_COLS, "now", what);
    if (draw_columns(left) > s->width - 10)
        snprintf(left + draw_fit(left, s->width - 12), sizeof left - draw_fit(left, s->width - 12), "…");
    sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, age);
}

static void fill_own(const struct model *m, struct sheet *s)
{
    const struct own_run *run = &m->run;
    char left[800], right[120] = "", age[40], who[600] = "", bar[40];
    words_age((double)(m->mono_ms - run->locked_ms) / 1000.0, age, sizeof age);
    snprintf(left, sizeof left, "LOCKED %s", age);
    if (run->session_pid > 0)
        snprintf(right, sizeof right, "OURS: this console, session %d", run->session_pid);
    else
        snprintf(right, sizeof right, "OURS: this console");
    sheet_pair(s, STYLE_BOLD, left, STYLE_GOOD, right);
    if (m->snap && m->snap->lock.row.has_run && strcmp(m->snap->lock.row.process_id, run->process_id) == 0)
        words_holder(&m->snap->lock.row.run, who, sizeof who);
    snprintf(left, sizeof left, "%-*s%s", LABEL_COLS, "process ID", run->process_id);
    sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, who);
    if (run->parts) {
        sheet_line(s, STYLE_NORMAL, "%-*s%s, in one transaction", LABEL_COLS, "run", own_run_name(run));
        return;
    }
    if (!run->file[0]) {
        sheet_line(s, STYLE_NORMAL, "%-*s%s of %u migration%s", LABEL_COLS, "run", own_run_name(run), run->migrations, words_plural(run->migrations));
        return;
    }
    snprintf(left, sizeof left, "%-*s%s %u of %u, %s", LABEL_COLS, "run", own_run_name(run), run->migration, run->migrations, run->file);
    words_bar(run->statement < run->statements ? run->statement + 1 : run->statements, run->statements, BAR_CELLS, bar, sizeof bar);
    if (run->statement < run->statements)
        snprintf(right, sizeof right, "statement %u of %u  %s", run->statement + 1, run->statements, bar);
    else
        snprintf(right, sizeof right, "%u statement%s done  %s", run->statements, words_plural(run->statements), bar);
    sheet_pair(s, STYLE_NORMAL, left, STYLE_NORMAL, right);
    own_now_line(m, s);
}

void pane_lock_fill(const struct model *m, struct sheet *s)
{
    if (m->run.on && m->run.locked)
        fill_own(m, s);
    else if (!m->snap)
        fill_nothing(m, s);
    else if (model_lock_is_ours(m))
        /* Our run has ended after this look: that the lock was released is for the next one to say. */
        sheet_line(s, STYLE_BOLD, "%s", m->run.on ? "LOCKED     by this console's own run" : "LOOKING    this console's run has ended");
    else if (!m->snap->lock.row.locked)
        fill_unlocked(m->snap, s);
    else
        fill_locked(m, s);
}

void pane_lock_title(const struct model *m, char *to, size_t size)
{
    char old[80];
    pane_old(m, old, sizeof old);
    snprintf(to, size, "1 Lock%s%s", old, !old[0] ? "" : m->up ? ", no answer since" : m->down.code == ERR_LOCK_BUSY ? ", busy since" : ", reconnecting");
}
