-- name: add
INSERT INTO outbox (subject, message_id, data) VALUES (:subject, :message_id, :data);

-- name: oldest
SELECT position, subject, message_id, data FROM outbox ORDER BY position LIMIT :limit;

-- name: drop
DELETE FROM outbox WHERE position IN (SELECT CAST(value AS BIGINT) FROM json_each(:positions));
