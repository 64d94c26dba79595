/* test_url.c: every form of database URL, and that no password is ever shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db.h"
#include "url.h"

/* A good PostgreSQL URL and what it becomes. */
static void postgres(const char *text, const char *conninfo, const char *shown)
{
    struct url url;
    struct error err = {0};
    if (!url_parse(text, &url, &err))
        fail_msg("%s: %s", text, err.message);
    assert_int_equal(url.kind, URL_POSTGRES);
    assert_string_equal(url.conninfo, conninfo);
    assert_string_equal(url.shown, shown);
    assert_null(url.path);
    assert_null(url.query);
    url_free(&url);
    assert_null(url.conninfo);
    assert_null(url.shown);
}

static void sqlite(const char *text, const char *path, const char *query)
{
    struct url url;
    struct error err = {0};
    if (!url_parse(text, &url, &err))
        fail_msg("%s: %s", text, err.message);
    assert_int_equal(url.kind, URL_SQLITE);
    assert_string_equal(url.path, path);
    if (query)
        assert_string_equal(url.query, query);
    else
        assert_null(url.query);
    assert_string_equal(url.shown, text);
    assert_null(url.conninfo);
    url_free(&url);
}

static void refused(const char *text, const char *message)
{
    struct url url;
    struct error err = {0};
    if (url_parse(text, &url, &err))
        fail_msg("%s was taken", text);
    assert_int_equal(err.code, ERR_CONFIG);
    assert_string_equal(err.message, message);
    assert_null(url.shown);
    assert_null(url.conninfo);
    url_free(&url);
}

static void postgres_pieces(void **state)
{
    (void)state;
    postgres("postgresql://u:p@h:5433/d", "user='u' password='p' host='h' port='5433' dbname='d'", "postgresql://u:***@h:5433/d");
    postgres("postgres://u@h/d", "user='u' host='h' dbname='d'", "postgres://u@h/d");
    postgres("postgresql://h", "host='h'", "postgresql://h");
    postgres("postgresql://h:1", "host='h' port='1'", "postgresql://h:1");
    postgres("postgresql://h:/d", "host='h' dbname='d'", "postgresql://h:/d");
    postgres("postgresql://", "", "postgresql://");
    postgres("postgresql:///d", "dbname='d'", "postgresql:///d");
    postgres("postgresql://u:@h/d", "user='u' host='h' dbname='d'", "postgresql://u:***@h/d");
    postgres("postgresql://:p@h/d", "password='p' host='h' dbname='d'", "postgresql://:***@h/d");
    postgres("postgresql://@/d", "dbname='d'", "postgresql://@/d");
}

static void drivers_are_passed_over(void **state)
{
    static const char *const drivers[] = {"psycopg2", "psycopg", "asyncpg", "pg8000", "psycopg2cffi", "psycopg_async"};
    (void)state;
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        char text[80], shown[80];
        snprintf(text, sizeof text, "postgresql+%s://u:p@h/d", drivers[i]);
        snprintf(shown, sizeof shown, "postgresql+%s://u:***@h/d", drivers[i]);
        postgres(text, "user='u' password='p' host='h' dbname='d'", shown);
    }
    sqlite("sqlite+pysqlite:///z.db", "z.db", NULL);
    sqlite("sqlite+aiosqlite:////tmp/z.db", "/tmp/z.db", NULL);
}

static void escapes_are_read_as_sqlalchemy_does(void **state)
{
    (void)state;
    postgres("postgresql://a%40b:p%2Fw%3a%40@h/d", "user='a@b' password='p/w:@' host='h' dbname='d'", "postgresql://a%40b:***@h/d");
    postgres("postgresql://u:50%off+1%@h/d", "user='u' password='50%off+1%' host='h' dbname='d'", "postgresql://u:***@h/d");
    postgres("postgresql://u:p/w?x@h/d", "user='u' password='p/w?x' host='h' dbname='d'", "postgresql://u:***@h/d");
    postgres("postgresql://u:o'r\\k@h/d", "user='u' password='o\\'r\\\\k' host='h' dbname='d'", "postgresql://u:***@h/d");
    postgres("postgresql://h/a%20b", "host='h' dbname='a%20b'", "postgresql://h/a%20b");
    postgres("postgresql://h/?dbname=a+b%2Bc", "host='h' dbname='a b+c'", "postgresql://h/?dbname=a+b%2Bc");
    postgres("postgresql://%2Fvar%2Frun/d", "host='/var/run' dbname='d'", "postgresql://%2Fvar%2Frun/d");
}

