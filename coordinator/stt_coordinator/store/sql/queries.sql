-- name: run
SELECT data FROM runs WHERE run_id = :run_id;

-- name: put_run
INSERT INTO runs (run_id, schedule, slot, state, data)
VALUES (:run_id, :schedule, :slot, :state, :data)
ON CONFLICT (run_id) DO UPDATE SET state = excluded.state, data = excluded.data;

-- name: runs
SELECT data FROM runs WHERE (slot, run_id) < (:slot, :run_id)
ORDER BY slot DESC, run_id DESC LIMIT :limit;

-- name: running
SELECT data FROM runs WHERE state = 'running' ORDER BY slot, run_id;

-- name: last_run
SELECT data FROM runs WHERE state <> 'skipped' ORDER BY slot DESC, run_id DESC LIMIT 1;

-- name: run_before
SELECT data FROM runs WHERE schedule = :schedule AND slot < :slot AND state = 'finished'
ORDER BY slot DESC LIMIT 1;

-- name: any_run_before
SELECT data FROM runs WHERE slot < :slot AND state = 'finished' ORDER BY slot DESC LIMIT 1;

-- name: last_slots
SELECT schedule, slot FROM slots;

-- name: put_slot
INSERT INTO slots (schedule, slot) VALUES (:schedule, :slot)
ON CONFLICT (schedule) DO UPDATE SET slot = max(slot, excluded.slot);

-- name: put_job
INSERT INTO jobs (job_id, run_id, target, state, follows, deadline, not_before, data)
VALUES (:job_id, :run_id, :target, :state, :follows, :deadline, :not_before, :data)
ON CONFLICT (job_id) DO UPDATE SET state = excluded.state, follows = excluded.follows,
    deadline = excluded.deadline, not_before = excluded.not_before, data = excluded.data;

-- name: jobs
SELECT data FROM jobs WHERE job_id IN (SELECT value FROM json_each(:ids));

-- name: followers
SELECT data FROM jobs
WHERE follows IN (SELECT value FROM json_each(:ids)) AND follows <> ''
    AND state IN ('pending', 'dispatched')
ORDER BY position;

-- name: outstanding
SELECT data FROM jobs
WHERE target IN (SELECT value FROM json_each(:targets)) AND follows = ''
    AND state IN ('pending', 'dispatched')
ORDER BY position;

-- name: open_jobs
SELECT data FROM jobs
WHERE state IN ('pending', 'dispatched') AND follows = '' ORDER BY position LIMIT :limit;

-- name: dispatchable
SELECT data FROM jobs WHERE state = 'pending' AND follows = '' AND not_before <= :now
    AND NOT EXISTS (
        SELECT 1 FROM jobs AS other
        WHERE other.target = jobs.target AND other.state IN ('pending', 'dispatched')
            AND other.follows = '' AND other.position < jobs.position
    )
ORDER BY position LIMIT :limit;

-- name: overdue
SELECT data FROM jobs
WHERE state IN ('pending', 'dispatched') AND deadline <= :now AND follows = ''
ORDER BY deadline, position LIMIT :limit;

-- name: jobs_of_run
SELECT data FROM jobs WHERE run_id = :run_id AND target >= :first_target
ORDER BY target LIMIT :limit;

-- name: tally_jobs
SELECT state, count(*) FROM jobs WHERE run_id = :run_id GROUP BY state;

-- name: add_result
INSERT INTO results (worker, epoch, sequence, job_id, received, data)
VALUES (:worker, :epoch, :sequence, :job_id, :received, :data)
ON CONFLICT DO NOTHING;

-- name: sequences_after
SELECT sequence FROM results
WHERE worker = :worker AND epoch = :epoch AND sequence > :sequence ORDER BY sequence;

-- name: watermark
SELECT sequence FROM watermarks WHERE worker = :worker AND epoch = :epoch;

-- name: put_watermark
INSERT INTO watermarks (worker, epoch, sequence, at) VALUES (:worker, :epoch, :sequence, :at)
ON CONFLICT (worker, epoch) DO UPDATE SET sequence = excluded.sequence, at = excluded.at;

-- name: watermarks
SELECT worker, epoch, sequence FROM watermarks ORDER BY worker, at, rowid;

-- name: pairs
SELECT data FROM pairs WHERE target IN (SELECT value FROM json_each(:targets));

-- name: put_pair
INSERT INTO pairs (target, check_name, site, outcome, kind, parts, data)
VALUES (:target, :check_name, :site, :outcome, :kind, :parts, :data)
ON CONFLICT (target, check_name) DO UPDATE SET site = excluded.site, outcome = excluded.outcome,
    kind = excluded.kind, parts = excluded.parts, data = excluded.data;

