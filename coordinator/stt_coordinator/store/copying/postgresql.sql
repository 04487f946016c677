-- name: no_timeout
SET statement_timeout = 0;

-- name: mark
SELECT current_setting(%s, true);

-- name: coordinators
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid();

-- name: columns
SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
    coalesce(array_position(k.conkey, a.attnum), 0)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(%s) AND a.attnum > 0
    AND NOT a.attisdropped;

-- name: last_positions
SELECT relname, pg_sequence_last_value(sequence) FROM (
    SELECT c.relname,
        pg_get_serial_sequence(format('%%I.%%I', n.nspname, c.relname), a.attname)::regclass
            AS sequence
    FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
        JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = %s AND c.relkind = 'r' AND a.attidentity <> ''
) AS placed WHERE pg_sequence_last_value(sequence) IS NOT NULL;

-- name: put_last_position
SELECT setval(pg_get_serial_sequence(format('%%I.%%I', %s::text, %s::text), 'position'), %s, true);

-- name: put_identity
INSERT INTO store_identity (id, store) VALUES (1, %s);

-- name: any
SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace(%s) LIMIT 1;
