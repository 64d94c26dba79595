/* pg_late.h: libpq, loaded by the first connection to PostgreSQL. It brings two dozen libraries with it (TLS, Kerberos, LDAP): loading them takes longer than all else that a run on SQLite does that finds nothing to do. */
#ifndef JETBASE_DB_PG_LATE_H
#define JETBASE_DB_PG_LATE_H

#include <libpq-fe.h>

#include "error.h"

/* Before any other call of libpq. False with ERR_CONFIG: it can't be loaded; nothing was done. Any thread. */
bool pg_load(struct error *err);

#ifdef LATE_LIBPQ

/* What is called of it: a call of another one does not link. */
#define PG_LATE(X) \
    X(PQbackendPID) \
    X(PQcancel) \
    X(PQclear) \
    X(PQcmdStatus) \
    X(PQcmdTuples) \
    X(PQconnectPoll) \
    X(PQconnectStartParams) \
    X(PQconnectdbParams) \
    X(PQconnectionNeedsPassword) \
    X(PQconninfo) \
    X(PQconninfoFree) \
    X(PQconninfoParse) \
    X(PQconsumeInput) \
    X(PQenterPipelineMode) \
    X(PQerrorMessage) \
    X(PQescapeIdentifier) \
    X(PQexec) \
    X(PQexecParams) \
    X(PQfinish) \
    X(PQflush) \
    X(PQfreeCancel) \
    X(PQfreemem) \
    X(PQftable) \
    X(PQgetCancel) \
    X(PQgetCopyData) \
    X(PQgetResult) \
    X(PQgetisnull) \
    X(PQgetlength) \
    X(PQgetvalue) \
    X(PQhost) \
    X(PQhostaddr) \
    X(PQisBusy) \
    X(PQnfields) \
    X(PQnotifies) \
    X(PQntuples) \
    X(PQparameterStatus) \
    X(PQpipelineSync) \
    X(PQport) \
    X(PQresStatus) \
    X(PQresultErrorField) \
    X(PQresultErrorMessage) \
    X(PQresultStatus) \
    X(PQsendFlushRequest) \
    X(PQsendQueryParams) \
    X(PQserverVersion) \
    X(PQsetErrorVerbosity) \
    X(PQsetNoticeReceiver) \
    X(PQsetSingleRowMode) \
    X(PQsetnonblocking) \
    X(PQsocket) \
    X(PQstatus) \
    X(PQtransactionStatus)

#define LATE_FIELD(name) __typeof__(&name) name;
extern struct pg_late {
    PG_LATE(LATE_FIELD)
} pg_late;
#undef LATE_FIELD

#define PQbackendPID pg_late.PQbackendPID
#define PQcancel pg_late.PQcancel
#define PQclear pg_late.PQclear
#define PQcmdStatus pg_late.PQcmdStatus
#define PQcmdTuples pg_late.PQcmdTuples
#define PQconnectPoll pg_late.PQconnectPoll
#define PQconnectStartParams pg_late.PQconnectStartParams
#define PQconnectdbParams pg_late.PQconnectdbParams
#define PQconnectionNeedsPassword pg_late.PQconnectionNeedsPassword
#define PQconninfo pg_late.PQconninfo
#define PQconninfoFree pg_late.PQconninfoFree
#define PQconninfoParse pg_late.PQconninfoParse
#define PQconsumeInput pg_late.PQconsumeInput
#define PQenterPipelineMode pg_late.PQenterPipelineMode
#define PQerrorMessage pg_late.PQerrorMessage
#define PQescapeIdentifier pg_late.PQescapeIdentifier
#define PQexec pg_late.PQexec
#define PQexecParams pg_late.PQexecParams
#define PQfinish pg_late.PQfinish
#define PQflush pg_late.PQflush
#define PQfreeCancel pg_late.PQfreeCancel
#define PQfreemem pg_late.PQfreemem
#define PQftable pg_late.PQftable
#define PQgetCancel pg_late.PQgetCancel
#define PQgetCopyData pg_late.PQgetCopyData
#define PQgetResult pg_late.PQgetResult
#define PQgetisnull pg_late.PQgetisnull
#define PQgetlength pg_late.PQgetlength
#define PQgetvalue pg_late.PQgetvalue
#define PQhost pg_late.PQhost
#define PQhostaddr pg_late.PQhostaddr
#define PQisBusy pg_late.PQisBusy
#define PQnfields pg_late.PQnfields
#define PQnotifies pg_late.PQnotifies
#define PQntuples pg_late.PQntuples
#define PQparameterStatus pg_late.PQparameterStatus
#define PQpipelineSync pg_late.PQpipelineSync
#define PQport pg_late.PQport
#define PQresStatus pg_late.PQresStatus
#define PQresultErrorField pg_late.PQresultErrorField
#define PQresultErrorMessage pg_late.PQresultErrorMessage
#define PQresultStatus pg_late.PQresultStatus
#define PQsendFlushRequest pg_late.PQsendFlushRequest
#define PQsendQueryParams pg_late.PQsendQueryParams
#define PQserverVersion pg_late.PQserverVersion
#define PQsetErrorVerbosity pg_late.PQsetErrorVerbosity
#define PQsetNoticeReceiver pg_late.PQsetNoticeReceiver
#define PQsetSingleRowMode pg_late.PQsetSingleRowMode
#define PQsetnonblocking pg_late.PQsetnonblocking
#define PQsocket pg_late.PQsocket
#define PQstatus pg_late.PQstatus
#define PQtransactionStatus pg_late.PQtransactionStatus

#endif

#endif
