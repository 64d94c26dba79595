/* pg_schema.c: the schema of a database as a list of objects, each with its definition in the server's own words: all that pg_dump would show, and roles. */
#include <stdio.h>

#include "pg_rehearse.h"

/* search_path is pg_catalog while these run, so that the server writes every other name with its schema. */
#define OURS(namespace) namespace " NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND " namespace " !~ '^pg_(temp|toast_temp)_'"
/* What belongs to an extension comes and goes with it. */
#define NO_MEMBER(catalog, oid) "NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '" catalog "'::regclass AND x.objid = " oid " AND x.deptype = 'e')"
#define RELATION "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"
#define KIND "CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END"
#define FROM_RELATIONS(kinds) " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN (" kinds ") AND " OURS("n.nspname") " AND " NO_MEMBER("pg_class", "c.oid")
#define FROM_PARTS(join, kinds) " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace " join " WHERE c.relkind IN (" kinds ") AND " OURS("n.nspname") " AND " NO_MEMBER("pg_class", "c.oid")
#define ROUTINE "CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' ELSE 'function ' END || p.oid::regprocedure::text"
#define FROM_ROUTINES " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE " OURS("n.nspname") " AND " NO_MEMBER("pg_proc", "p.oid")
#define TYPE "CASE t.typtype WHEN 'd' THEN 'domain ' ELSE 'type ' END || quote_ident(n.nspname) || '.' || quote_ident(t.typname)"
#define FROM_TYPES                                                                                                                                                                    \
    " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class tc ON tc.oid = t.typrelid WHERE " OURS("n.nspname") " AND (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND tc.relkind = 'c')" \
    " OR (t.typtype = 'b' AND t.typelem = 0)) AND " NO_MEMBER("pg_type", "t.oid")
/* A row for each grant: a NULL acl is the default one of its kind. */
#define GRANTS(what, acl, kind, owner, rest)                                                                                                                                           \
    "SELECT 'grant', 'grant ' || g.privilege_type || ' on ' || g.what || ' to ' || CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, g.what,"     \
    " string_agg('by ' || pg_get_userbyid(g.grantor) || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END, ', ' ORDER BY 1)"                                               \
    " FROM (SELECT " what " AS what, (aclexplode(COALESCE(" acl ", acldefault(" kind ", " owner ")))).*" rest ") g GROUP BY g.what, g.privilege_type, g.grantee"
#define OPTIONS(column) "COALESCE((SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(" column ") o), '')"