-- name: parts_not_checked
SELECT target, part FROM current_parts
WHERE (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
ORDER BY target, name LIMIT :limit;

-- name: parts_of_check
SELECT target, each.value FROM pairs INDEXED BY pairs_with_parts, json_each(pairs.parts) AS each
WHERE parts <> '' AND check_name = :check_name
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
ORDER BY target, json_extract(each.value, '$.name') LIMIT :limit;

-- name: tally_parts
SELECT site, count(*) FROM current_parts GROUP BY site ORDER BY site;

-- name: break_down_parts
SELECT current_parts.site, family, json_extract(part, '$.kind') AS kind, count(*)
FROM current_parts JOIN targets USING (target)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: current_pairs
SELECT data FROM current_pairs WHERE (target, check_name) > (:target, :check_name)
ORDER BY target, check_name LIMIT :limit;

-- name: tally_pairs
SELECT site, outcome, kind, count(*) FROM pairs INDEXED BY pairs_counted
WHERE +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, outcome, kind ORDER BY site, outcome, kind;

-- name: findings_of
SELECT data FROM findings WHERE target IN (SELECT value FROM json_each(:targets));

-- name: put_finding
INSERT INTO findings
    (id, target, family, site, check_name, state, severity, since, resolved, accepted, data)
VALUES
    (:id, :target, :family, :site, :check_name, :state, :severity, :since, :resolved, :accepted,
     :data)
ON CONFLICT (id) DO UPDATE SET family = excluded.family, site = excluded.site,
    state = excluded.state, severity = excluded.severity, since = excluded.since,
    resolved = excluded.resolved, accepted = excluded.accepted, data = excluded.data;

-- name: findings_by_id
SELECT data FROM findings WHERE id IN (SELECT value FROM json_each(:ids));

-- name: findings_of_check
SELECT data FROM findings WHERE check_name = :check_name AND state <> 'resolved' ORDER BY id;

-- name: find_open
SELECT data FROM current_findings_in_order
WHERE (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))
    AND (CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id)
        > (CASE :place WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, :since, :id)
ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id
LIMIT :limit OFFSET :offset;

-- name: count_open
SELECT count(*) FROM current_findings
WHERE (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)));

-- name: find_accepted
SELECT data FROM accepted_findings_in_order
WHERE (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))
    AND (CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id)
        > (CASE :place WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, :since, :id)
ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id
LIMIT :limit OFFSET :offset;

-- name: count_accepted
SELECT count(*) FROM accepted_findings
WHERE (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)));

-- name: find_any
SELECT data FROM findings INDEXED BY findings_in_order
WHERE (:state = 'all' OR state = :state)
    AND (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))
    AND (CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id)
        > (CASE :place WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, :since, :id)
ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id
LIMIT :limit OFFSET :offset;

-- name: count_any
SELECT count(*) FROM findings INDEXED BY findings_in_order
WHERE (:state = 'all' OR state = :state)
    AND (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)));

-- name: findings_like
SELECT data FROM findings WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: tally_findings
SELECT site, severity, sum(number) FROM counted_findings
WHERE NOT is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, severity ORDER BY site, severity;

-- name: tally_accepted
SELECT site, sum(number) FROM counted_findings
WHERE is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site ORDER BY site;

-- name: tally_accepted_by
SELECT accepted, count(*) FROM findings INDEXED BY findings_accepted
WHERE accepted <> '' AND accepted IN (SELECT value FROM json_each(:ids)) AND state <> 'resolved'
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY accepted;

-- name: exception
SELECT data FROM exceptions WHERE id = :id;

-- name: exceptions_like
SELECT data FROM exceptions WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: put_exception
INSERT INTO exceptions (id, live, outcome, target, accepts, until, due, created, data)
VALUES (:id, :live, :outcome, :target, :accepts, :until, :due, :created, :data)
ON CONFLICT (id) DO UPDATE SET live = excluded.live, outcome = excluded.outcome,
    target = excluded.target, accepts = excluded.accepts, until = excluded.until,
    due = excluded.due, created = excluded.created, data = excluded.data;

-- name: live_exceptions
SELECT data FROM exceptions
WHERE live AND target IN (SELECT value FROM json_each(:targets)) ORDER BY id;

-- name: all_live_exceptions
SELECT data FROM exceptions WHERE live ORDER BY id;

-- name: find_exceptions_all
SELECT data FROM exceptions WHERE (created, id) < (:created, :id)
ORDER BY created DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: count_exceptions_all
SELECT count(*) FROM exceptions;

