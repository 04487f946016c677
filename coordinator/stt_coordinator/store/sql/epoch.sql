-- name: read
SELECT epoch FROM write_epoch;

-- name: put
UPDATE write_epoch SET epoch = :epoch;
