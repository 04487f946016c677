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

-- The same of kept counts, which know no checks.
-- fragment: kept
kept_counts WHERE state = :state
    AND (:severities = '[]' OR detail IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))

-- Findings in the state that was asked for: open, accepted, or gone.
-- fragment: in_state
state <> 'resolved' AND (:state = 'gone' OR (accepted <> '') = (:state = 'accepted'))
    AND (/*sqlite + */target IN (SELECT target FROM targets WHERE gone)) = (:state = 'gone')
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)

-- fragment: of_checks
findings /*sqlite INDEXED BY findings_by_check */ WHERE {{in_state}}
    AND check_name IN (SELECT value FROM json_each(:checks))

-- fragment: kept_grouped
CAST(sum(number) AS BIGINT), count(DISTINCT target),
    CAST(coalesce(sum(number) FILTER (WHERE detail = 'critical'), 0) AS BIGINT) AS critical,
    CAST(coalesce(sum(number) FILTER (WHERE detail = 'major'), 0) AS BIGINT) AS major,
    CAST(coalesce(sum(number) FILTER (WHERE detail = 'trivial'), 0) AS BIGINT) AS trivial
FROM {{kept}}

-- fragment: grouped
count(*), count(DISTINCT target),
    count(*) FILTER (WHERE severity = 'critical') AS critical,
    count(*) FILTER (WHERE severity = 'major') AS major,
    count(*) FILTER (WHERE severity = 'trivial') AS trivial

-- fragment: worst_first
critical DESC, major DESC, trivial DESC

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

-- name: page_accepted
SELECT data FROM accepted_findings_in_order WHERE {{page}};

-- name: page_gone
SELECT data FROM gone_findings_in_order WHERE {{page}};

-- name: page_any
SELECT data FROM findings /*sqlite INDEXED BY findings_in_order */
WHERE (:state = 'all' OR state = :state) AND {{page}};

-- name: count_any
SELECT count(*) FROM findings /*sqlite INDEXED BY findings_in_order */
WHERE (:state = 'all' OR state = :state) AND {{matches}};

-- name: count_kept
SELECT CAST(coalesce(sum(number), 0) AS BIGINT) FROM {{kept}};

-- name: count_of_checks
SELECT count(*) FROM {{of_checks}} AND {{matches}};

-- Few findings: read by their checks or targets, and sorted.
-- name: page_of_checks
SELECT data FROM {{of_checks}} AND {{page}};

-- name: page_of_targets
SELECT data FROM findings /*sqlite INDEXED BY findings_by_target */
WHERE target IN (SELECT target FROM {{kept}}) AND {{in_state}} AND {{page}};

-- name: group_by_check
SELECT check_name, {{grouped}} FROM current_findings WHERE {{matches}}
GROUP BY check_name ORDER BY {{worst_first}}, check_name LIMIT :limit;

-- name: group_by_target
SELECT target, {{kept_grouped}}
GROUP BY target ORDER BY {{worst_first}}, target LIMIT :limit;

-- name: group_by_site
SELECT site, {{kept_grouped}}
GROUP BY site ORDER BY {{worst_first}}, site LIMIT :limit;

-- name: group_by_check_of_checks
SELECT check_name, {{grouped}} FROM {{of_checks}} AND {{matches}}
GROUP BY check_name ORDER BY {{worst_first}}, check_name LIMIT :limit;

-- name: group_by_target_of_checks
SELECT target, {{grouped}} FROM {{of_checks}} AND {{matches}}
GROUP BY target ORDER BY {{worst_first}}, target LIMIT :limit;

-- name: group_by_site_of_checks
SELECT site, {{grouped}} FROM {{of_checks}} AND {{matches}}
GROUP BY site ORDER BY {{worst_first}}, site LIMIT :limit;

-- name: count_accepted_by
SELECT accepted, count(*) FROM findings /*sqlite INDEXED BY findings_accepted */
WHERE accepted <> '' AND accepted IN (SELECT value FROM json_each(:ids)) AND state <> 'resolved'
    AND /*sqlite + */target NOT IN (SELECT target FROM targets WHERE gone)
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY accepted;
