/* dialog.h: the dialogs: what each does with keys and news, and what it shows. All but the drawing of the frame is pure. */
#ifndef JETBASE_UI_DIALOG_H
#define JETBASE_UI_DIALOG_H

#include "model.h"
#include "sheet.h"

/* One kind of dialog. */
struct dialog_ops {
    int width;                /* of its frame, in columns, where the screen has them */
    bool whole;               /* shown whole, even where it then covers the lock pane */
    bool typed;               /* characters are typed into it: only arrows and page keys scroll */
    void (*title)(const struct model *model, char *to, size_t size);
    /* A key but Esc and the keys that scroll, which are dialog_key()'s. MAY be NULL: no other does anything. */
    struct effect (*key)(struct model *model, int key);
    /* Fills the text, which scrolls, and the lines below it, which do not (question, input, keys). */
    void (*fill)(const struct model *model, struct sheet *body, struct sheet *foot);
    /* The footer: what the keys do now. */
    void (*footer)(const struct model *model, char *to, size_t size);
};

extern const struct dialog_ops dialog_upgrade, dialog_rollback, dialog_unlock, dialog_blocker, dialog_verify, dialog_fix, dialog_baseline, dialog_resolve, dialog_rehearse, dialog_cancel, dialog_quit, dialog_help, dialog_error;

/* The open dialog's table, or NULL. */
const struct dialog_ops *dialog_ops_of(const struct model *model);
/* Scrolls the open dialog to the next (step 1) or earlier (-1) line that holds the text. False: there is none. */
bool dialog_find(struct model *model, const char *text, int step);
/* Scrolls it to the next (step 1) or earlier (-1) run of lines that are shown as bad; round the end too. False: there is none. */
bool dialog_find_bad(struct model *model, int step);
/* A key while a dialog is open. */
struct effect dialog_key(struct model *model, int key);
/* Draws the open dialog, below the lock pane where it can be. */
void dialog_draw(const struct model *model, struct canvas *canvas);

/* Opens a dialog in place of none. */
void dialog_open(struct model *model, enum dialog_kind kind, enum dialog_stage stage);
/* Turns the open dialog into a sentence (and the error behind it, MAY be NULL); only Esc leaves it. */
void dialog_tell(struct model *model, const struct error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The database in `cols` columns of a title; what is longer ends in "…". */
void dialog_place(const struct model *model, int cols, char *to, size_t size);
/* Adds what STAGE_TOLD says. */
void dialog_fill_told(const struct model *model, struct sheet *body);
/* Adds an error: place, message, source line with its caret, detail, hint, state. */
void dialog_fill_error(struct sheet *body, const struct error *err);
/* Shows an error in a dialog of its own; the title is cut. */
void dialog_open_error(struct model *model, const struct error *err, const char *title);
/* A key of a text that is being typed: adds it (at most `most` characters), or takes the last one back. */
void dialog_type(struct dialog *dialog, int key, size_t most);
/* Adds the line with the input: "question  [12  ]". */
void dialog_fill_input(const struct dialog *dialog, struct sheet *foot, const char *question, size_t most);

/* ---- news for single dialogs ---- */

/* F: asks about the holder that was last seen. */
void dialog_unlock_open(struct model *model);
/* The characters that confirm an unlock of a holder that is not dead; false where they can't be typed. */
bool dialog_unlock_word(const struct lock_view *lock, char to[5]);
/* A new look: the lock may have changed hands under the dialog. True where the dialog has changed its stage or its question. */
bool dialog_unlock_seen(struct model *model);
/* The unlock was answered. */
void dialog_unlock_answered(struct model *model, const struct unlock_answer *answer);
/* x, X (end): asks about the first session that blocks the holder, as last seen. */
void dialog_blocker_open(struct model *model, bool end);
/* A new look: it may block no longer, or run nothing any more. True where the dialog has turned into a sentence. */
bool dialog_blocker_seen(struct model *model);
/* The server has answered. */
void dialog_blocker_answered(struct model *model, const struct blocker_answer *answer);
/* A new look while a take-over is asked about: the dead holder may be gone. True where the dialog has turned into a sentence. */
bool dialog_take_over_seen(struct model *model);
/* f, m: asks what a repair of these parts of the history would change. */
struct effect dialog_fix_open(struct model *model, unsigned parts);
/* b: asks what a baseline at the chosen pending version would record. */
struct effect dialog_baseline_open(struct model *model);
/* What it would change has come; takes answer->repair. */
void dialog_fix_answered(struct model *model, struct found_answer *answer);
/* w: asks about the newest half-applied file, or the chosen one. */
struct effect dialog_resolve_open(struct model *model);
/* What is known of it has come; takes answer->preview. */
void dialog_resolve_answered(struct model *model, struct plan_answer *answer);
/* A new look: somebody may have resolved it, or taken the lock. True where the dialog has turned into a sentence. */
bool dialog_resolve_seen(struct model *model);
/* In the dialog of an upgrade: asks whether its plan is to be rehearsed. */
void dialog_rehearse_open(struct model *model);
/* Esc: a rehearsal that is under way is stopped. False: none is. */
bool dialog_rehearse_left(struct model *model, struct effect *fx);
/* How far it is. */
void dialog_rehearse_note(struct model *model, const struct engine_note *note);
/* It has ended; takes answer->rehearsal. */
void dialog_rehearse_answered(struct model *model, struct rehearse_answer *answer);
/* The plan for an upgrade or a roll back has come; takes answer->preview. */
void dialog_plan_answered(struct model *model, struct plan_answer *answer);

#endif
