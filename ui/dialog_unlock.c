/* dialog_unlock.c: force-unlock: who holds the lock, the verdict with its evidence, what an unlock does, and how it is confirmed. */
#include <stdio.h>
#include <string.h>

#include "dialog.h"
#include "keys.h"
#include "text.h"
#include "words.h"

enum { WORD = 4 };

bool dialog_unlock_word(const struct lock_view *lock, char to[5])
{
    size_t len = strlen(lock->row.process_id);
    if (len > WORD)
        len = WORD;
    for (size_t i = 0; i < len; i++) {
        char c = lock->row.process_id[i];
        if (c <= ' ' || c >= 0x7f)
            len = 0;
        else
            to[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    to[len] = '\0';
    return len > 0;
}

/* Can the holder's session be ended with the unlock? */
static bool can_terminate(const struct model *m, const struct lock_view *lock)
{
    return m->snap->sessions && lock->verdict == LOCK_ALIVE && lock->row.has_run && lock->row.session_pid > 0;
}

/* A statement outside a transaction that would go on beside the next run. */
static bool unfenced(const struct lock_view *lock)
{
    return lock->row.has_run && lock->verdict != LOCK_DEAD && !lock->fenced;
}

/* Takes the holder in, and asks what that holder needs to be asked. */
static void ask(struct model *m, const struct lock_view *lock)
{
    struct dialog *d = &m->dialog;
    d->stage = STAGE_ASK;
    d->lock = *lock;
    d->typed[0] = '\0';
    d->terminate = d->terminate_forced = false;
    if (!unfenced(lock))
        return;
    d->terminate = d->terminate_forced = can_terminate(m, lock);
    if (!d->terminate)
        dialog_tell(m, NULL, "refused: %s is outside a transaction; its statement would go on beside the next run, which can corrupt, and it cannot be ended from here", lock->row.run.file);
}

void dialog_unlock_open(struct model *m)
{
    dialog_open(m, DIALOG_UNLOCK, STAGE_ASK);
    ask(m, &m->snap->lock);
}

bool dialog_unlock_seen(struct model *m)
{
    struct dialog *d = &m->dialog;
    const struct lock_view *now = &m->snap->lock;
    bool other;
    if (d->stage != STAGE_ASK)
        return false;
    if (!now->row.locked || strcmp(now->row.process_id, d->lock.row.process_id) != 0) {
        dialog_tell(m, NULL, "the lock changed hands, nothing was done");
        return true;
    }
    other = now->verdict != d->lock.verdict || now->fenced != d->lock.fenced || now->row.session_pid != d->lock.row.session_pid;
    if (other)
        ask(m, now);
    else
        d->lock = *now;
    return other;
}

void dialog_unlock_answered(struct model *m, const struct unlock_answer *answer)
{
    const struct dialog *d = &m->dialog;
    bool waiting = d->kind == DIALOG_UNLOCK && d->stage == STAGE_WAITING && d->job == answer->job;
    char message[480], who[400] = "another program";
    text_visible(message, sizeof message, answer->error.message);
    if (answer->answer == LOCK_OK) {
        if (waiting)
            model_close_dialog(m);
        if (answer->before.row.has_run)
            words_holder(&answer->before.row.run, who, sizeof who);
        model_say(m, false, "unlocked; it was held by %s (%s)", who, lock_verdict_name(answer->before.verdict));
    } else if (waiting) {
        dialog_tell(m, &answer->error, "%s", message);
    } else {
        model_say(m, true, "%s", message);
    }
}

static struct effect unlock(struct model *m)
{
    struct dialog *d = &m->dialog;
    struct effect fx = { .what = FX_UNLOCK, .flush = true, .only_dead = d->lock.verdict == LOCK_DEAD, .terminate = d->terminate };
    fx.job = d->job = ++m->jobs;
    text_copy(fx.process_id, sizeof fx.process_id, d->lock.row.process_id);
    d->stage = STAGE_WAITING;
    m->unlocking = true;
    return fx;
}

static struct effect key(struct model *m, int key)
{
    struct dialog *d = &m->dialog;
    char word[WORD + 1];
    if (d->stage != STAGE_ASK)
        return (struct effect){ .what = FX_NONE };
    if (d->lock.verdict == LOCK_DEAD)
        return key == 'y' ? unlock(m) : (struct effect){ .what = FX_NONE };
    if (key == UK_TAB && !d->terminate_forced && can_terminate(m, &d->lock)) {
        d->terminate = !d->terminate;
        return (struct effect){ .what = FX_NONE };
    }
    if (!dialog_unlock_word(&d->lock, word))
        return (struct effect){ .what = FX_NONE };
    dialog_type(d, key, strlen(word));
    return strcmp(d->typed, word) == 0 ? unlock(m) : (struct effect){ .what = FX_NONE };
}

static void title(const struct model *m, char *to, size_t size)
{
    char place[160];
    bool dead = m->dialog.stage == STAGE_TOLD || m->dialog.lock.verdict == LOCK_DEAD;
    dialog_place(m, dead ? 46 : 24, place, sizeof place);
    snprintf(to, size, "Force-unlock %s%s%s", place, dead ? "" : ": its holder is ", dead ? "" : words_verdict(m->dialog.lock.verdict));
}

static void fill_holder(const struct model *m, struct sheet *body)
{
    const struct lock_view *lock = &m->dialog.lock;
    const struct run_row *run = &lock->row.run;
    char who[500], age[40], line[1200];
    sheet_line(body, STYLE_NORMAL, "process ID  %s", lock->row.process_id);
    if (!lock->row.has_run) {
        sheet_line(body, STYLE_NORMAL, "taken by    another program, %.19s server time", lock->row.locked_at);
        return;
    }
    words_holder(run, who, sizeof who);
    words_age(run->age_s < 0 ? -1 : run->age_s + model_seen_age(m), age, sizeof age);
    snprintf(line, sizeof line, "taken by    %s, %s ago", who, age);
    sheet_wrap(body, STYLE_NORMAL, 12, line);
    if (lock->verdict != LOCK_DEAD && run->file[0]) {
        snprintf(line, sizeof line, "it runs     %s, %s", run->command, run->file);
        sheet_wrap(body, STYLE_NORMAL, 12, line);
    }
}

/* What a dead holder has left half applied: an unlock does not mend that. */
static void fill_half(const struct listing *l, const struct lock_view *lock, struct sheet *body)
{
    const struct snap_half *half = lock->verdict == LOCK_DEAD && lock->row.has_run ? listing_half(l, lock->row.run.file) : NULL;
    char line[400];
    if (!half || strcmp(half->process_id, lock->row.run.process_id) != 0)
        return;
    if (l->invalid) {
        snprintf(line, sizeof line, "Invalid index: %.*s.", (int)strcspn(l->invalid, "\n"), l->invalid);
        sheet_wrap(body, STYLE_WARN, 0, line);
    }
    snprintf(line, sizeof line, "Nothing can start before %s is resolved: afterwards v shows the ways out.", half->label);
    sheet_wrap(body, STYLE_WARN, 0, line);
}

static void fill_ask(const struct model *m, struct sheet *body)
{
    const struct lock_view *lock = &m->dialog.lock;
    char words[700], line[800];
    fill_holder(m, body);
    snprintf(line, sizeof line, lock->verdict == LOCK_UNKNOWN ? "Whether it lives is %s: %s." : "It is %s: %s.", words_verdict(lock->verdict), lock->evidence);
    sheet_wrap(body, lock->verdict == LOCK_DEAD ? STYLE_NORMAL : STYLE_WARN, 0, line);
    words_sentence(lock->effect, words, sizeof words);
    snprintf(line, sizeof line, "%s%s.", lock->row.has_run ? "" : "After an unlock ", lock->row.has_run ? words : lock->effect);
    sheet_wrap(body, STYLE_NORMAL, 0, line);
    fill_half(m->snap->listing, lock, body);
    if (!m->snap->sessions && lock->row.has_run && lock->verdict != LOCK_DEAD)
        sheet_wrap(body, STYLE_NORMAL, 0, "On SQLite that can only happen between two migrations: while one runs, the unlock waits 3 s and then says that nothing was done.");
    if (lock->session.found && lock->session.blockers > 0) {
        if (lock->session.blocked_by[0].pid)
            snprintf(line, sizeof line, "It waits behind session %d: an unlock alone frees no table.", lock->session.blocked_by[0].pid);
        else
            snprintf(line, sizeof line, "It waits behind a prepared transaction: an unlock alone frees no table.");
        sheet_wrap(body, STYLE_NORMAL, 0, line);
    }
    sheet_wrap(body, STYLE_NORMAL, 0, "Nothing is done if the lock has changed hands by then.");
}

static void fill_foot(const struct model *m, struct sheet *foot)
{
    const struct dialog *d = &m->dialog;
    char word[WORD + 1], label[40];
    if (d->lock.verdict == LOCK_DEAD) {
        sheet_line(foot, STYLE_BOLD, "       [ Esc  leave it ]       y  unlock");
        return;
    }
    words_label(d->lock.row.run.file, label, sizeof label);
    if (d->terminate_forced)
        sheet_wrap(foot, STYLE_WARN, 8, "    [x] its session is ended too: its statement would go on beside the next run, which can corrupt");
    else if (can_terminate(m, &d->lock))
        sheet_line(foot, STYLE_NORMAL, "Tab [%c] end session %d too: %s rolls back at once", d->terminate ? 'x' : ' ', d->lock.row.session_pid, label[0] ? label : "it");
    if (dialog_unlock_word(&d->lock, word)) {
        char question[80];
        snprintf(question, sizeof question, "Type the first %zu characters of the process ID:", strlen(word));
        dialog_fill_input(d, foot, question, strlen(word));
    }
}

static void fill(const struct model *m, struct sheet *body, struct sheet *foot)
{
    if (m->dialog.stage == STAGE_TOLD) {
        dialog_fill_told(m, body);
        return;
    }
    fill_ask(m, body);
    if (m->dialog.stage == STAGE_WAITING)
        sheet_line(foot, STYLE_BOLD, "unlocking …");
    else
        fill_foot(m, foot);
}

static void footer(const struct model *m, char *to, size_t size)
{
    const struct dialog *d = &m->dialog;
    bool asks = d->stage == STAGE_ASK;
    snprintf(to, size, "%s%sEsc leave it", asks && d->lock.verdict == LOCK_DEAD ? "y unlock   " : "",
             asks && !d->terminate_forced && can_terminate(m, &d->lock) ? "Tab end its session too   " : "");
}

const struct dialog_ops dialog_unlock = { .width = 64, .whole = true, .typed = true, .title = title, .key = key, .fill = fill, .footer = footer };
