/* scanner.h: finds SQL statements exactly as the servers read them, pulling from a window; never the whole file in memory. */
#ifndef JETBASE_SCANNER_H
#define JETBASE_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"

enum scan_dialect { SCAN_POSTGRES, SCAN_SQLITE };

/* What a statement is to a migration (RUNNING: Refused before anything is sent; Outside a transaction). */
enum scan_class {
    SCAN_PLAIN,
    SCAN_TX_BEGIN,      /* BEGIN, START TRANSACTION, with its modes */
    SCAN_TX_COMMIT,     /* COMMIT, END (plain: no AND CHAIN, no PREPARED) */
    SCAN_TX_SET,        /* SET TRANSACTION … (modes filled); SESSION CHARACTERISTICS is SCAN_PLAIN */
    SCAN_TX_OTHER,      /* ROLLBACK, ABORT, PREPARE TRANSACTION, COMMIT AND CHAIN, COMMIT PREPARED … */
    SCAN_SAVEPOINT,     /* SAVEPOINT, RELEASE, ROLLBACK TO */
    SCAN_NEVER_IN_TX,   /* CONCURRENTLY, VACUUM, ALTER SYSTEM, CREATE DATABASE … */
    SCAN_COPY_STDIO,    /* COPY … FROM STDIN / TO STDOUT */
    SCAN_CLIENT_COMMAND,/* psql's \ commands, sqlite3's dot commands */
    SCAN_OWN_TABLE,     /* names jetbase_lock or jetbase_runs outside strings and comments */
    SCAN_SQLITE_REFUSED /* SQLite: ATTACH, DETACH, PRAGMA journal_mode/locking_mode/… with a value */
};

/* Pragmas of SQLite with a value that a migration has to know of. */
enum scan_pragma {
    PRAGMA_OTHER,       /* another one, or no pragma */
    PRAGMA_KEYS_OFF,    /* foreign_keys = off: inside a transaction it does nothing */
    PRAGMA_KEYS_ON,
    PRAGMA_SCHEMA_ON    /* writable_schema = on: statements may write sqlite_master */
};

struct scan_statement {
    const char *text;      /* from first token to last, without `;`, NUL-terminated; valid until the next call. `\:word` has become `:word` */
    size_t len;
    uint64_t offset;       /* of its first byte in the input */
    struct place at;       /* of its first character */
    enum scan_class class;
    enum db_isolation isolation;   /* TX_BEGIN, TX_SET */
    bool deferrable, read_only;    /* TX_BEGIN, TX_SET */
    enum scan_pragma pragma;
    bool unescaped_colon;  /* a `\:` was rewritten */
};

enum scan_answer { SCAN_STATEMENT, SCAN_END, SCAN_ERROR };

/* Reads up to `size` bytes to `to`; 0 at the end, (size_t)-1 on a read error with *err filled. */
typedef size_t (*scan_read_fn)(void *user, char *to, size_t size, struct error *err);

struct scanner;

/* Starts a scan. delimiter: Jetbase's `-- jetbase: delimiter=X`, or NULL for `;`. standard_strings: PostgreSQL's standard_conforming_strings of the session; the file's own SET of it is followed. start: file name and place of the first byte. NULL where memory ran out. */
struct scanner *scanner_open(enum scan_dialect dialect, bool standard_strings, const char *delimiter, scan_read_fn read, void *user, const struct place *start);

/* The next statement. SCAN_ERROR (ERR_REFUSED, with place and source line): unterminated string, comment (SQLite: only one that holds the end of a statement) or dollar quote, NUL byte, invalid UTF-8, SQL behind a lone CR in a SQLite comment; or a read error. Empty statements are passed over. */
enum scan_answer scanner_next(struct scanner *scanner, struct scan_statement *out, struct error *err);

/* The text of the last statement isn't needed any more: gives its memory back, where it is much. Nothing else changes: the next statement is the one behind it. */
void scanner_drop_text(struct scanner *scanner);

/* Frees it. NULL is allowed. */
void scanner_close(struct scanner *scanner);

#endif
