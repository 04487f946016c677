-- Works on PostgreSQL 10 and later, without any privilege.

-- name: begin
-- With an isolation level: a standby rejects a default of serializable.
BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY, NOT DEFERRABLE

-- name: rollback
ROLLBACK

-- name: own_role
-- Settings of the role, or the last client of a pooler, may have changed the role of this session.
SET LOCAL SESSION AUTHORIZATION DEFAULT

-- name: no_role
SET LOCAL ROLE NONE

-- name: search_path
-- Before every statement that names a function, an operator or a type: from here on names mean
-- those of the server itself. pg_temp is named last; if it were not named, it would come first.
SET LOCAL search_path TO pg_catalog, pg_temp

-- name: only_its_own
-- Fails, and with it all statements of the message, if a role with CREATE on pg_catalog has added
-- operators or functions there. The operators used here match exactly: none can be preferred.
SELECT 1 / CASE WHEN EXISTS (
  SELECT FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_roles r ON r.oid = o.oprowner
   WHERE o.oid >= 16384::oid AND o.oprnamespace = 11::oid AND NOT r.rolsuper AND NOT EXISTS (
     SELECT FROM pg_catalog.pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e'::"char")
  UNION ALL
  SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
   WHERE p.oid >= 16384::oid AND p.pronamespace = 11::oid AND NOT r.rolsuper AND NOT EXISTS (
     SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e'::"char")
) THEN 0 ELSE 1 END

-- name: pins
-- Local to the transaction: a pooler must not pass them on to other clients. Settings that an
-- older release lacks are skipped; only superusers may set lc_messages.
SELECT set_config('statement_timeout', '{milliseconds}', true),
       set_config('lock_timeout', '{milliseconds}', true),
       set_config('idle_in_transaction_session_timeout', '60000', true),
       CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL
            THEN set_config('idle_session_timeout', '0', true) END,
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', '0', true) END,
       set_config('client_encoding', 'UTF8', true),
       set_config('client_min_messages', 'error', true),
       set_config('exit_on_error', 'off', true),
       set_config('row_security', 'off', true),
       set_config('standard_conforming_strings', 'on', true),
       set_config('backslash_quote', 'safe_encoding', true),
       set_config('escape_string_warning', 'off', true),
       set_config('array_nulls', 'on', true),
       set_config('transform_null_equals', 'off', true),
       set_config('quote_all_identifiers', 'off', true),
       set_config('bytea_output', 'hex', true),
       set_config('xmlbinary', 'base64', true),
       set_config('xmloption', 'content', true),
       set_config('extra_float_digits', '3', true),
       set_config('DateStyle', 'ISO, YMD', true),
       set_config('IntervalStyle', 'postgres', true),
       set_config('TimeZone', 'UTC', true),
       set_config('timezone_abbreviations', 'Default', true),
       set_config('lc_monetary', 'C', true),
       set_config('lc_numeric', 'C', true),
       set_config('lc_time', 'C', true),
       set_config('default_text_search_config', 'pg_catalog.simple', true),
       set_config('gin_fuzzy_search_limit', '0', true),
       CASE WHEN current_setting('jit', true) IS NOT NULL
            THEN set_config('jit', 'off', true) END,
       CASE WHEN current_setting('is_superuser') = 'on'
            THEN set_config('lc_messages', 'C', true) END

-- name: facts
SELECT version() AS version,
       current_setting('server_version_num') AS number,
       pg_is_in_recovery() AS standby,
       current_database() AS database,
       (SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10) AS bootstrap,
       (SELECT count(*) FROM pg_catalog.pg_proc WHERE proname = 'aurora_version') AS aurora,
       current_user = session_user
         AND current_setting('search_path')
             IN ('pg_catalog, pg_temp', '"pg_catalog", "pg_temp"')
         AND current_setting('transaction_read_only') = 'on' AS pinned,
       EXISTS (SELECT FROM pg_catalog.pg_event_trigger
                WHERE evtevent = 'login' AND evtenabled <> 'D') AS login_trigger

-- name: facts_others
-- For servers that cannot be pinned: the name is qualified, so search_path has no effect.
SELECT pg_catalog.version() AS version

-- name: settings
-- SHOW ALL with the source of each value. It runs in a session without pins: it uses no operator
-- and only qualified names, so search_path has no effect.
SELECT s.name AS name, pg_catalog.current_setting(s.name) AS setting, s.short_desc AS description,
       s.source AS source, s.boot_val AS boot
  FROM pg_catalog.pg_show_all_settings() AS s

-- name: databases
SELECT datname AS name,
       datallowconn AS open,
       datconnlimit AS places,
       has_database_privilege(oid, 'CONNECT') AS may_connect
  FROM pg_catalog.pg_database
 WHERE datname NOT IN ('template0', 'template1')
 ORDER BY datname