static void libpq_parameters_follow_the_question_mark(void **state)
{
    (void)state;
    postgres("postgresql:///d?host=/tmp", "dbname='d' host='/tmp'", "postgresql:///d?host=/tmp");
    postgres("postgresql:///d?host=/tmp&port=5433&user=me", "dbname='d' host='/tmp' port='5433' user='me'",
             "postgresql:///d?host=/tmp&port=5433&user=me");
    postgres("postgresql://?service=shop", "service='shop'", "postgresql://?service=shop");
    postgres("postgresql://h/d?sslmode=require&connect_timeout=3", "host='h' dbname='d' sslmode='require' connect_timeout='3'",
             "postgresql://h/d?sslmode=require&connect_timeout=3");
    postgres("postgresql://h/d?options=-c%20search_path%3Dapp", "host='h' dbname='d' options='-c search_path=app'",
             "postgresql://h/d?options=-c%20search_path%3Dapp");
    postgres("postgresql://h/d?sslmode=&&x", "host='h' dbname='d'", "postgresql://h/d?sslmode=&x");
    postgres("postgresql://h/d?sslmode=allow&sslmode=require", "host='h' dbname='d' sslmode='require'",
             "postgresql://h/d?sslmode=allow&sslmode=require");
    postgres("postgresql://u:p@h/d?host=other&password=new", "user='u' password='new' host='other' dbname='d'",
             "postgresql://u:***@h/d?host=other&password=***");
}

static void addresses_of_ipv6_stand_in_brackets(void **state)
{
    (void)state;
    postgres("postgresql://u@[::1]:5433/d", "user='u' host='::1' port='5433' dbname='d'", "postgresql://u@[::1]:5433/d");
    postgres("postgresql://[fe80::1%eth0]/d", "host='fe80::1%eth0' dbname='d'", "postgresql://[fe80::1%eth0]/d");
    refused("postgresql://[::1]x/d", "Could not parse SQLAlchemy URL from string 'postgresql://[:***/d'");
}

static void many_hosts(void **state)
{
    (void)state;
    postgres("postgresql:///d?host=a&host=b", "dbname='d' host='a,b'", "postgresql:///d?host=a&host=b");
    postgres("postgresql://u:p@a:1,b:2/d", "user='u' password='p' host='a,b' port='1,2' dbname='d'", "postgresql://u:***@a:1,b:2/d");
    postgres("postgresql://a,b/d", "host='a,b' dbname='d'", "postgresql://a,b/d");
    postgres("postgresql://a,b:2/d?target_session_attrs=read-write", "host='a,b' port=',2' dbname='d' target_session_attrs='read-write'", "postgresql://a,b:2/d?target_session_attrs=read-write");
    postgres("postgresql://[::1]:1,b:2/d", "host='::1,b' port='1,2' dbname='d'", "postgresql://[::1]:1,b:2/d");
    refused("postgresql://a:1,b:x/d", "The port in the database URL is not a number");
    postgres("postgresql:///d?host=a:1&host=b:2", "dbname='d' host='a,b' port='1,2'", "postgresql:///d?host=a:1&host=b:2");
    postgres("postgresql:///d?host=a:1&host=b", "dbname='d' host='a,b' port='1,'", "postgresql:///d?host=a:1&host=b");
    postgres("postgresql:///d?host=a&host=b:2", "dbname='d' host='a,b' port=',2'", "postgresql:///d?host=a&host=b:2");
    postgres("postgresql:///d?host=a:1", "dbname='d' host='a' port='1'", "postgresql:///d?host=a:1");
    postgres("postgresql:///d?host=a,b&port=1,2", "dbname='d' host='a,b' port='1,2'", "postgresql:///d?host=a,b&port=1,2");
    postgres("postgresql:///d?host=a&host=b&port=1&port=2", "dbname='d' host='a,b' port='1,2'",
             "postgresql:///d?host=a&host=b&port=1&port=2");
    postgres("postgresql:///d?host=::1", "dbname='d' host='::1'", "postgresql:///d?host=::1");
    postgres("postgresql:///d?host=/tmp/a:1", "dbname='d' host='/tmp/a:1'", "postgresql:///d?host=/tmp/a:1");
    refused("postgresql:///d?host=a:1&host=b:2&port=3",
            "Can't mix 'multihost' formats together; use \"host=h1,h2&port=p1,p2\" or \"host=h1:p1&host=h2:p2\" separately");
}

