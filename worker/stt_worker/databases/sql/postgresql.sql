-- Works on PostgreSQL 12 and later, without any privilege.

-- name: begin
BEGIN TRANSACTION READ ONLY

-- name: rollback
ROLLBACK

-- name: limits
-- Local to the transaction: a pooler between us and the server must not hand them to others.
SELECT set_config('statement_timeout', '{milliseconds}', true),
       set_config('lock_timeout', '{milliseconds}', true)

-- name: iso_dates
SELECT set_config('DateStyle', 'ISO, YMD', true)

-- name: english
SELECT set_config('lc_messages', 'C', true)

-- name: facts
SELECT version() AS version,
       current_setting('server_version_num') AS number,
       pg_is_in_recovery() AS standby,
       current_database() AS database,
       current_setting('DateStyle') AS date_style,
       current_setting('lc_messages') AS language,
       (SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10) AS bootstrap,
       (SELECT count(*) FROM pg_catalog.pg_proc WHERE proname = 'aurora_version') AS aurora

-- name: facts_others
SELECT version() AS version

-- name: databases
-- The databases that providers keep for themselves let no customer in.
SELECT datname AS name,
       has_database_privilege(oid, 'CONNECT') AS may_connect
  FROM pg_catalog.pg_database
 WHERE datallowconn AND NOT datistemplate
   AND (has_database_privilege(oid, 'CONNECT')
        OR datname NOT IN ('rdsadmin', 'cloudsqladmin', 'azure_maintenance', 'azure_sys', 'alloydbadmin'))
 ORDER BY datname
