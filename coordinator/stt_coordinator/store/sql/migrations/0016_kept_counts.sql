-- How many findings and outcomes each target has, so that no count reads them all. Of a target that
-- is there: its enabled checks alone, findings by state and severity, outcomes by outcome and kind.
-- Of a gone one: the state 'gone' and the severity of what was found on it, accepted or not.
CREATE TABLE kept_counts (
    state  TEXT NOT NULL,
    site   TEXT NOT NULL,
    family TEXT NOT NULL,
    detail TEXT NOT NULL,
    target TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (state, site, family, detail, target)
) WITHOUT ROWID;
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
CREATE INDEX kept_counts_by_target ON kept_counts (target, state, number);

-- When targets were asked, by site.
ALTER TABLE targets ADD COLUMN last_started TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN last_checked TEXT NOT NULL DEFAULT '';
UPDATE targets SET last_started = coalesce(json_extract(CAST(data AS TEXT), '$.last_started'), ''),
    last_checked = coalesce(json_extract(CAST(data AS TEXT), '$.last_checked'), '');
CREATE INDEX targets_counted ON targets
    (site, family, state, learned, last_started, last_checked) WHERE NOT gone;

-- Gone targets are few, those that are there many: a row is looked for among the few.
DROP VIEW current_pairs;
CREATE VIEW current_pairs AS
SELECT * FROM pairs
WHERE target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

DROP VIEW current_findings;
DROP VIEW accepted_findings;
DROP VIEW gone_findings;
DROP VIEW counted_findings;
DROP INDEX findings_counted;
-- By check, then by target: the targets of a check are counted without sorting them.
CREATE INDEX findings_by_check ON findings
    (check_name, target, severity, accepted, site, family, state) WHERE state <> 'resolved';
CREATE VIEW current_findings AS
SELECT * FROM findings INDEXED BY findings_by_check
WHERE state <> 'resolved' AND accepted = ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

DROP VIEW current_findings_in_order;
CREATE VIEW current_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved' AND accepted = ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

DROP VIEW accepted_findings_in_order;
CREATE VIEW accepted_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved' AND accepted <> ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

DROP VIEW current_parts;
CREATE VIEW current_parts AS
SELECT target, json_extract(each.value, '$.name') AS name, site, min(each.value) AS part
FROM pairs INDEXED BY pairs_with_parts, json_each(pairs.parts) AS each
WHERE parts <> ''
    AND +target NOT IN (SELECT target FROM targets WHERE gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY target, name;

DROP INDEX pairs_counted;
