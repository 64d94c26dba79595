/* sqlite_journal.c: reads a hot rollback journal as SQLite's recovery would (file format, section 3), and remembers which pages it puts back. */
#include "sqlite_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { HEADER_BYTES = 28, CHECKSUM_STEP = 200, NAME_MAX_BYTES = 4096 };

static const unsigned char magic[8] = { 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7 };

struct saved {
    uint32_t page;
    int64_t at; /* of its bytes in the journal */
};

struct sqlite_journal {
    int fd;
    int64_t journal_size;
    uint32_t page_size, sector_size, pages; /* pages: of the recovered file */
    struct saved *saved;                    /* sorted by page */
    size_t count, cap;
};

/* One segment's header. */
struct segment {
    uint32_t records, nonce, pages, sector_size, page_size;
};

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool read_at(int fd, void *to, size_t len, int64_t at)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, (char *)to + done, len - done, (off_t)(at + (int64_t)done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool power_of_two(uint32_t n, uint32_t least, uint32_t most)
{
    return n >= least && n <= most && (n & (n - 1)) == 0;
}

/* The header at `at`. False: there is none, the journal ends here. */
static bool segment_read(const struct sqlite_journal *j, int64_t at, struct segment *out)
{
    unsigned char bytes[HEADER_BYTES];
    if (at + HEADER_BYTES > j->journal_size || !read_at(j->fd, bytes, sizeof bytes, at) || memcmp(bytes, magic, sizeof magic) != 0)
        return false;
    *out = (struct segment){ .records = big_endian(bytes + 8), .nonce = big_endian(bytes + 12), .pages = big_endian(bytes + 16), .sector_size = big_endian(bytes + 20), .page_size = big_endian(bytes + 24) };
    return true;
}

static bool keep(struct sqlite_journal *j, uint32_t page, int64_t at)
{
    if (j->count == j->cap) {
        size_t cap = j->cap ? j->cap * 2 : 256;
        struct saved *saved = realloc(j->saved, cap * sizeof *saved);
        if (!saved)
            return false;
        j->saved = saved;
        j->cap = cap;
    }
    j->saved[j->count++] = (struct saved){ .page = page, .at = at };
    return true;
}

static uint32_t checksum(const unsigned char *page, uint32_t page_size, uint32_t nonce)
{
    uint32_t sum = nonce;
    for (int64_t i = (int64_t)page_size - CHECKSUM_STEP; i > 0; i -= CHECKSUM_STEP)
        sum += page[i];
    return sum;
}

enum record { RECORD_GOOD, RECORD_END, RECORD_NO_MEMORY };

/* One page record at `at`; `buffer` holds number, page and checksum. A record that is not whole ends the journal: it was never synced, so its page was never overwritten. */
static enum record record_read(struct sqlite_journal *j, int64_t at, uint32_t nonce, unsigned char *buffer)
{
    uint32_t page, lock_page = 0x40000000u / j->page_size + 1;
    if (!read_at(j->fd, buffer, (size_t)j->page_size + 8, at))
        return RECORD_END;
    page = big_endian(buffer);
    if (page == 0 || page == lock_page)
        return RECORD_END;
    if (page > j->pages)
        return RECORD_GOOD;
    if (checksum(buffer + 4, j->page_size, nonce) != big_endian(buffer + 4 + j->page_size))
        return RECORD_END;
    return keep(j, page, at + 4) ? RECORD_GOOD : RECORD_NO_MEMORY;
}

/* All segments, as recovery plays them back. */
static bool segments_read(struct sqlite_journal *j, struct segment segment, unsigned char *buffer)
{
    int64_t at = 0, record_size = (int64_t)j->page_size + 8;
    do {
        int64_t records = segment.records;
        at += j->sector_size;
        /* Written so where nothing is synced: as many as there are. */
        if (segment.records == 0xffffffffu)
            records = (j->journal_size - j->sector_size) / record_size;
        for (int64_t i = 0; i < records; i++, at += record_size) {
            enum record got = record_read(j, at, segment.nonce, buffer);
            if (got != RECORD_GOOD)
                return got == RECORD_END;
        }
        at = (at + j->sector_size - 1) / j->sector_size * j->sector_size;
    } while (segment_read(j, at, &segment));
    return true;
}

/* A journal that belongs to a transaction over several files is void once the super-journal named at its end is gone: that transaction was committed. */
static bool committed_elsewhere(const struct sqlite_journal *j)
{
    unsigned char end[16];
    char name[NAME_MAX_BYTES];
    uint32_t len;
    struct stat st;
    if (j->journal_size < 16 || !read_at(j->fd, end, sizeof end, j->journal_size - 16) || memcmp(end + 8, magic, sizeof magic) != 0)
        return false;
    len = big_endian(end);
    if (len == 0 || len >= sizeof name || (int64_t)len + 16 > j->journal_size || !read_at(j->fd, name, len, j->journal_size - 16 - len))
        return false;
    name[len] = '\0';
    return stat(name, &st) != 0 && errno == ENOENT;
}

static int by_page(const void *a, const void *b)
{
    const struct saved *x = a, *y = b;
    if (x->page != y->page)
        return x->page < y->page ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static bool not_understood(struct error *err)
{
    error_set(err, ERR_FAILED, "the database file needs recovery: its last writer died inside a transaction, and its journal can't be read from outside");
    return error_hint(err, "Nothing was changed. The next program that writes recovers it by itself: jetbase upgrade, jetbase unlock --if-dead, or the application.");
}

static bool journal_fill(struct sqlite_journal *j, struct error *err)
{
    struct segment first;
    struct stat st;
    unsigned char *buffer;
    bool ok;
    if (fstat(j->fd, &st) != 0)
        return not_understood(err);
    j->journal_size = st.st_size;
    if (!segment_read(j, 0, &first) || !power_of_two(first.page_size, 512, 65536) || !power_of_two(first.sector_size, 32, 65536) || committed_elsewhere(j))
        return not_understood(err);
    j->page_size = first.page_size;
    j->sector_size = first.sector_size;
    j->pages = first.pages;
    buffer = malloc((size_t)j->page_size + 8);
    ok = buffer && segments_read(j, first, buffer);
    free(buffer);
    if (!ok)
        return error_set(err, ERR_NO_MEMORY, "out of memory while reading the database's journal");
    if (j->count > 0)
        qsort(j->saved, j->count, sizeof *j->saved, by_page);
    return true;
}

bool sqlite_journal_read(const char *path, struct sqlite_journal **out, struct error *err)
{
    struct sqlite_journal *j = calloc(1, sizeof *j);
    *out = NULL;
    if (!j)
        return error_set(err, ERR_NO_MEMORY, "out of memory");
    j->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (j->fd < 0 || !journal_fill(j, err)) {
        if (j->fd < 0)
            not_understood(err);
        sqlite_journal_free(j);
        return false;
    }
    *out = j;
    return true;
}

void sqlite_journal_free(struct sqlite_journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->saved);
    free(journal);
}

enum journal_page sqlite_journal_page(const struct sqlite_journal *journal, int64_t offset, int64_t *from, int *len)
{
    int64_t within = offset % journal->page_size;
    struct saved key = { .page = (uint32_t)(offset / journal->page_size) + 1, .at = 0 };
    size_t low = 0, high = journal->count;
    if (offset >= sqlite_journal_size(journal))
        return JOURNAL_BEYOND;
    if (*len > journal->page_size - within)
        *len = (int)(journal->page_size - within);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_page(&journal->saved[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == journal->count || journal->saved[low].page != key.page)
        return JOURNAL_FILE;
    *from = journal->saved[low].at + within;
    return JOURNAL_PAGE;
}

int64_t sqlite_journal_size(const struct sqlite_journal *journal)
{
    return (int64_t)journal->pages * journal->page_size;
}

int sqlite_journal_fd(const struct sqlite_journal *journal)
{
    return journal->fd;
}
