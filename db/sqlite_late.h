/* sqlite_late.h: SQLite, loaded by the first connection to one of its files: a run on PostgreSQL has no use for it. */
#ifndef JETBASE_DB_SQLITE_LATE_H
#define JETBASE_DB_SQLITE_LATE_H

#include <sqlite3.h>

#include "error.h"

/* Before any other call of SQLite. False with ERR_CONFIG: it can't be loaded; nothing was done. Any thread. */
bool sqlite_load(struct error *err);

#ifdef LATE_SQLITE

/* What is called of it: a call of another one does not link. */
#define SQLITE_LATE(X) \
    X(sqlite3_backup_finish) \
    X(sqlite3_backup_init) \
    X(sqlite3_backup_step) \
    X(sqlite3_bind_int) \
    X(sqlite3_bind_int64) \
    X(sqlite3_bind_null) \
    X(sqlite3_bind_text) \
    X(sqlite3_busy_handler) \
    X(sqlite3_changes64) \
    X(sqlite3_close_v2) \
    X(sqlite3_column_count) \
    X(sqlite3_column_double) \
    X(sqlite3_column_int) \
    X(sqlite3_column_int64) \
    X(sqlite3_column_text) \
    X(sqlite3_column_type) \
    X(sqlite3_config) \
    X(sqlite3_create_function_v2) \
    X(sqlite3_db_cacheflush) \
    X(sqlite3_db_config) \
    X(sqlite3_db_readonly) \
    X(sqlite3_db_status) \
    X(sqlite3_errcode) \
    X(sqlite3_errmsg) \
    X(sqlite3_error_offset) \
    X(sqlite3_errstr) \
    X(sqlite3_exec) \
    X(sqlite3_extended_errcode) \
    X(sqlite3_file_control) \
    X(sqlite3_finalize) \
    X(sqlite3_free) \
    X(sqlite3_get_autocommit) \
    X(sqlite3_libversion) \
    X(sqlite3_mprintf) \
    X(sqlite3_open_v2) \
    X(sqlite3_prepare_v3) \
    X(sqlite3_progress_handler) \
    X(sqlite3_reset) \
    X(sqlite3_result_int) \
    X(sqlite3_set_authorizer) \
    X(sqlite3_sql) \
    X(sqlite3_step) \
    X(sqlite3_stricmp) \
    X(sqlite3_strnicmp) \
    X(sqlite3_system_errno) \
    X(sqlite3_total_changes64) \
    X(sqlite3_user_data) \
    X(sqlite3_value_text) \
    X(sqlite3_vfs_find) \
    X(sqlite3_vfs_register) \
    X(sqlite3_vfs_unregister) \
    X(sqlite3_wal_autocheckpoint)

#define LATE_FIELD(name) __typeof__(&name) name;
extern struct sqlite_late {
    SQLITE_LATE(LATE_FIELD)
} sqlite_late;
#undef LATE_FIELD

#define sqlite3_backup_finish sqlite_late.sqlite3_backup_finish
#define sqlite3_backup_init sqlite_late.sqlite3_backup_init
#define sqlite3_backup_step sqlite_late.sqlite3_backup_step
#define sqlite3_bind_int sqlite_late.sqlite3_bind_int
#define sqlite3_bind_int64 sqlite_late.sqlite3_bind_int64
#define sqlite3_bind_null sqlite_late.sqlite3_bind_null
#define sqlite3_bind_text sqlite_late.sqlite3_bind_text
#define sqlite3_busy_handler sqlite_late.sqlite3_busy_handler
#define sqlite3_changes64 sqlite_late.sqlite3_changes64
#define sqlite3_close_v2 sqlite_late.sqlite3_close_v2
#define sqlite3_column_count sqlite_late.sqlite3_column_count
#define sqlite3_column_double sqlite_late.sqlite3_column_double
#define sqlite3_column_int sqlite_late.sqlite3_column_int
#define sqlite3_column_int64 sqlite_late.sqlite3_column_int64
#define sqlite3_column_text sqlite_late.sqlite3_column_text
#define sqlite3_column_type sqlite_late.sqlite3_column_type
#define sqlite3_config sqlite_late.sqlite3_config
#define sqlite3_create_function_v2 sqlite_late.sqlite3_create_function_v2
#define sqlite3_db_cacheflush sqlite_late.sqlite3_db_cacheflush
#define sqlite3_db_config sqlite_late.sqlite3_db_config
#define sqlite3_db_readonly sqlite_late.sqlite3_db_readonly
#define sqlite3_db_status sqlite_late.sqlite3_db_status
#define sqlite3_errcode sqlite_late.sqlite3_errcode
#define sqlite3_errmsg sqlite_late.sqlite3_errmsg
#define sqlite3_error_offset sqlite_late.sqlite3_error_offset
#define sqlite3_errstr sqlite_late.sqlite3_errstr
#define sqlite3_exec sqlite_late.sqlite3_exec
#define sqlite3_extended_errcode sqlite_late.sqlite3_extended_errcode
#define sqlite3_file_control sqlite_late.sqlite3_file_control
#define sqlite3_finalize sqlite_late.sqlite3_finalize
#define sqlite3_free sqlite_late.sqlite3_free
#define sqlite3_get_autocommit sqlite_late.sqlite3_get_autocommit
#define sqlite3_libversion sqlite_late.sqlite3_libversion
#define sqlite3_mprintf sqlite_late.sqlite3_mprintf
#define sqlite3_open_v2 sqlite_late.sqlite3_open_v2
#define sqlite3_prepare_v3 sqlite_late.sqlite3_prepare_v3
#define sqlite3_progress_handler sqlite_late.sqlite3_progress_handler
#define sqlite3_reset sqlite_late.sqlite3_reset
#define sqlite3_result_int sqlite_late.sqlite3_result_int
#define sqlite3_set_authorizer sqlite_late.sqlite3_set_authorizer
#define sqlite3_sql sqlite_late.sqlite3_sql
#define sqlite3_step sqlite_late.sqlite3_step
#define sqlite3_stricmp sqlite_late.sqlite3_stricmp
#define sqlite3_strnicmp sqlite_late.sqlite3_strnicmp
#define sqlite3_system_errno sqlite_late.sqlite3_system_errno
#define sqlite3_total_changes64 sqlite_late.sqlite3_total_changes64
#define sqlite3_user_data sqlite_late.sqlite3_user_data
#define sqlite3_value_text sqlite_late.sqlite3_value_text
#define sqlite3_vfs_find sqlite_late.sqlite3_vfs_find
#define sqlite3_vfs_register sqlite_late.sqlite3_vfs_register
#define sqlite3_vfs_unregister sqlite_late.sqlite3_vfs_unregister
#define sqlite3_wal_autocheckpoint sqlite_late.sqlite3_wal_autocheckpoint

#endif

#endif
