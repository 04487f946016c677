-- name: contents
SELECT sequence, content FROM results
WHERE worker = :worker AND epoch = :epoch
    AND sequence BETWEEN :first AND :last;

-- name: put
INSERT INTO results (worker, epoch, sequence, job_id, received, data, content)
VALUES (:worker, :epoch, :sequence, :job_id, :received, :data, :content)
ON CONFLICT (worker, epoch, sequence) DO UPDATE SET job_id = excluded.job_id,
    received = excluded.received, data = excluded.data, content = excluded.content;

-- name: nonces_optional_since
SELECT at FROM upgrades WHERE what = 'nonces';

-- name: sequences_after
SELECT sequence FROM results
WHERE worker = :worker AND epoch = :epoch AND sequence > :sequence ORDER BY sequence;

-- name: watermark
SELECT sequence FROM watermarks WHERE worker = :worker AND epoch = :epoch;

-- name: put_watermark
INSERT INTO watermarks (worker, epoch, sequence, at) VALUES (:worker, :epoch, :sequence, :at)
ON CONFLICT (worker, epoch) DO UPDATE SET sequence = excluded.sequence, at = excluded.at;

-- name: watermarks
SELECT worker, epoch, sequence FROM watermarks ORDER BY worker, at, epoch;

-- name: outboxes
SELECT worker, epoch FROM watermarks;

-- name: add_rejected
INSERT INTO rejected (code, reason, subject, at, data)
VALUES (:code, :reason, :subject, :at, :data);

-- name: drop_rejected
DELETE FROM rejected WHERE position <= (SELECT max(position) FROM rejected) - :kept;

-- name: count_rejected
SELECT code, count(*) FROM rejected WHERE at >= :since GROUP BY code ORDER BY code;