static void names_for_messages(void **state)
{
    struct url url;
    struct error err = {0};
    (void)state;
    assert_true(url_parse("postgresql://me%40x:pw@h:1/d?port=2", &url, &err));
    assert_string_equal(url.host, "h");
    assert_string_equal(url.port, "2");
    assert_string_equal(url.database, "d");
    assert_string_equal(url.user, "me@x");
    url_free(&url);
    assert_true(url_parse("postgresql://", &url, &err));
    assert_null(url.host);
    assert_null(url.port);
    assert_null(url.database);
    assert_null(url.user);
    url_free(&url);
}

static void sqlite_files(void **state)
{
    (void)state;
    sqlite("sqlite:///shop.db", "shop.db", NULL);
    sqlite("sqlite:///data/shop.db", "data/shop.db", NULL);
    sqlite("sqlite:////var/lib/shop.db", "/var/lib/shop.db", NULL);
    sqlite("sqlite:///../a b@c:d.db", "../a b@c:d.db", NULL);
    sqlite("sqlite:///a%20b.db", "a%20b.db", NULL);
    sqlite("sqlite://", ":memory:", NULL);
    sqlite("sqlite:///", ":memory:", NULL);
    sqlite("sqlite:///:memory:", ":memory:", NULL);
    sqlite("sqlite:///shop.db?mode=ro&nolock=1", "shop.db", "mode=ro&nolock=1");
    sqlite("sqlite:///shop.db?", "shop.db", NULL);
}

static void sqlite_uris(void **state)
{
    (void)state;
    sqlite("sqlite:///file:a%20b.db?mode=ro&uri=true", "a b.db", "mode=ro&uri=true");
    sqlite("sqlite:///file:/var/x.db?uri=1", "/var/x.db", "uri=1");
    sqlite("sqlite:///file:///var/x.db?uri=True", "/var/x.db", "uri=True");
    sqlite("sqlite:///file://localhost/var/x.db?uri=true", "/var/x.db", "uri=true");
    sqlite("sqlite:///file:x?mode=memory&cache=shared&uri=true", ":memory:", "mode=memory&cache=shared&uri=true");
    sqlite("sqlite:///file:x.db", "./file:x.db", NULL);
    sqlite("sqlite:///file:x.db?uri=false", "./file:x.db", "uri=false");
    refused("sqlite:///file://other/x.db?uri=true", "Invalid SQLite URL: a file: URI may name no host but localhost");
    sqlite("sqlite:///file:x.db#part?uri=true", "x.db", NULL);
    sqlite("sqlite:///file:x.db#part?mode=memory&uri=true", "x.db", NULL);
    sqlite("sqlite:///file:x.db?mode=rwc&cache=private&uri=true", "x.db", "mode=rwc&cache=private&uri=true");
    refused("sqlite:///file:x.db?mode=readonly&uri=true", "Invalid SQLite URL: a file: URI has a mode that SQLite does not know");
    refused("sqlite:///file:x.db?cache=none&uri=true", "Invalid SQLite URL: a file: URI has a cache that SQLite does not know");
}

static void what_is_no_url(void **state)
{
    (void)state;
    refused("", "Could not parse SQLAlchemy URL from string ''");
    refused("nonsense", "Could not parse SQLAlchemy URL from string 'nonsense'");
    refused("://x", "Could not parse SQLAlchemy URL from string '://x'");
    refused(" sqlite:///x", "Could not parse SQLAlchemy URL from string ' sqlite:///x'");
    refused("postgresql:/x", "Could not parse SQLAlchemy URL from string 'postgresql:/x'");
    refused("post-gres://x", "Could not parse SQLAlchemy URL from string 'post-gres://x'");
    refused("evil\x1b[2J", "Could not parse SQLAlchemy URL from string 'evil^[[2J'");
    refused("oracle://u:p@h/d", "Unsupported database: oracle. Supported databases are: postgresql, sqlite");
    refused("mysql+pymysql://u:p@h/d", "Unsupported database: mysql. Supported databases are: postgresql, sqlite");
    refused("SQLITE:///x.db", "Unsupported database: SQLITE. Supported databases are: postgresql, sqlite");
    refused("sqlite://host/x.db", "Invalid SQLite URL: sqlite://host/x.db");
    refused("sqlite://u:secret@/x.db", "Invalid SQLite URL: sqlite://u:***@/x.db");
    refused("postgresql://h/d?a%20b=c",
            "The database URL has a parameter whose name is none (only letters, digits and _ are allowed)");
    refused("sqlite:///file:?uri=true", "Invalid SQLite URL: its file: URI names no file");
    refused("sqlite:///file://?uri=true", "Invalid SQLite URL: its file: URI names no file");
    refused("sqlite:///file://localhost?uri=true&mode=rwc", "Invalid SQLite URL: its file: URI names no file");
    refused("sqlite:///file:#x.db?uri=true", "Invalid SQLite URL: its file: URI names no file");
    refused("sqlite:///file:%00x.db?uri=true", "The database URL holds %00, which no file name may hold"); /* an empty name is a database that is gone at the end */
    refused("postgresql://u:%00@h/d", "The database URL holds %00, which no name or password may hold");
}

