-- name: lock
SELECT pg_advisory_xact_lock(%s, hashtext(%s));

-- name: act
SELECT pg_try_advisory_lock(%s, hashtext(%s));

-- name: columns
SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(%s) AND a.attnum > 0
    AND NOT a.attisdropped;

-- name: settings
SELECT name, setting FROM pg_settings WHERE name = ANY (%s);

-- name: identity
SELECT store FROM store_identity;

-- name: find_schema
SELECT to_regnamespace(%s);

-- name: find_table
SELECT to_regclass(%s);

-- name: make_number
CREATE TABLE schema_version (version INTEGER NOT NULL);

-- name: begin_number
INSERT INTO schema_version (version) VALUES (0);

-- name: number
SELECT version FROM schema_version;

-- name: number_and_mark
SELECT version, current_setting('stt.session', true) FROM schema_version;

-- name: put_number
UPDATE schema_version SET version = %s;

-- name: enter
SELECT pg_advisory_xact_lock_shared(%s, hashtext(%s));

-- name: short_wait
SELECT set_config('lock_timeout', %s, true);

-- name: end_stopped
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity JOIN (
    SELECT DISTINCT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objid::bigint = hashtext(%s)::bigint & 4294967295
        AND classid::bigint BETWEEN %s AND %s
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) holders USING (pid)
WHERE usename = current_user AND wait_event = 'ClientWrite'
    AND query_start < clock_timestamp() - %s * interval '1 millisecond';

-- name: no_timeout
SET LOCAL statement_timeout = 0;

-- name: depose
UPDATE write_epoch SET epoch = epoch + 1;
