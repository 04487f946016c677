-- name: get
SELECT data FROM exceptions WHERE id = :id;

-- name: put
INSERT INTO exceptions (id, live, outcome, target, accepts, until, due, created, data)
VALUES (:id, :live, :outcome, :target, :accepts, :until, :due, :created, :data)
ON CONFLICT (id) DO UPDATE SET live = excluded.live, outcome = excluded.outcome,
    target = excluded.target, accepts = excluded.accepts, until = excluded.until,
    due = excluded.due, created = excluded.created, data = excluded.data;

-- name: with_prefix
SELECT data FROM exceptions WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: live
SELECT data FROM exceptions WHERE live ORDER BY id;

-- name: live_of_targets
SELECT data FROM exceptions
WHERE live AND target IN (SELECT value FROM json_each(:targets)) ORDER BY id;

-- name: page_all
SELECT data FROM exceptions WHERE (created, id) < (:created, :id)
ORDER BY created DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: count_all
SELECT count(*) FROM exceptions;

-- name: page
SELECT data FROM exceptions WHERE outcome = :outcome AND (created, id) < (:created, :id)
ORDER BY created DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: count
SELECT count(*) FROM exceptions WHERE outcome = :outcome;

-- name: due
SELECT data FROM exceptions WHERE live AND due <> '' AND due <= :now ORDER BY due, id LIMIT :limit;

-- name: next_end
SELECT min(until) FROM exceptions WHERE live AND accepts;