static void no_password_is_ever_shown(void **state)
{
    static const char *const texts[] = {
        "postgresql://u:geheim@h/d",
        "postgresql://u:geheim@h:geheim/d",
        "postgresql://u:geheim",
        "postgresql://u:p@geheim@h/d",
        "postgresql://u/x:geheim@h/d",
        "postgresql://u:geh/geheim@h@h/d",
        "postgresql:/u:geheim@h/d",
        "postgresql//u:geheim@h/d",
        "u:geheim@h",
        "geheim@h",
        "post gres://u:geheim@h/d",
        "postgresql://h/d?password=geheim",
        "postgresql://h/d?x=1&sslpassword=geheim&y=2",
        "postgresql://h/d?p%61ssword=geheim",
        "postgresql://h/d?PASSWORD=geheim",
        "postgresql://h/d?oauth_client_secret=geheim",
        "postgresql://[::1/d?password=geheim",
        "postgresql://h,/d@x:y/z?p%61ssword=geheim",
        "postgresql:/?u@h/d&p%61ssword=geheim",
        "sqlite:///x.db?a%00password=geheim",
        "host=h password=geheim",
        "host=h password = 'geheim geheim'",
        "oracle://u:geheim@h/d",
        "sqlite://u:geheim@h/d",
        "sqlite+pysqlcipher://:geheim@/x.db",
        "postgresql://u:geheim@h/d?host=a:1&port=2",
        "postgresql://u:geheim%00@h/d",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct url url;
        struct error err = {0};
        if (url_parse(texts[i], &url, &err)) {
            if (strstr(url.shown, "geheim"))
                fail_msg("shown: %s", url.shown);
        }
        if (strstr(err.message, "geheim") || strstr(err.hint, "geheim") || strstr(err.detail, "geheim"))
            fail_msg("%s: %s / %s / %s", texts[i], err.message, err.detail, err.hint);
        url_free(&url);
    }
}

static void too_many_parameters(void **state)
{
    char text[2000] = "postgresql://h/d?";
    struct url url;
    struct error err = {0};
    (void)state;
    for (int i = 0; i < 70; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "p%d=x&", i);
    assert_false(url_parse(text, &url, &err));
    assert_int_equal(err.code, ERR_CONFIG);
}

static void each_kind_has_its_driver(void **state)
{
    struct url postgres_url = {.kind = URL_POSTGRES, .shown = (char[]){"postgresql://h"}};
    struct url sqlite_url = {.kind = URL_SQLITE, .shown = (char[]){"sqlite://"}};
    struct error err = {0};
    const struct db_driver *driver = db_driver_for(&postgres_url, &err);
    (void)state;
#ifdef JETBASE_POSTGRES
    assert_string_equal(driver->name, "postgresql");
    assert_int_equal(driver->version, DB_DRIVER_VERSION);
#else
    assert_null(driver);
    assert_int_equal(err.code, ERR_CONFIG);
#endif
    driver = db_driver_for(&sqlite_url, &err);
#ifdef JETBASE_SQLITE
    assert_string_equal(driver->name, "sqlite");
    assert_int_equal(driver->version, DB_DRIVER_VERSION);
#else
    assert_null(driver);
    assert_int_equal(err.code, ERR_CONFIG);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgres_pieces),
        cmocka_unit_test(drivers_are_passed_over),
        cmocka_unit_test(escapes_are_read_as_sqlalchemy_does),
        cmocka_unit_test(libpq_parameters_follow_the_question_mark),
        cmocka_unit_test(addresses_of_ipv6_stand_in_brackets),
        cmocka_unit_test(many_hosts),
        cmocka_unit_test(names_for_messages),
        cmocka_unit_test(sqlite_files),
        cmocka_unit_test(sqlite_uris),
        cmocka_unit_test(what_is_no_url),
        cmocka_unit_test(no_password_is_ever_shown),
        cmocka_unit_test(too_many_parameters),
        cmocka_unit_test(each_kind_has_its_driver),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
