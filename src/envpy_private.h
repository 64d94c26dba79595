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
