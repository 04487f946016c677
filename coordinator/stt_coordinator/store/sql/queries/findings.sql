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

-- The same from the end of the list: `:offset` findings follow the page.
-- fragment: last_page
{{matches}} ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END DESC,
    since DESC, id DESC LIMIT :limit OFFSET :offset

-- What is passed over is read from the index alone; only rows of the page are looked up.
-- fragment: of_page
SELECT data FROM findings WHERE id IN (SELECT id FROM

-- A page of few findings, which are found first: a planner would rather read all in their order.
-- fragment: few
WITH few AS MATERIALIZED (SELECT * FROM

-- fragment: page_of_few
SELECT data FROM few
WHERE ({{place}}) > (CASE :place WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, :since, :id)
ORDER BY {{place}} LIMIT :limit OFFSET :offset

-- The same of kept counts, which know no checks.
-- fragment: kept
kept_counts WHERE state = :state
    AND (:severities = '[]' OR detail IN (SELECT value FROM json_each(:severities)))
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))

-- The same of sums, which know no targets; their severities are chosen by what is added up.
-- fragment: sums
finding_sums
WHERE CASE WHEN :state IN ('all', 'resolved') THEN :state = 'all' OR state = 'resolved'
        ELSE state = :state AND check_name IN (SELECT check_name FROM checks WHERE enabled) END
    AND (:families = '[]' OR family IN (SELECT value FROM json_each(:families)))
    AND (:sites = '[]' OR site IN (SELECT value FROM json_each(:sites)))
    AND (:checks = '[]' OR check_name IN (SELECT value FROM json_each(:checks)))

-- Findings in the state that was asked for: open, accepted, or gone.
-- fragment: in_state
state <> 'resolved' AND (:state = 'gone' OR (accepted <> '') = (:state = 'accepted'))
    AND (/*sqlite + */target IN (SELECT target FROM targets WHERE gone)) = (:state = 'gone')
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)

-- fragment: of_checks
findings /*sqlite INDEXED BY findings_by_check */ WHERE {{in_state}}
    AND check_name IN (SELECT value FROM json_each(:checks))

-- fragment: of_targets
findings /*sqlite INDEXED BY findings_by_target */
WHERE target IN (SELECT value FROM json_each(:targets))

-- Integers, whose sum PostgreSQL adds several times as fast as that of larger ones.
-- fragment: kept_severities
CAST(sum(CASE WHEN detail = 'critical' THEN CAST(number AS INTEGER) ELSE 0 END) AS BIGINT)
        AS critical,
    CAST(sum(CASE WHEN detail = 'major' THEN CAST(number AS INTEGER) ELSE 0 END) AS BIGINT)
        AS major,
    CAST(sum(CASE WHEN detail = 'trivial' THEN CAST(number AS INTEGER) ELSE 0 END) AS BIGINT)
        AS trivial

-- Each target of a group once, with its numbers.
-- fragment: kept_grouped
CAST(sum(number) AS BIGINT), count(*), CAST(sum(critical) AS BIGINT) AS critical,
    CAST(sum(major) AS BIGINT) AS major, CAST(sum(trivial) AS BIGINT) AS trivial
FROM (
    SELECT site, target, sum(CAST(number AS INTEGER)) AS number, {{kept_severities}}
    FROM {{kept}} GROUP BY site, target
) AS of_target

-- fragment: grouped
count(*), count(DISTINCT target),
    count(*) FILTER (WHERE severity = 'critical') AS critical,
    count(*) FILTER (WHERE severity = 'major') AS major,
    count(*) FILTER (WHERE severity = 'trivial') AS trivial

-- fragment: worst_first
critical DESC, major DESC, trivial DESC

-- name: of_targets
SELECT data FROM findings WHERE target IN (SELECT value FROM json_each(:targets));

-- name: counted_as
SELECT id, family, site, severity, state = 'resolved', accepted <> '' FROM findings
WHERE id IN (SELECT value FROM json_each(:ids));

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
{{of_page}} current_findings_in_order WHERE {{page}})
ORDER BY {{place}};

