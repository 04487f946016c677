-- name: create_identity
INSERT OR IGNORE INTO identity (only_row, epoch, sequence) VALUES (1, :epoch, 0);

-- name: identity
SELECT epoch, sequence FROM identity;

-- name: set_sequence
UPDATE identity SET sequence = :sequence WHERE sequence < :sequence;

-- name: insert_row
INSERT INTO outbox (sequence, subject, message_id, data, traceparent)
VALUES (:sequence, :subject, :message_id, :data, :traceparent);

-- name: replace_row
UPDATE outbox SET data = :data WHERE sequence = :sequence;

-- name: insert_journal
INSERT OR REPLACE INTO journal (job_id, dispatch, sequence, finished)
VALUES (:job_id, :dispatch, :sequence, :finished);

-- name: journal_of
SELECT sequence FROM journal WHERE job_id = :job_id AND dispatch = :dispatch;

-- name: row
SELECT sequence, subject, message_id, data, traceparent FROM outbox WHERE sequence = :sequence;

-- name: pending
SELECT sequence, subject, message_id, data, traceparent FROM outbox
WHERE sequence > :after ORDER BY sequence LIMIT :limit;

-- name: count
SELECT count(*) FROM outbox;

-- name: first
SELECT min(sequence) FROM outbox;

-- name: delete_row
DELETE FROM outbox WHERE sequence = :sequence;

-- name: forget_journal
DELETE FROM journal WHERE finished < :before;

-- name: forget_attempts
DELETE FROM attempt WHERE started < :before;

-- name: starts_of
SELECT starts FROM attempt WHERE job_id = :job_id AND dispatch = :dispatch;

-- name: count_start
INSERT INTO attempt (job_id, dispatch, starts, started) VALUES (:job_id, :dispatch, 1, :started)
ON CONFLICT (job_id, dispatch) DO UPDATE SET starts = starts + 1, started = excluded.started;
