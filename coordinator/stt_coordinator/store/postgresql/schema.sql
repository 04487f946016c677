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

-- A client that was stopped takes no more rows, or has sent a request in part: only then a session
-- reads from its client while it is active. A copy does that as well, as long as it lasts.
-- name: end_stopped
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity JOIN (
    SELECT pid, bool_or(locktype = 'advisory') AS is_writer FROM pg_locks
    WHERE granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (
            locktype = 'advisory' AND objid::bigint = hashtext(%(schema)s)::bigint & 4294967295
                AND classid::bigint BETWEEN %(first)s AND %(last)s
            OR locktype = 'relation' AND relation IN (
                SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(%(schema)s)
            )
        )
    GROUP BY pid
) holders USING (pid)
WHERE usename = current_user
    AND (is_writer OR application_name = current_setting('application_name'))
    AND (
        wait_event = 'ClientWrite'
        OR wait_event = 'ClientRead' AND state = 'active' AND query NOT ILIKE 'COPY %%'
    )
    AND query_start < clock_timestamp() - %(most_ms)s * interval '1 millisecond';

-- name: no_timeout
SET LOCAL statement_timeout = 0;

-- name: depose
UPDATE write_epoch SET epoch = epoch + 1;
