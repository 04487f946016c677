-- name: tally_findings
SELECT site, severity, CAST(sum(number) AS BIGINT) FROM counted_findings
WHERE NOT is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, severity ORDER BY site, severity;

-- name: tally_accepted
SELECT site, CAST(sum(number) AS BIGINT) FROM counted_findings
WHERE is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site ORDER BY site;

-- name: tally_pairs
SELECT site, outcome, kind, count(*) FROM pairs /*sqlite INDEXED BY pairs_counted */
WHERE /*sqlite + */target IN (SELECT target FROM targets WHERE NOT gone)
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, outcome, kind ORDER BY site, outcome, kind;

-- name: tally_targets
SELECT site, family, learned, count(*) FROM targets WHERE NOT gone
GROUP BY site, family, learned ORDER BY site, family, learned;

-- name: tally_gone
SELECT site, family, count(*) FROM targets WHERE gone
GROUP BY site, family ORDER BY site, family;

-- name: tally_gone_findings
SELECT site, count(*) FROM gone_findings GROUP BY site ORDER BY site;

-- name: tally_checks
SELECT family, count(*) FROM checks WHERE enabled GROUP BY family ORDER BY family;

-- name: tally_run
SELECT site, count(*) FROM pairs /*sqlite INDEXED BY pairs_counted */
WHERE /*sqlite + */target IN (SELECT target FROM targets WHERE NOT gone)
    AND /*sqlite + */check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site ORDER BY site;

-- name: tally_run_by_family
SELECT pairs.site, family, count(*) FROM pairs /*sqlite INDEXED BY pairs_counted */
/*sqlite CROSS */ JOIN checks USING (check_name)
WHERE enabled AND /*sqlite + */target IN (SELECT target FROM targets WHERE NOT gone)
GROUP BY pairs.site, family ORDER BY pairs.site, family;

-- name: tally_parts
SELECT site, count(*) FROM current_parts GROUP BY site ORDER BY site;

-- name: break_down_findings
SELECT site, family, severity, CAST(sum(number) AS BIGINT) FROM counted_findings
WHERE NOT is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, family, severity ORDER BY site, family, severity;

-- name: break_down_accepted
SELECT site, family, severity, CAST(sum(number) AS BIGINT) FROM counted_findings
WHERE is_accepted AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY site, family, severity ORDER BY site, family, severity;

-- name: break_down_pairs
SELECT site, family, kind, count(*) FROM current_pairs JOIN checks USING (check_name)
WHERE kind <> '' AND kind <> 'not_applicable'
GROUP BY site, family, kind ORDER BY site, family, kind;

-- name: break_down_parts
SELECT current_parts.site, family, json_extract(part, '$.kind') AS kind, count(*)
FROM current_parts JOIN targets USING (target)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

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
