-- name: add
INSERT INTO audit (at, data) VALUES (:at, :data);

-- name: newest
SELECT position, data FROM audit WHERE position < :before ORDER BY position DESC LIMIT :limit;