-- name: find_exceptions
SELECT data FROM exceptions WHERE outcome = :outcome AND (created, id) < (:created, :id)
ORDER BY created DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: count_exceptions
SELECT count(*) FROM exceptions WHERE outcome = :outcome;

-- name: exceptions_due
SELECT data FROM exceptions WHERE live AND due <> '' AND due <= :now ORDER BY due LIMIT :limit;

-- name: next_end
SELECT min(until) FROM exceptions WHERE live AND accepts;

-- name: break_down_accepted
SELECT site, family, severity, sum(number) FROM counted_findings
WHERE is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, family, severity ORDER BY site, family, severity;

-- name: break_down_findings
SELECT site, family, severity, sum(number) FROM counted_findings
WHERE NOT is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, family, severity ORDER BY site, family, severity;

-- name: break_down_pairs
SELECT site, family, kind, count(*) FROM current_pairs JOIN checks USING (check_name)
WHERE kind <> '' AND kind <> 'not_applicable'
GROUP BY site, family, kind ORDER BY site, family, kind;

-- name: add_event
INSERT INTO history (finding, at, data) VALUES (:finding, :at, :data);

-- name: history_of
SELECT data FROM (
    SELECT data, position FROM history WHERE finding = :finding
    ORDER BY position DESC LIMIT :limit
) ORDER BY position;

-- name: events_after
SELECT position, data FROM history WHERE position > :position ORDER BY position LIMIT :limit;

-- name: last_event
SELECT coalesce(max(position), 0) FROM history;

-- name: cursor
SELECT position FROM cursors WHERE name = :reader;

-- name: put_cursor
INSERT INTO cursors (name, position) VALUES (:reader, :position)
ON CONFLICT (name) DO UPDATE SET position = excluded.position;

-- name: events_since
SELECT data FROM history WHERE at >= :since ORDER BY at, position LIMIT :limit OFFSET :offset;

-- name: events_page
SELECT position, data FROM history WHERE (at, position) > (:at, :position)
ORDER BY at, position LIMIT :limit OFFSET :offset;

-- name: count_since
SELECT count(*) FROM history WHERE at >= :since;

-- name: targets
SELECT data FROM targets WHERE target IN (SELECT value FROM json_each(:ids));

-- name: all_targets
SELECT data FROM targets ORDER BY target;

-- name: targets_page
SELECT data FROM targets WHERE target > :after ORDER BY target LIMIT :limit;

-- name: put_target
INSERT INTO targets (target, family, site, gone, learned, state, data)
VALUES (:target, :family, :site, :gone, :learned, :state, :data)
ON CONFLICT (target) DO UPDATE SET family = excluded.family, site = excluded.site,
    gone = excluded.gone, learned = excluded.learned, state = excluded.state, data = excluded.data;

-- name: unchecked
SELECT data FROM targets WHERE state = 'unchecked' AND target > :after
ORDER BY target LIMIT :limit;

-- name: tally_unchecked
SELECT count(*) FROM targets WHERE state = 'unchecked';

-- name: tally_targets
SELECT site, family, learned, count(*) FROM targets WHERE NOT gone
GROUP BY site, family, learned ORDER BY site, family, learned;

-- name: workers
SELECT data FROM workers ORDER BY worker;

-- name: put_worker
INSERT INTO workers (worker, data) VALUES (:worker, :data)
ON CONFLICT (worker) DO UPDATE SET data = excluded.data;

-- name: checks
SELECT data FROM checks ORDER BY family, check_name;

-- name: drop_checks
DELETE FROM checks;

-- name: put_check
INSERT INTO checks (check_name, family, enabled, data)
VALUES (:check_name, :family, :enabled, :data);

-- name: control
SELECT data FROM control;

-- name: put_control
INSERT INTO control (only_row, data) VALUES (1, :data)
ON CONFLICT (only_row) DO UPDATE SET data = excluded.data;

-- name: put_counts
INSERT INTO counts (hour, at, data) VALUES (:hour, :at, :data)
ON CONFLICT (hour) DO UPDATE SET at = excluded.at, data = excluded.data;

-- name: counts_before
SELECT data FROM counts WHERE at <= :at ORDER BY at DESC LIMIT 1;

-- name: put_day_counts
INSERT INTO daily (day, severity, open, counted) VALUES (:day, :severity, :open, :counted)
ON CONFLICT (day, severity) DO UPDATE SET open = excluded.open, counted = excluded.counted
WHERE excluded.counted >= daily.counted;

