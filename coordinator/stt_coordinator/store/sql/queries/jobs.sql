-- name: put
INSERT INTO jobs (job_id, run_id, target, state, follows, deadline, not_before, data, counts, failed)
VALUES (:job_id, :run_id, :target, :state, :follows, :deadline, :not_before, :data, :counts, :failed)
ON CONFLICT (job_id) DO UPDATE SET state = excluded.state, follows = excluded.follows,
    deadline = excluded.deadline, not_before = excluded.not_before, data = excluded.data,
    counts = excluded.counts, failed = excluded.failed;

-- name: by_id
SELECT data FROM jobs WHERE job_id IN (SELECT value FROM json_each(:ids));

-- name: followers
SELECT data FROM jobs
WHERE follows IN (SELECT value FROM json_each(:ids)) AND follows <> ''
    AND state IN ('pending', 'dispatched')
ORDER BY position;

-- name: outstanding
SELECT data FROM jobs
WHERE target IN (SELECT value FROM json_each(:targets)) AND follows = ''
    AND state IN ('pending', 'dispatched')
ORDER BY position;

-- name: waiting
SELECT data FROM jobs
WHERE target IN (SELECT value FROM json_each(:targets)) AND follows = '' AND state = 'pending'
    AND EXISTS (
        SELECT 1 FROM jobs AS other
        WHERE other.target = jobs.target AND other.state IN ('pending', 'dispatched')
            AND other.follows = '' AND other.position < jobs.position
    )
ORDER BY position;

-- name: open
SELECT data FROM jobs
WHERE state IN ('pending', 'dispatched') AND follows = '' ORDER BY position LIMIT :limit;

-- name: dispatchable
SELECT data FROM jobs WHERE state = 'pending' AND follows = '' AND not_before <= :now
    AND NOT EXISTS (
        SELECT 1 FROM jobs AS other
        WHERE other.target = jobs.target AND other.state IN ('pending', 'dispatched')
            AND other.follows = '' AND other.position < jobs.position
    )
ORDER BY position LIMIT :limit;

-- name: overdue
SELECT data FROM jobs
WHERE state IN ('pending', 'dispatched') AND deadline <= :now AND follows = ''
ORDER BY deadline, position LIMIT :limit;

-- name: due_after
SELECT data FROM jobs
WHERE state IN ('pending', 'dispatched') AND deadline > :latest AND follows = ''
ORDER BY deadline, position LIMIT :limit;

-- name: of_run
SELECT data FROM jobs WHERE run_id = :run_id AND target >= :first_target
ORDER BY target LIMIT :limit;

-- name: count_by_state
SELECT state, count(*) FROM jobs WHERE run_id = :run_id GROUP BY state;

-- name: counts_of_run
SELECT counts, count(*) FROM jobs WHERE run_id = :run_id GROUP BY counts;

-- name: failed_of_run
SELECT failed FROM jobs WHERE run_id = :run_id AND failed IS NOT NULL;

-- name: failed_of_targets
SELECT failed FROM jobs WHERE run_id = :run_id AND failed IS NOT NULL
    AND target IN (SELECT value FROM json_each(:targets));