/* Each gives kind, what, part of what, definition. */
static const char *const queries[] = {
    /* schemas, extensions */
    "SELECT 'schema', 'schema ' || quote_ident(nspname), '', '' FROM pg_namespace WHERE " OURS("nspname") " AND " NO_MEMBER("pg_namespace", "pg_namespace.oid"),
    "SELECT 'extension', 'extension ' || quote_ident(e.extname), '', e.extversion || ' in ' || n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
    /* tables, views, sequences */
    "SELECT " KIND ", " KIND " || ' ' || " RELATION ", '', concat_ws('; ', CASE c.relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END, " OPTIONS("c.reloptions")
    ", (SELECT 'tablespace ' || s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), (SELECT 'access method ' || a.amname FROM pg_am a WHERE a.oid = c.relam),"
    " (SELECT 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid), pg_get_expr(c.relpartbound, c.oid),"
    " CASE WHEN c.relkind = 'p' THEN 'partition by ' || pg_get_partkeydef(c.oid) END, CASE WHEN c.relrowsecurity THEN 'row level security' END, CASE WHEN c.relforcerowsecurity THEN 'forced' END,"
    " CASE WHEN c.reloftype <> 0 THEN 'of ' || format_type(c.reloftype, NULL) END, CASE WHEN c.relreplident <> 'd' AND c.relkind IN ('r', 'p', 'm') THEN 'replica identity ' || c.relreplident::text END,"
    " CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'with no data' END, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,"
    " (SELECT format('%s from %s by %s, %s to %s, cache %s%s', format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ', cycle' ELSE '' END) FROM pg_sequence q WHERE q.seqrelid = c.oid),"
    " (SELECT 'owned by ' || d.refobjid::regclass::text || '.' || quote_ident(o.attname) FROM pg_depend d JOIN pg_attribute o ON o.attrelid = d.refobjid AND o.attnum = d.refobjsubid WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))"
    FROM_RELATIONS("'r', 'p', 'v', 'm', 'S', 'f'"),
    /* columns, their order, their defaults */
    /* pg_attver, from 15.20 on, is the server's own mark of when a column was made or last changed: no part of the schema, and pg_dump leaves it out too. */
    "SELECT 'column', 'column ' || " RELATION " || '.' || quote_ident(a.attname), " KIND " || ' ' || " RELATION ", concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,"
    " CASE WHEN a.attcollation <> 0 THEN 'collate ' || a.attcollation::regcollation::text END, CASE a.attidentity WHEN 'a' THEN 'generated always as identity' WHEN 'd' THEN 'generated by default as identity' END,"
    " CASE WHEN to_jsonb(a)->>'attgenerated' <> '' THEN 'generated' END, 'storage ' || a.attstorage::text, NULLIF(to_jsonb(a)->>'attcompression', ''), NULLIF('statistics ' || COALESCE(to_jsonb(a)->>'attstattarget', '-1'), 'statistics -1'),"
    " NULLIF(" OPTIONS("ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE left(o, 10) <> 'pg_attver=')") ", ''), NULLIF(" OPTIONS("a.attfdwoptions") ", ''))"
    FROM_PARTS("JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped", "'r', 'p', 'f'"),
    "SELECT 'column order', 'order of the columns of ' || " RELATION ", " KIND " || ' ' || " RELATION ", (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"
    FROM_RELATIONS("'r', 'p', 'f'"),
    "SELECT 'default', 'default of ' || " RELATION " || '.' || quote_ident(a.attname), 'column ' || " RELATION " || '.' || quote_ident(a.attname), pg_get_expr(d.adbin, d.adrelid)"
    FROM_PARTS("JOIN pg_attrdef d ON d.adrelid = c.oid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum AND NOT a.attisdropped", "'r', 'p', 'f', 'v'"),
    /* indexes (those of constraints are told by these), constraints, triggers, rules, policies, statistics */
    "SELECT 'index', 'index ' || quote_ident(n.nspname) || '.' || quote_ident(x.relname), " KIND " || ' ' || " RELATION ", concat_ws('; ', pg_get_indexdef(x.oid), CASE WHEN NOT i.indisvalid THEN 'invalid' END, CASE WHEN i.indisclustered THEN 'clustered' END,"
    " CASE WHEN i.indisreplident THEN 'replica identity' END, (SELECT 'tablespace ' || s.spcname FROM pg_tablespace s WHERE s.oid = x.reltablespace))"
    FROM_PARTS("JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid", "'r', 'p', 'm'") " AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))",
    "SELECT 'constraint', 'constraint ' || quote_ident(k.conname) || ' on ' || COALESCE(" RELATION ", format_type(k.contypid, NULL)), COALESCE(" KIND " || ' ' || " RELATION ", 'domain ' || format_type(k.contypid, NULL)),"
    " concat_ws('; ', pg_get_constraintdef(k.oid), CASE WHEN NOT k.conislocal THEN 'inherited' END, CASE WHEN ci.indisclustered THEN 'clustered' END, CASE WHEN ci.indisreplident THEN 'replica identity' END)"
    " FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = k.connamespace LEFT JOIN pg_index ci ON ci.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')"
    " WHERE k.contype <> 't' AND " OURS("n.nspname") " AND (c.oid IS NULL OR " NO_MEMBER("pg_class", "c.oid") ")",
    "SELECT 'trigger', 'trigger ' || quote_ident(t.tgname) || ' on ' || " RELATION ", " KIND " || ' ' || " RELATION ", pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'D' THEN '; disabled' WHEN 'R' THEN '; replica' WHEN 'A' THEN '; always' ELSE '' END"
    FROM_PARTS("JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal", "'r', 'p', 'v', 'f'"),
    "SELECT 'rule', 'rule ' || quote_ident(r.rulename) || ' on ' || " RELATION ", " KIND " || ' ' || " RELATION ", pg_get_ruledef(r.oid) || CASE r.ev_enabled WHEN 'O' THEN '' ELSE '; ' || r.ev_enabled::text END"
    FROM_PARTS("JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'", "'r', 'p', 'v', 'm', 'f'"),
    "SELECT 'policy', 'policy ' || quote_ident(o.polname) || ' on ' || " RELATION ", " KIND " || ' ' || " RELATION ", concat_ws('; ', o.polcmd, CASE WHEN NOT o.polpermissive THEN 'restrictive' END,"
    " (SELECT string_agg(CASE WHEN y = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(y) END, ', ' ORDER BY 1) FROM unnest(o.polroles) y), 'using ' || pg_get_expr(o.polqual, o.polrelid), 'check ' || pg_get_expr(o.polwithcheck, o.polrelid))"
    FROM_PARTS("JOIN pg_policy o ON o.polrelid = c.oid", "'r', 'p'"),
    "SELECT 'statistics', 'statistics ' || quote_ident(n.nspname) || '.' || quote_ident(s.stxname), '', pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE " OURS("n.nspname"),
    /* functions, types, operators and the like */
    "SELECT 'function', " ROUTINE ", '', CASE WHEN p.prokind = 'a' THEN (SELECT row(g.aggtransfn, g.aggfinalfn, g.aggtranstype, g.agginitval, g.aggsortop, p.proparallel)::text FROM pg_aggregate g WHERE g.aggfnoid = p.oid) ELSE pg_get_functiondef(p.oid) END" FROM_ROUTINES,
    "SELECT 'type', " TYPE ", '', concat_ws('; ', (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),"
    " (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),"
    " CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END || COALESCE(' default ' || t.typdefault, '') END,"
    " (SELECT 'range of ' || format_type(g.rngsubtype, NULL) FROM pg_range g WHERE g.rngtypid = t.oid), CASE WHEN t.typtype = 'b' THEN t.typinput::text || ' ' || t.typoutput::text || ' ' || t.typlen END)" FROM_TYPES,
    "SELECT 'operator', 'operator ' || o.oid::regoperator::text, '', row(o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash)::text FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE " OURS("n.nspname") " AND " NO_MEMBER("pg_operator", "o.oid"),
    "SELECT 'cast', 'cast from ' || format_type(k.castsource, NULL) || ' to ' || format_type(k.casttarget, NULL), '', k.castfunc::regprocedure::text || ' ' || k.castcontext::text || k.castmethod::text FROM pg_cast k WHERE k.oid >= 16384 AND " NO_MEMBER("pg_cast", "k.oid"),
    "SELECT 'collation', 'collation ' || quote_ident(n.nspname) || '.' || quote_ident(k.collname), '', (to_jsonb(k) - 'oid' - 'collversion')::text FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace WHERE " OURS("n.nspname") " AND " NO_MEMBER("pg_collation", "k.oid"),
    "SELECT 'text search', 'text search configuration ' || quote_ident(n.nspname) || '.' || quote_ident(k.cfgname), '', (SELECT string_agg(m.maptokentype || ' ' || m.mapseqno || ' ' || m.mapdict::regdictionary::text, ', ' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = k.oid)"
    " FROM pg_ts_config k JOIN pg_namespace n ON n.oid = k.cfgnamespace WHERE " OURS("n.nspname") " AND " NO_MEMBER("pg_ts_config", "k.oid"),
    /* what stands beside the schemas */
    "SELECT 'event trigger', 'event trigger ' || quote_ident(evtname), '', concat_ws(' ', evtevent, evtenabled, evtfoid::regprocedure, array_to_string(evttags, ', ')) FROM pg_event_trigger",
    "SELECT 'publication', 'publication ' || quote_ident(p.pubname), '', (to_jsonb(p) - 'oid' - 'pubowner')::text || COALESCE((SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY 1) FROM pg_publication_rel r WHERE r.prpubid = p.oid), '') FROM pg_publication p",
    "SELECT 'server', 'server ' || quote_ident(s.srvname), '', concat_ws('; ', f.fdwname, s.srvtype, s.srvversion, " OPTIONS("s.srvoptions") ") FROM pg_foreign_server s JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw",
    "SELECT 'role', 'role ' || quote_ident(rolname), '', concat_ws(' ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolinherit THEN 'inherit' END, CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolcanlogin THEN 'login' END,"
    " CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END, rolconnlimit, rolvaliduntil) FROM pg_roles WHERE rolname !~ '^pg_'",
    "SELECT 'membership', 'membership of ' || quote_ident(pg_get_userbyid(m.member)) || ' in ' || quote_ident(pg_get_userbyid(m.roleid)), 'role ' || quote_ident(pg_get_userbyid(m.member)), string_agg(CASE WHEN m.admin_option THEN 'with admin option' ELSE '' END, ', ' ORDER BY 1) FROM pg_auth_members m GROUP BY m.member, m.roleid",
    "SELECT 'setting', 'setting of ' || COALESCE('role ' || quote_ident(r.rolname), 'all roles') || COALESCE(' in database ' || quote_ident(d.datname), ''), '', " OPTIONS("s.setconfig") " FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase",
    "SELECT 'default privileges', 'default privileges of ' || pg_get_userbyid(d.defaclrole) || COALESCE(' in ' || quote_ident(n.nspname), '') || ' on ' || d.defaclobjtype::text, '', (SELECT string_agg(a::text, ', ' ORDER BY a::text) FROM unnest(d.defaclacl) a) FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace",
    /* owners */
    "SELECT 'owner', 'owner of ' || " KIND " || ' ' || " RELATION ", " KIND " || ' ' || " RELATION ", pg_get_userbyid(c.relowner)" FROM_RELATIONS("'r', 'p', 'v', 'm', 'S', 'f'"),
    "SELECT 'owner', 'owner of ' || " ROUTINE ", " ROUTINE ", pg_get_userbyid(p.proowner)" FROM_ROUTINES,
    "SELECT 'owner', 'owner of ' || " TYPE ", " TYPE ", pg_get_userbyid(t.typowner)" FROM_TYPES,
    "SELECT 'owner', 'owner of schema ' || quote_ident(nspname), 'schema ' || quote_ident(nspname), pg_get_userbyid(nspowner) FROM pg_namespace WHERE " OURS("nspname"),
    /* grants */
    GRANTS(KIND " || ' ' || " RELATION, "c.relacl", "CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\"", "c.relowner", FROM_RELATIONS("'r', 'p', 'v', 'm', 'S', 'f'")),
    GRANTS("'column ' || " RELATION " || '.' || quote_ident(a.attname)", "a.attacl", "'c'", "c.relowner", FROM_PARTS("JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped AND a.attacl IS NOT NULL", "'r', 'p', 'v', 'm', 'f'")),
    GRANTS(ROUTINE, "p.proacl", "'f'", "p.proowner", FROM_ROUTINES),
    GRANTS(TYPE, "t.typacl", "'T'", "t.typowner", FROM_TYPES),
    GRANTS("'schema ' || quote_ident(n.nspname)", "n.nspacl", "'n'", "n.nspowner", " FROM pg_namespace n WHERE " OURS("n.nspname")),
    GRANTS("'database ' || quote_ident(d.datname)", "d.datacl", "'d'", "d.datdba", " FROM pg_database d WHERE d.datname = current_database()"),
    GRANTS("'language ' || quote_ident(l.lanname)", "l.lanacl", "'l'", "l.lanowner", " FROM pg_language l"),
    /* comments and security labels, of whatever it is */
    "SELECT 'comment', 'comment on ' || i.type || ' ' || i.identity, CASE i.type WHEN 'table column' THEN 'column ' || i.identity ELSE i.type || ' ' || i.identity END, d.description FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i WHERE d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass",
    "SELECT 'comment', 'comment on ' || i.type || ' ' || i.identity, '', d.description FROM pg_shdescription d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, 0) i",
    "SELECT 'label', 'security label (' || l.provider || ') on ' || i.type || ' ' || i.identity, '', l.label FROM pg_seclabel l CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) i",
};

