-- name: add
INSERT INTO history (finding, at, data) VALUES (:finding, :at, :data);

-- name: add_to_day
INSERT INTO daily (day, severity, opened, resolved) VALUES (:day, :severity, :opened, :resolved)
ON CONFLICT (day, severity) DO UPDATE SET opened = daily.opened + excluded.opened,
    resolved = daily.resolved + excluded.resolved;

-- name: add_fixes
INSERT INTO fixes (day, severity, minutes, number) VALUES (:day, :severity, :minutes, :number)
ON CONFLICT (day, severity, minutes) DO UPDATE SET number = fixes.number + excluded.number;

-- name: of_finding
SELECT data FROM (
    SELECT data, position FROM history WHERE finding = :finding
    ORDER BY position DESC LIMIT :limit
) AS newest ORDER BY position;

-- name: after
SELECT position, data FROM history WHERE position > :position ORDER BY position LIMIT :limit;

-- name: last_position
SELECT coalesce(max(position), 0) FROM history;

-- name: since
SELECT data FROM history WHERE at >= :since ORDER BY at, position LIMIT :limit OFFSET :offset;

-- name: count_since
SELECT count(*) FROM history WHERE at >= :since;

-- name: page
SELECT position, data FROM history WHERE (at, position) > (:at, :position)
ORDER BY at, position LIMIT :limit OFFSET :offset;

-- name: cursor
SELECT position FROM cursors WHERE name = :reader;

-- name: put_cursor
INSERT INTO cursors (name, position) VALUES (:reader, :position)
ON CONFLICT (name) DO UPDATE SET position = excluded.position;
