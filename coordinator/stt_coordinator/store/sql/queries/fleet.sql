-- name: targets
SELECT data FROM targets WHERE target IN (SELECT value FROM json_each(:ids));

-- name: all_targets
SELECT data FROM targets ORDER BY target;

-- name: sites
SELECT DISTINCT site FROM targets WHERE NOT gone
UNION ALL SELECT DISTINCT site FROM targets WHERE gone;

-- name: places
SELECT data FROM targets WHERE NOT gone;

-- name: which_are_gone
SELECT target, gone FROM targets WHERE target IN (SELECT value FROM json_each(:ids));

-- name: targets_page
SELECT data FROM targets WHERE target > :after ORDER BY target LIMIT :limit;

-- name: put_target
INSERT INTO targets
    (target, family, site, gone, learned, state, awaits_run, last_started, last_checked, data)
VALUES
    (:target, :family, :site, :gone, :learned, :state, :awaits_run, :last_started, :last_checked,
     :data)
ON CONFLICT (target) DO UPDATE SET family = excluded.family, site = excluded.site,
    gone = excluded.gone, learned = excluded.learned, state = excluded.state,
    awaits_run = excluded.awaits_run, last_started = excluded.last_started,
    last_checked = excluded.last_checked, data = excluded.data;

-- name: awaiting_run
SELECT data FROM targets WHERE awaits_run AND NOT gone ORDER BY target;

-- name: drop_targets
DELETE FROM targets WHERE target IN (SELECT value FROM json_each(:ids));

-- name: gone
SELECT data FROM targets WHERE gone ORDER BY target LIMIT :limit;

-- name: unchecked
SELECT data FROM targets WHERE state = 'unchecked' AND target > :after
ORDER BY target LIMIT :limit;

-- name: count_unchecked
SELECT count(*) FROM targets WHERE state = 'unchecked';

-- name: workers
SELECT data FROM workers ORDER BY worker;

-- name: put_worker
INSERT INTO workers (worker, data) VALUES (:worker, :data)
ON CONFLICT (worker) DO UPDATE SET data = excluded.data;

-- name: drop_worker
DELETE FROM workers WHERE worker = :worker;

-- name: enabled_checks
SELECT family, check_name FROM checks WHERE enabled ORDER BY family, check_name;

-- name: checks
SELECT data FROM checks ORDER BY family, check_name;

-- name: drop_checks
DELETE FROM checks;

-- name: put_check
INSERT INTO checks (check_name, family, enabled, data)
VALUES (:check_name, :family, :enabled, :data);

-- name: control_state
SELECT data FROM control;

-- name: control_sequence
SELECT sequence FROM control;

-- name: put_control_state
INSERT INTO control (only_row, data, sequence) VALUES (1, :data, :sequence)
ON CONFLICT (only_row) DO UPDATE SET data = excluded.data, sequence = excluded.sequence
WHERE control.sequence < excluded.sequence OR control.sequence = :replaces;

-- name: pack
SELECT digest FROM checks_pack WHERE id = 1;

-- name: put_pack
INSERT INTO checks_pack (id, digest) VALUES (1, :pack)
ON CONFLICT (id) DO UPDATE SET digest = excluded.digest;

-- name: leader_report
SELECT data FROM leader_report;

-- name: put_leader_report
INSERT INTO leader_report (id, data) VALUES (1, :data)
ON CONFLICT (id) DO UPDATE SET data = excluded.data;
