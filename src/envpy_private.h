/* envpy_private.h: tokens and values of env.py, shared by envpy.c, envpy_lex.c and envpy_value.c. */
#ifndef JETBASE_ENVPY_PRIVATE_H
#define JETBASE_ENVPY_PRIVATE_H

#include "config.h"
#include "text.h"

enum token_kind { TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_OP, TOKEN_NEWLINE, TOKEN_END };

/* One token; at points into the file's text. NEWLINE ends a logical line; END is always the last one. */
struct token {
    enum token_kind kind;
    const char *at;
    size_t len;
    unsigned line;
    int depth;        /* open brackets before it */
    bool indented;    /* its logical line begins with blanks */
    unsigned char prefix, quotes; /* STRING: bytes of prefix (r, b, …), of one quote (1 or 3) */
};

struct tokens {
    struct token *at;
    size_t count, capacity;
};

/* A text and its name, for messages. */
struct source {
    const char *text;
    size_t len;
    const char *file;
};

/* Refuses the file as no Python, at byte `at`. Returns false. */
bool envpy_broken(const struct source *source, const char *at, const char *message, struct error *err);

/* Splits Python into tokens. *out is to be freed with tokens_free() in either case. False: ERR_CONFIG with the place, ERR_NO_MEMORY. */
bool envpy_lex(const struct source *source, struct tokens *out, struct error *err);
void tokens_free(struct tokens *tokens);

/* Whether a token is this name or operator. */
bool token_is(const struct token *t, const char *word);

/* ---- envpy_span.c: runs of tokens ---- */

/* at[0] … end[-1]. */
struct span {
    const struct token *at, *end;
};

/* The first token that is this word, or NULL. */
const struct token *span_find(struct span s, const char *word);
/* Whether it has words that can stop the program; or these, or words that can set names unseen. */
bool span_may_stop(struct span s);
bool span_is_dangerous(struct span s);
/* `print(…)` and nothing else. */
bool span_is_print(struct span s);
/* Whether it names something that has to do with the environment, `os.getenv` and the like included. */
bool span_names_environment(struct span s);
/* Whether it calls anything but what is known, by its name, to leave the environment alone. */
bool span_calls_unknown(struct span s);
/* `os`, `environ` or `getenv`: what the environment is read through; and whether an import binds one of these to something else. */
bool token_is_door(const struct token *t);
bool span_imports_door(struct span s);
/* `load_dotenv(…)` and nothing else, which never changes a variable that is set: not told to override, with harmless arguments. */
bool span_is_load_dotenv(struct span s);

/* The brace that closes the field of an f-string; at: behind its opening one. NULL where there is none before `end`. */
const char *envpy_field_end(const char *at, const char *end);

/* What earlier statements may have done to the environment: lines, 0 for none. */
struct envpy_before {
    unsigned touched; /* may have changed any variable */
    unsigned filled;  /* load_dotenv(): may have set variables that were not set */
};

/* The value of an expression, tokens from `from` up to but without `to`. *out is ABSENT for None; UNREADABLE with the reason for what is not understood; UNSET with a sentence where os.environ[…] has no such variable. False only where memory ran out. */
bool envpy_value(const struct token *from, const struct token *to, struct envpy_before before, struct setting *out);

/* ---- between envpy_value.c and envpy_text.c ---- */

/* What an expression is found to be. */
struct value {
    enum setting_kind kind;
    struct text text;   /* TEXT, INTEGER: the value; OTHER: the type; UNREADABLE, UNSET: the reason */
    bool truth;
};

/* An expression being read. */
struct eval {
    const struct token *at, *end;
    struct envpy_before before;
    int depth;
};

/* Replaces the value; text is copied. */
void value_become(struct value *v, enum setting_kind kind, const char *text);
/* Gives up on the whole expression, for this reason. Returns false. */
bool value_give_up(struct value *v, const char *reason);
/* Frees, wiping. */
void value_free(struct value *v);
/* Reads an expression. False: it was given up. */
bool envpy_expression(struct eval *e, struct value *out);
/* One string, or several side by side. False: given up. */
bool envpy_strings(struct eval *e, struct value *out);

#endif
