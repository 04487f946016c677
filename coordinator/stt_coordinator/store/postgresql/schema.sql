-- name: lock
SELECT pg_advisory_xact_lock(%s, hashtext(%s));

-- name: act
SELECT pg_try_advisory_lock(%s, hashtext(%s));

-- name: columns
SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(%s) AND a.attnum > 0
    AND NOT a.attisdropped;

-- name: search_path
SELECT current_setting('search_path');

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

-- name: put_number
UPDATE schema_version SET version = %s;

-- name: enter
SELECT pg_advisory_xact_lock_shared(%s, hashtext(%s));

-- name: short_wait
SELECT set_config('lock_timeout', %s, true);

-- name: no_timeout
SET LOCAL statement_timeout = 0;
