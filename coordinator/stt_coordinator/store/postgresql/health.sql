-- name: size
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint,
    (SELECT version FROM schema_version)
FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace(%s);

-- name: durability
SELECT current_setting('synchronous_commit'), current_setting('fsync'),
    current_setting('synchronous_standby_names'),
    count(*) FILTER (WHERE state IS NULL OR state IN ('streaming', 'catchup')),
    count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')), count(*) FILTER (WHERE state IS NULL)
FROM pg_stat_replication;
