-- Targets that are gone: few, and counted apart.
CREATE INDEX targets_gone ON targets (target, site, family) WHERE gone;

-- What was found on targets that are gone, accepted or not.
CREATE VIEW gone_findings AS
SELECT * FROM findings INDEXED BY findings_counted
WHERE state <> 'resolved'
    AND +target IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

-- The same, to be read in order.
CREATE VIEW gone_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved'
    AND +target IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

-- An outcome is of the site and the family that its target has now: what was learned elsewhere
-- under this name would count for a check that was never run.
DELETE FROM pairs WHERE NOT EXISTS (
    SELECT 1 FROM targets WHERE targets.target = pairs.target AND targets.site = pairs.site
        AND targets.family = json_extract(CAST(pairs.data AS TEXT), '$.family')
);
