-- name: get
SELECT data FROM runs WHERE run_id = :run_id;

-- name: put
INSERT INTO runs (run_id, schedule, slot, state, data)
VALUES (:run_id, :schedule, :slot, :state, :data)
ON CONFLICT (run_id) DO UPDATE SET state = excluded.state, data = excluded.data;

-- name: newest
SELECT data FROM runs WHERE (slot, run_id) < (:slot, :run_id)
ORDER BY slot DESC, run_id DESC LIMIT :limit;

-- name: running
SELECT data FROM runs WHERE state = 'running' ORDER BY slot, run_id;

-- name: last
SELECT data FROM runs WHERE state <> 'skipped' ORDER BY slot DESC, run_id DESC LIMIT 1;

-- name: previous
SELECT data FROM runs WHERE schedule = :schedule AND slot < :slot AND state = 'finished'
ORDER BY slot DESC, run_id DESC LIMIT 1;

-- name: previous_of_any
SELECT data FROM runs WHERE slot < :slot AND state = 'finished'
ORDER BY slot DESC, run_id DESC LIMIT 1;

-- name: last_slots
SELECT schedule, slot FROM slots;

-- name: put_slot
INSERT INTO slots (schedule, slot) VALUES (:schedule, :slot)
ON CONFLICT (schedule) DO UPDATE SET slot = excluded.slot
WHERE excluded.slot > slots.slot;
