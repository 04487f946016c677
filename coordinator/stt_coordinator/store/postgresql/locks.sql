-- name: targets
SELECT target FROM targets WHERE target = ANY(%(names)s) ORDER BY target FOR NO KEY UPDATE;

-- name: runs
SELECT run_id FROM runs WHERE run_id = ANY(%(names)s) ORDER BY run_id FOR NO KEY UPDATE;

-- name: outboxes
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended(name, %(seed)s) AS key FROM unnest(%(names)s::text[]) AS name
    ORDER BY key
) AS keys;

-- name: history
SELECT pg_advisory_xact_lock(%(seed)s);
