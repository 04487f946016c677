-- name: version
PRAGMA user_version;

-- name: columns
SELECT tables.name, columns.name, columns.pk
FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite\_%' ESCAPE '\';

-- name: last_positions
SELECT name, seq FROM sqlite_sequence WHERE seq > 0;

-- name: forget_last_position
DELETE FROM sqlite_sequence WHERE name = ?;

-- name: put_last_position
INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?);

-- name: put_identity
INSERT INTO store_identity (id, store) VALUES (1, ?);

-- name: checkpoint
PRAGMA wal_checkpoint(TRUNCATE);
