/* files.c: tells when the migration files have changed, and reads them then. */
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "facts.h"
#include "files.h"
#include "folder_watch.h"
#include "text.h"

/* Where the kernel tells of changes, a walk is for what it can't tell of, and may take this share of the time: 1/1000. */
enum { WALK_MS = 1000, WALK_SHARE = 1000, SETTLED_S = 2 };

struct files {
    const struct project *project;
    const struct sys *sys;
    int fd;                    /* of folder_watch */
    bool whole;                /* the kernel tells of all that is watched */
    struct walk {
        uint64_t signature;    /* another number: a file has come, gone or been written */
        bool unsettled;        /* some file changed so shortly ago that it may change once more at the same size and time */
        bool links;            /* there are links, behind which the kernel does not look */
    } seen, read;              /* at the last walk; and at the one that the folder was read after */
    bool walked;
    int64_t due_ms;            /* monotonic: the next walk without word of a change */
    struct folder *folder;     /* the last one that could be read: what is known of its files is carried on */
    bool folder_good;          /* and it is the last one that was tried */
    struct error fault;
};

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ULL;
    return hash;
}

static void add_entry(struct walk *seen, const FTSENT *entry, int64_t now_s)
{
    uint64_t one = mix(0xcbf29ce484222325ULL, entry->fts_path, entry->fts_pathlen);
    const struct stat *st = entry->fts_statp;
    struct stat behind;
    if (entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE) {
        seen->links = true;
        if (stat(entry->fts_accpath, &behind) == 0)
            st = &behind;
    }
    if (entry->fts_info != FTS_NS && entry->fts_info != FTS_NSOK) {
        one = mix(one, &st->st_size, sizeof st->st_size);
        one = mix(one, &st->st_mtim, sizeof st->st_mtim);
        one = mix(one, &st->st_ctim, sizeof st->st_ctim);
        one = mix(one, &st->st_ino, sizeof st->st_ino);
        seen->unsettled = seen->unsettled || st->st_ctim.tv_sec + SETTLED_S >= now_s;
    }
    /* Added up, so that the order in which a folder is read makes no difference. */
    seen->signature += one;
}

/* Opens no file. */
static void walk(struct files *f)
{
    struct text path = { 0 };
    char *roots[2] = { NULL, NULL };
    int64_t now_s = f->sys->wall_us() / 1000000;
    FTS *tree;
    FTSENT *entry;
    f->seen = (struct walk){ .signature = 0xcbf29ce484222325ULL };
    text_printf(&path, "%s/migrations", f->project->dir);
    roots[0] = path.at;
    tree = path.failed ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    while (tree && (entry = fts_read(tree)) != NULL)
        if (entry->fts_info != FTS_DP)
            add_entry(&f->seen, entry, now_s);
    if (tree)
        fts_close(tree);
    text_free(&path);
}

struct files *files_open(const struct project *project, const struct sys *sys)
{
    struct files *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->project = project;
    f->sys = sys;
    f->fd = folder_watch_open(project->dir, &f->whole);
    return f;
}

void files_close(struct files *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    folder_free(f->folder);
    free(f);
}

int files_fd(const struct files *f)
{
    return f->fd;
}

int files_wait_ms(const struct files *f, int64_t left)
{
    if ((f->fd < 0 || !f->whole || f->seen.links || f->seen.unsettled) && left > WALK_MS)
        left = WALK_MS;
    return left > 0 ? (int)left : 0;
}

bool files_changed(struct files *f)
{
    bool told = folder_watch_take(f->fd, f->project->dir, &f->whole);
    int64_t from = f->sys->mono_ms(), pause;
    if (f->walked && !told && from < f->due_ms)
        return f->seen.signature != f->read.signature;
    walk(f);
    f->walked = true;
    pause = (f->sys->mono_ms() - from) * WALK_SHARE;
    if (pause < WALK_MS || f->fd < 0 || !f->whole || f->seen.links || f->seen.unsettled)
        pause = WALK_MS;
    /* A little less than a look's pause, so that each look finds it due. */
    f->due_ms = from + pause - pause / 10;
    return f->seen.signature != f->read.signature || f->read.unsettled || !f->folder_good;
}

struct folder *files_read(struct files *f, struct error *fault)
{
    struct folder *now = NULL;
    f->read = f->seen;
    error_clear(&f->fault);
    f->folder_good = folder_read(f->project->dir, &now, &f->fault);
    if (f->folder_good) {
        facts_carry(now, f->folder);
        folder_free(f->folder);
        f->folder = now;
    }
    return files_folder(f, fault);
}

struct folder *files_folder(const struct files *f, struct error *fault)
{
    if (f->folder_good)
        return f->folder;
    *fault = f->fault;
    return NULL;
}
