-- name: read
SELECT epoch, installation FROM write_epoch;

-- name: put
UPDATE write_epoch SET epoch = :epoch, installation = :installation;
