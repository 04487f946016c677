-- name: tally_outcomes
SELECT outcome, site, family, kind, CAST(sum(number) AS BIGINT) FROM outcome_sums
GROUP BY outcome, site, family, kind HAVING sum(number) <> 0
ORDER BY outcome, site, family, kind;

-- name: tally_findings
SELECT state, site, family, CAST(sum(critical) AS BIGINT), CAST(sum(major) AS BIGINT),
    CAST(sum(trivial) AS BIGINT)
FROM finding_sums
WHERE state IN ('open', 'accepted', 'gone')
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY state, site, family ORDER BY state, site, family;

-- name: tally_targets
SELECT site, family, state, learned, count(*), max(last_started), max(last_checked) FROM targets
WHERE NOT gone
GROUP BY site, family, state, learned ORDER BY site, family, state, learned;

-- name: tally_gone
SELECT site, family, count(*) FROM targets WHERE gone
GROUP BY site, family ORDER BY site, family;

-- name: tally_checks
SELECT family, count(*) FROM checks WHERE enabled GROUP BY family ORDER BY family;

-- A target without a row has the family of its checks.
-- name: tally_parts
SELECT current_parts.site, coalesce(targets.family, (
    SELECT min(checks.family) FROM pairs JOIN checks USING (check_name)
    WHERE pairs.target = current_parts.target
)) AS family, json_extract(part, '$.kind') AS kind, count(*)
FROM current_parts LEFT JOIN targets ON targets.target = current_parts.target
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- Not those of `targets` alone: outcomes and findings count without a row there, too, and their
-- counts would stay as they were when other checks are enabled.
-- name: counted_targets
SELECT target FROM targets UNION SELECT target FROM pairs UNION SELECT target FROM findings
UNION SELECT target FROM kept_counts ORDER BY target;

-- What the kept counts of some targets are in sum.
-- name: sum_outcomes
SELECT state, site, family, detail, CAST(sum(number) AS BIGINT)
FROM kept_counts /*sqlite INDEXED BY kept_counts_by_target */
WHERE target IN (SELECT value FROM json_each(:targets))
    AND state IN ('passed', 'failed', 'skipped', 'error')
GROUP BY state, site, family, detail;

-- What the findings of some targets are in sum, as migration 20 has it.
-- name: sum_findings
SELECT state, check_name, site, family, CASE WHEN critical > 0 THEN 1 ELSE 0 END
    + CASE WHEN major > 0 THEN 2 ELSE 0 END + CASE WHEN trivial > 0 THEN 4 ELSE 0 END AS severities,
    count(*), CAST(sum(critical) AS BIGINT), CAST(sum(major) AS BIGINT),
    CAST(sum(trivial) AS BIGINT)
FROM (
    SELECT CASE WHEN /*sqlite + */target IN (SELECT target FROM targets WHERE gone) THEN 'gone'
            WHEN accepted = '' THEN 'open' ELSE 'accepted' END AS state,
        check_name, site, family, target, count(*) FILTER (WHERE severity = 'critical') AS critical,
        count(*) FILTER (WHERE severity = 'major') AS major,
        count(*) FILTER (WHERE severity = 'trivial') AS trivial
    FROM findings /*sqlite INDEXED BY findings_by_target */
    WHERE target IN (SELECT value FROM json_each(:targets)) AND state <> 'resolved'
    GROUP BY 1, 2, 3, 4, 5
) AS found
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT 'resolved', check_name, site, family,
    CASE severity WHEN 'critical' THEN 1 WHEN 'major' THEN 2 ELSE 4 END AS severities, 0,
    count(*) FILTER (WHERE severity = 'critical'), count(*) FILTER (WHERE severity = 'major'),
    count(*) FILTER (WHERE severity = 'trivial')
FROM findings /*sqlite INDEXED BY findings_by_target */
WHERE target IN (SELECT value FROM json_each(:targets)) AND state = 'resolved'
GROUP BY 1, 2, 3, 4, 5;