-- name: add_to_day
INSERT INTO daily (day, severity, opened, resolved) VALUES (:day, :severity, :opened, :resolved)
ON CONFLICT (day, severity) DO UPDATE SET opened = opened + excluded.opened,
    resolved = resolved + excluded.resolved;

-- name: add_fixes
INSERT INTO fixes (day, severity, minutes, number) VALUES (:day, :severity, :minutes, :number)
ON CONFLICT (day, severity, minutes) DO UPDATE SET number = number + excluded.number;

-- name: days
SELECT day, severity, open, opened, resolved FROM daily WHERE day >= :since ORDER BY day, severity;

-- name: last_counted_day
SELECT day FROM daily WHERE day < :before AND open IS NOT NULL ORDER BY day DESC LIMIT 1;

-- name: fixes
SELECT severity, minutes, sum(number) FROM fixes WHERE day >= :since
GROUP BY severity, minutes ORDER BY severity, minutes;

-- name: group_by_check
SELECT check_name, count(*), count(DISTINCT target),
       sum(severity = 'critical') AS critical, sum(severity = 'major') AS major,
       sum(severity = 'trivial') AS trivial
FROM current_findings WHERE (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))
GROUP BY check_name
ORDER BY critical DESC, major DESC, trivial DESC, check_name LIMIT :limit;

-- name: group_by_target
SELECT target, count(*), count(DISTINCT target),
       sum(severity = 'critical') AS critical, sum(severity = 'major') AS major,
       sum(severity = 'trivial') AS trivial
FROM current_findings WHERE (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))
GROUP BY target
ORDER BY critical DESC, major DESC, trivial DESC, target LIMIT :limit;

-- name: group_by_site
SELECT site, count(*), count(DISTINCT target),
       sum(severity = 'critical') AS critical, sum(severity = 'major') AS major,
       sum(severity = 'trivial') AS trivial
FROM current_findings WHERE (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))
GROUP BY site
ORDER BY critical DESC, major DESC, trivial DESC, site LIMIT :limit;

-- name: add_outgoing
INSERT INTO outbox (subject, message_id, data) VALUES (:subject, :message_id, :data);

-- name: outgoing
SELECT position, subject, message_id, data FROM outbox ORDER BY position LIMIT :limit;

-- name: drop_outgoing
DELETE FROM outbox WHERE position IN (SELECT value FROM json_each(:positions));

-- name: add_rejected
INSERT INTO rejected (code, reason, subject, at, data)
VALUES (:code, :reason, :subject, :at, :data);

-- name: tally_rejected
SELECT code, count(*) FROM rejected GROUP BY code ORDER BY code;

-- name: add_audit
INSERT INTO audit (at, data) VALUES (:at, :data);

-- name: audit
SELECT position, data FROM audit WHERE position < :before ORDER BY position DESC LIMIT :limit;

-- name: prune_audit
DELETE FROM audit WHERE position IN (
    SELECT position FROM audit WHERE at < :audit LIMIT :limit
);

-- name: prune_jobs
DELETE FROM jobs WHERE position IN (
    SELECT position FROM jobs WHERE run_id IN (
        SELECT run_id FROM runs WHERE slot < :full AND state <> 'running'
    ) LIMIT :limit
);

-- name: prune_runs
DELETE FROM runs WHERE run_id IN (
    SELECT run_id FROM runs WHERE slot < :daily AND state <> 'running'
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.run_id = runs.run_id)
    LIMIT :limit
);

-- name: prune_results
DELETE FROM results WHERE rowid IN (
    SELECT rowid FROM results WHERE received < :full LIMIT :limit
);

-- name: prune_rejected
DELETE FROM rejected WHERE position IN (
    SELECT position FROM rejected WHERE at < :full LIMIT :limit
);

-- name: prune_history
DELETE FROM history WHERE position IN (
    SELECT position FROM history WHERE at < :full LIMIT :limit
);

-- name: prune_counts
DELETE FROM counts WHERE hour IN (SELECT hour FROM counts WHERE hour < :full LIMIT :limit);

-- name: prune_findings
DELETE FROM findings WHERE id IN (
    SELECT id FROM findings WHERE state = 'resolved' AND resolved < :full LIMIT :limit
);

-- name: prune_daily
DELETE FROM daily WHERE (day, severity) IN (
    SELECT day, severity FROM daily WHERE day < :day LIMIT :limit
);

-- name: prune_fixes
DELETE FROM fixes WHERE (day, severity, minutes) IN (
    SELECT day, severity, minutes FROM fixes WHERE day < :day LIMIT :limit
);
