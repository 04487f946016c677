-- name: size
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint,
    (SELECT version FROM schema_version)
FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace(%s);

-- name: durability
SELECT current_setting('synchronous_commit'), current_setting('fsync'),
    current_setting('synchronous_standby_names'),
    count(*) FILTER (WHERE is_server),
    count(*) FILTER (WHERE is_server AND sync_state IN ('sync', 'quorum')),
    count(*) FILTER (WHERE NOT is_server AND sync_state IN ('sync', 'quorum')),
    count(*) FILTER (WHERE is_server AND state IS NULL)
FROM (
    SELECT state, sync_state,
        -- Neither a subscriber nor a program that only keeps the log: those replay nothing. Without
        -- the right to see more, the name of such a program has to do.
        NOT EXISTS (
            SELECT FROM pg_replication_slots s
            WHERE s.active_pid = r.pid AND s.slot_type = 'logical'
        ) AND (
            replay_lsn IS NOT NULL
            OR state IS NULL AND application_name NOT IN ('pg_receivewal', 'pg_basebackup')
        ) AS is_server
    FROM pg_stat_replication r
    WHERE state IS NULL OR state IN ('streaming', 'catchup')
) followers;