static bool read_one(struct db *db, const char *sql, db_schema_fn fn, void *user, struct error *err)
{
    PGresult *res = pg_rehearse_ask(db, sql, 0, NULL, "the schema could not be read", err);
    bool ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++) {
        struct db_schema_object object = { .kind = PQgetvalue(res, i, 0), .what = PQgetvalue(res, i, 1), .part_of = PQgetvalue(res, i, 2), .definition = PQgetvalue(res, i, 3) };
        ok = fn(user, &object) || error_set(err, ERR_NO_MEMORY, "out of memory for the schema");
    }
    PQclear(res);
    return ok;
}

bool pg_schema_read(struct db *db, db_schema_fn fn, void *user, struct error *err)
{
    static const char doing[] = "the schema could not be read";
    bool ok = pg_rehearse_do(db, "SAVEPOINT \"jetbase reads the schema\"", doing, err) && pg_rehearse_do(db, "SET LOCAL search_path = pg_catalog, pg_temp", doing, err) &&
              pg_rehearse_do(db, "SET LOCAL statement_timeout = 0", doing, err);
    for (size_t i = 0; ok && i < sizeof queries / sizeof *queries; i++)
        ok = read_one(db, queries[i], fn, user, err);
    /* Its own setting of search_path goes, and so do the locks that the definitions of views took. */
    return ok && pg_rehearse_do(db, "ROLLBACK TO SAVEPOINT \"jetbase reads the schema\"", doing, err) && pg_rehearse_do(db, "RELEASE SAVEPOINT \"jetbase reads the schema\"", doing, err);
}
