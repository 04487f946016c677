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