-- name: add_outcomes
INSERT INTO outcome_sums (outcome, site, family, kind, slot, number)
VALUES (:outcome, :site, :family, :kind, :slot, :number)
ON CONFLICT (outcome, site, family, kind, slot)
DO UPDATE SET number = outcome_sums.number + excluded.number;

-- name: add_findings
INSERT INTO finding_sums
    (state, check_name, site, family, severities, slot, targets, critical, major, trivial)
VALUES (:state, :check_name, :site, :family, :severities, :slot, :targets, :critical, :major,
    :trivial)
ON CONFLICT (state, check_name, site, family, severities, slot)
DO UPDATE SET targets = finding_sums.targets + excluded.targets,
    critical = finding_sums.critical + excluded.critical,
    major = finding_sums.major + excluded.major, trivial = finding_sums.trivial + excluded.trivial;

-- name: drop_empty_outcomes
DELETE FROM outcome_sums WHERE slot = :slot AND number = 0;

-- name: drop_empty_findings
DELETE FROM finding_sums
WHERE slot = :slot AND targets = 0 AND critical = 0 AND major = 0 AND trivial = 0;

-- name: forget_outcomes
DELETE FROM kept_counts WHERE target IN (SELECT value FROM json_each(:targets))
    AND state IN ('passed', 'failed', 'skipped', 'error');

-- name: forget_findings
DELETE FROM kept_counts WHERE target IN (SELECT value FROM json_each(:targets))
    AND state IN ('open', 'accepted', 'gone');

-- name: keep_outcomes
INSERT INTO kept_counts (state, site, family, detail, target, number)
SELECT outcome, site, family, kind, target, count(*)
FROM pairs /*sqlite CROSS */ JOIN checks USING (check_name)
WHERE target IN (SELECT value FROM json_each(:targets)) AND enabled
    AND /*sqlite + */target NOT IN (SELECT target FROM targets WHERE gone)
GROUP BY outcome, site, family, kind, target;

-- name: keep_findings
INSERT INTO kept_counts (state, site, family, detail, target, number)
SELECT CASE WHEN /*sqlite + */target IN (SELECT target FROM targets WHERE gone) THEN 'gone'
    WHEN accepted = '' THEN 'open' ELSE 'accepted' END, site, family, severity, target, count(*)
FROM findings /*sqlite INDEXED BY findings_by_target */
WHERE target IN (SELECT value FROM json_each(:targets)) AND state <> 'resolved'
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY 1, 2, 3, 4, 5;

-- name: sites
SELECT site, count(*), count(*) FILTER (WHERE state <> 'checked'),
    count(*) FILTER (WHERE state = 'checked' AND last_started < :late), max(last_checked)
FROM targets WHERE NOT gone
GROUP BY site ORDER BY site;

-- name: put
INSERT INTO counts (hour, at, data) VALUES (:hour, :at, :data)
ON CONFLICT (hour) DO UPDATE SET at = excluded.at, data = excluded.data;

-- name: put_day
INSERT INTO daily (day, severity, open, counted) VALUES (:day, :severity, :open, :counted)
ON CONFLICT (day, severity) DO UPDATE SET open = excluded.open, counted = excluded.counted;

-- name: before
SELECT data FROM counts WHERE at <= :at ORDER BY at DESC LIMIT 1;

-- name: days
SELECT day, severity, open, opened, resolved FROM daily WHERE day >= :since ORDER BY day, severity;

-- name: last_counted_day
SELECT day FROM daily WHERE day < :before AND open IS NOT NULL ORDER BY day DESC LIMIT 1;

-- How many were resolved, and the minutes that half of them and nine of ten do not pass.
-- name: fix_times
SELECT severity, CAST(max(number) AS BIGINT), min(minutes) FILTER (WHERE 2 * reached >= number),
    min(minutes) FILTER (WHERE 10 * reached >= 9 * number)
FROM (
    SELECT severity, minutes, sum(number) OVER (PARTITION BY severity ORDER BY minutes) AS reached,
        sum(number) OVER (PARTITION BY severity) AS number
    FROM (
        SELECT severity, minutes, sum(number) AS number FROM fixes WHERE day >= :since
        GROUP BY severity, minutes
    ) AS of_minutes
) AS ranked
GROUP BY severity;
