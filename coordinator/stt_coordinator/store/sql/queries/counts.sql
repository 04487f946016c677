-- name: tally_kept
SELECT state, site, family, detail, CAST(sum(number) AS BIGINT) FROM kept_counts
GROUP BY state, site, family, detail ORDER BY state, site, family, detail;

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

-- name: forget
DELETE FROM kept_counts WHERE target IN (SELECT value FROM json_each(:targets));

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

-- name: fixes
SELECT severity, minutes, CAST(sum(number) AS BIGINT) FROM fixes WHERE day >= :since
GROUP BY severity, minutes ORDER BY severity, minutes;