-- name: page_open_from_end
{{of_page}} current_findings_in_order WHERE {{last_page}})
ORDER BY {{place}};

-- name: page_accepted
{{of_page}} accepted_findings_in_order WHERE {{page}})
ORDER BY {{place}};

-- name: page_accepted_from_end
{{of_page}} accepted_findings_in_order WHERE {{last_page}})
ORDER BY {{place}};

-- name: page_gone
{{of_page}} gone_findings_in_order WHERE {{page}})
ORDER BY {{place}};

-- name: page_gone_from_end
{{of_page}} gone_findings_in_order WHERE {{last_page}})
ORDER BY {{place}};

-- name: page_any
{{of_page}} findings /*sqlite INDEXED BY findings_in_order */
    WHERE (:state = 'all' OR state = :state) AND {{page}})
ORDER BY {{place}};

-- name: page_any_from_end
{{of_page}} findings /*sqlite INDEXED BY findings_in_order */
    WHERE (:state = 'all' OR state = :state) AND {{last_page}})
ORDER BY {{place}};

-- name: count_any
SELECT count(*) FROM findings /*sqlite INDEXED BY findings_in_order */
WHERE (:state = 'all' OR state = :state) AND {{matches}};

-- name: count_kept
SELECT CAST(coalesce(sum(number), 0) AS BIGINT) FROM {{kept}};

-- name: count_sums
SELECT CAST(coalesce(sum(critical * :critical + major * :major + trivial * :trivial), 0) AS BIGINT)
FROM {{sums}};

-- name: count_of_targets
SELECT count(*) FROM {{of_targets}} AND {{in_state}} AND {{matches}};

-- name: count_any_of_targets
SELECT count(*) FROM {{of_targets}} AND (:state = 'all' OR state = :state) AND {{matches}};

-- name: page_of_checks
{{few}} {{of_checks}} AND {{matches}})
{{page_of_few}};

-- name: page_of_targets
{{few}} findings /*sqlite INDEXED BY findings_by_target */
    WHERE target IN (SELECT target FROM {{kept}}) AND {{in_state}} AND {{matches}})
{{page_of_few}};

-- name: page_any_of_targets
{{few}} {{of_targets}} AND (:state = 'all' OR state = :state) AND {{matches}})
{{page_of_few}};

-- name: page_resolved
{{few}} findings /*sqlite INDEXED BY findings_resolved */ WHERE state = 'resolved' AND {{matches}})
{{page_of_few}};

-- name: group_by_check
SELECT * FROM (
    SELECT check_name,
        CAST(sum(critical * :critical + major * :major + trivial * :trivial) AS BIGINT) AS number,
        CAST(coalesce(sum(targets) FILTER (WHERE (severities & :bits) <> 0), 0) AS BIGINT)
            AS targets,
        CAST(sum(critical * :critical) AS BIGINT) AS critical,
        CAST(sum(major * :major) AS BIGINT) AS major,
        CAST(sum(trivial * :trivial) AS BIGINT) AS trivial
    FROM {{sums}} GROUP BY check_name
) AS summed
WHERE number > 0 ORDER BY {{worst_first}}, check_name LIMIT :limit;

-- name: group_by_check_of_targets
SELECT check_name, {{grouped}} FROM {{of_targets}} AND {{in_state}} AND {{matches}}
GROUP BY check_name ORDER BY {{worst_first}}, check_name LIMIT :limit;

-- name: group_by_target
SELECT target, CAST(sum(CAST(number AS INTEGER)) AS BIGINT), 1, {{kept_severities}}
FROM {{kept}} GROUP BY target ORDER BY {{worst_first}}, target LIMIT :limit;

-- name: group_by_site
SELECT site, {{kept_grouped}}
GROUP BY site ORDER BY {{worst_first}}, site LIMIT :limit;

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
