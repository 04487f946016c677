-- Counts of outcomes and findings whose target has no row in `targets` did not follow the checks
-- that are enabled. All are counted anew, as in migration 16.
DELETE FROM kept_counts;

INSERT INTO kept_counts (state, site, family, detail, target, number)
SELECT outcome, site, family, kind, target, count(*) FROM pairs JOIN checks USING (check_name)
WHERE enabled AND target NOT IN (SELECT target FROM targets WHERE gone)
GROUP BY outcome, site, family, kind, target;
INSERT INTO kept_counts (state, site, family, detail, target, number)
SELECT CASE WHEN target IN (SELECT target FROM targets WHERE gone) THEN 'gone'
    WHEN accepted = '' THEN 'open' ELSE 'accepted' END, site, family, severity, target, count(*)
FROM findings
WHERE state <> 'resolved' AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY 1, 2, 3, 4, 5;

-- As in SQLite: also of targets without a row, and each database of a target once, with the site of
-- the reason that stands.
DROP VIEW current_parts;
CREATE VIEW current_parts AS
SELECT DISTINCT ON (target, name) target, name, site, part FROM (
    SELECT pairs.target, json_extract(each.value, '$.name') COLLATE "C" AS name, pairs.site,
        each.value COLLATE "C" AS part
    FROM pairs, json_each(pairs.parts) AS each
    WHERE parts <> ''
        AND target NOT IN (SELECT target FROM targets WHERE gone)
        AND check_name IN (SELECT check_name FROM checks WHERE enabled)
) AS every
ORDER BY target, name, part;
