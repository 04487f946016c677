-- name: get
SELECT data FROM runs WHERE run_id = :run_id;

-- name: put
INSERT INTO runs (run_id, number, schedule, slot, state, data)
VALUES (:run_id, :number, :schedule, :slot, :state, :data)
ON CONFLICT (run_id) DO UPDATE SET number = excluded.number, state = excluded.state,
    data = excluded.data;

-- name: newest
SELECT data FROM runs WHERE number < :before ORDER BY number DESC LIMIT :limit;

-- name: next_number
UPDATE sequences SET last = last + 1 WHERE name = 'runs' RETURNING last;

-- name: numbers
SELECT run_id, number FROM runs WHERE run_id IN (SELECT value FROM json_each(:ids));

-- name: running
SELECT data FROM runs WHERE state = 'running' ORDER BY number;

-- name: last
SELECT data FROM runs WHERE state <> 'skipped' ORDER BY number DESC LIMIT 1;

-- name: previous
SELECT data FROM runs WHERE schedule = :schedule AND number < :number AND state = 'finished'
ORDER BY number DESC LIMIT 1;

-- name: previous_of_any
SELECT data FROM runs WHERE number < :number AND state = 'finished'
ORDER BY number DESC LIMIT 1;

-- name: last_slots
SELECT schedule, slot FROM slots;

-- name: put_slot
INSERT INTO slots (schedule, slot) VALUES (:schedule, :slot)
ON CONFLICT (schedule) DO UPDATE SET slot = excluded.slot;
