-- Each deletes rows and returns as many: how many there were is known when all are fetched.
-- name: jobs
DELETE FROM jobs WHERE position IN (
    SELECT position FROM jobs WHERE run_id IN (
        SELECT run_id FROM runs WHERE slot < :full AND state <> 'running'
    ) LIMIT :limit
) RETURNING 1;

-- name: runs
DELETE FROM runs WHERE run_id IN (
    SELECT run_id FROM runs WHERE slot < :daily AND state <> 'running'
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.run_id = runs.run_id)
    LIMIT :limit
) RETURNING 1;

-- name: results
DELETE FROM results WHERE (worker, epoch, sequence) IN (
    SELECT worker, epoch, sequence FROM results WHERE received < :full LIMIT :limit
) RETURNING 1;

-- name: rejected
DELETE FROM rejected WHERE position IN (
    SELECT position FROM rejected
    WHERE at < :full OR position <= (SELECT max(position) FROM rejected) - :kept_rejected
    LIMIT :limit
) RETURNING 1;

-- name: history
DELETE FROM history WHERE position IN (
    SELECT position FROM history WHERE at < :full LIMIT :limit
) RETURNING 1;

-- name: counts
DELETE FROM counts WHERE hour IN (SELECT hour FROM counts WHERE hour < :full LIMIT :limit) RETURNING 1;

-- name: findings
DELETE FROM findings WHERE id IN (
    SELECT id FROM findings WHERE state = 'resolved' AND resolved < :full LIMIT :limit
) RETURNING target, check_name, site, family, severity;

-- name: daily
DELETE FROM daily WHERE (day, severity) IN (
    SELECT day, severity FROM daily WHERE day < :day LIMIT :limit
) RETURNING 1;

-- name: fixes
DELETE FROM fixes WHERE (day, severity, minutes) IN (
    SELECT day, severity, minutes FROM fixes WHERE day < :day LIMIT :limit
) RETURNING 1;

-- name: audit
DELETE FROM audit WHERE position IN (
    SELECT position FROM audit WHERE at < :audit LIMIT :limit
) RETURNING 1;

-- name: clock
SELECT data FROM clock;

-- name: put_clock
INSERT INTO clock (only_row, data) VALUES (1, :data)
ON CONFLICT (only_row) DO UPDATE SET data = excluded.data;

-- name: ahead_of
SELECT 'runs', count(*) FROM runs WHERE slot > :latest
UNION ALL SELECT 'results', count(*) FROM results WHERE received > :latest
UNION ALL SELECT 'rejected', count(*) FROM rejected WHERE at > :latest
UNION ALL SELECT 'history', count(*) FROM history WHERE at > :latest
UNION ALL SELECT 'counts', count(*) FROM counts WHERE hour > :latest
UNION ALL SELECT 'audit', count(*) FROM audit WHERE at > :latest;
