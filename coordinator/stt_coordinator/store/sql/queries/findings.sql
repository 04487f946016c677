-- Which findings a request asks for; an empty list asks for all.
-- fragment: matches
(:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))

-- The order of findings, written as its index has it: otherwise every page sorts the whole table.
-- fragment: place
CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id

-- fragment: page
{{matches}}
    AND ({{place}}) > (CASE :place WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, :since, :id)
ORDER BY {{place}} LIMIT :limit OFFSET :offset

-- fragment: grouped
count(*), count(DISTINCT target),
    count(*) FILTER (WHERE severity = 'critical') AS critical,
    count(*) FILTER (WHERE severity = 'major') AS major,
    count(*) FILTER (WHERE severity = 'trivial') AS trivial
FROM current_findings WHERE {{matches}}

-- name: of_targets
SELECT data FROM findings WHERE target IN (SELECT value FROM json_each(:targets));

-- name: put
INSERT INTO findings
    (id, target, family, site, check_name, state, severity, since, resolved, accepted, data)
VALUES
    (:id, :target, :family, :site, :check_name, :state, :severity, :since, :resolved, :accepted,
     :data)
ON CONFLICT (id) DO UPDATE SET family = excluded.family, site = excluded.site,
    state = excluded.state, severity = excluded.severity, since = excluded.since,
    resolved = excluded.resolved, accepted = excluded.accepted, data = excluded.data;

-- name: by_id
SELECT data FROM findings WHERE id IN (SELECT value FROM json_each(:ids));

-- name: of_check
SELECT data FROM findings WHERE check_name = :check_name AND state <> 'resolved' ORDER BY id;

-- name: with_prefix
SELECT data FROM findings WHERE id >= :prefix AND id < :beyond ORDER BY id LIMIT :limit;

-- name: page_open
SELECT data FROM current_findings_in_order WHERE {{page}};

-- name: count_open
SELECT count(*) FROM current_findings WHERE {{matches}};

-- name: page_accepted
SELECT data FROM accepted_findings_in_order WHERE {{page}};

-- name: count_accepted
SELECT count(*) FROM accepted_findings WHERE {{matches}};

-- name: page_gone
SELECT data FROM gone_findings_in_order WHERE {{page}};

-- name: count_gone
SELECT count(*) FROM gone_findings WHERE {{matches}};

-- name: page_any
SELECT data FROM findings /*sqlite INDEXED BY findings_in_order */
WHERE (:state = 'all' OR state = :state) AND {{page}};

-- name: count_any
SELECT count(*) FROM findings /*sqlite INDEXED BY findings_in_order */
WHERE (:state = 'all' OR state = :state) AND {{matches}};

-- name: group_by_check
SELECT check_name, {{grouped}} GROUP BY check_name
ORDER BY critical DESC, major DESC, trivial DESC, check_name LIMIT :limit;

-- name: group_by_target
SELECT target, {{grouped}} GROUP BY target
ORDER BY critical DESC, major DESC, trivial DESC, target LIMIT :limit;

-- name: group_by_site
SELECT site, {{grouped}} GROUP BY site
ORDER BY critical DESC, major DESC, trivial DESC, site LIMIT :limit;

-- name: count_accepted_by
SELECT accepted, count(*) FROM findings /*sqlite INDEXED BY findings_accepted */
WHERE accepted <> '' AND accepted IN (SELECT value FROM json_each(:ids)) AND state <> 'resolved'
    AND /*sqlite + */target IN (SELECT target FROM targets WHERE NOT gone)
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY accepted;
