/* rehearse.c: the words for what a rehearsal sees. */
#include "rehearse.h"

const char *db_lock_mode_name(enum db_lock_mode mode)
{
    static const char *const names[] = {
        [MODE_ACCESS_SHARE] = "ACCESS SHARE",
        [MODE_ROW_SHARE] = "ROW SHARE",
        [MODE_ROW_EXCLUSIVE] = "ROW EXCLUSIVE",
        [MODE_SHARE_UPDATE_EXCLUSIVE] = "SHARE UPDATE EXCLUSIVE",
        [MODE_SHARE] = "SHARE",
        [MODE_SHARE_ROW_EXCLUSIVE] = "SHARE ROW EXCLUSIVE",
        [MODE_EXCLUSIVE] = "EXCLUSIVE",
        [MODE_ACCESS_EXCLUSIVE] = "ACCESS EXCLUSIVE",
    };
    return mode < MODES ? names[mode] : "";
}

enum db_lock_mode db_lock_mode_strongest(unsigned modes)
{
    for (int mode = MODES - 1; mode >= 0; mode--)
        if (modes & (1u << mode))
            return (enum db_lock_mode)mode;
    return MODES;
}

const char *db_relation_kind_name(enum db_relation_kind kind)
{
    static const char *const names[] = { [RELATION_TABLE] = "table", [RELATION_INDEX] = "index", [RELATION_VIEW] = "view", [RELATION_SEQUENCE] = "sequence", [RELATION_OTHER] = "relation" };
    return kind <= RELATION_OTHER ? names[kind] : "relation";
}
