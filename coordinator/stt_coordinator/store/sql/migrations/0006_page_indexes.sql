-- Lists of findings are read in their order and left out of by their filters from this index alone;
-- only the rows of the page itself are looked up. Its first column has to be written as ORDER BY
-- has it, and views name the index: without statistics the planner would rather sort everything.
CREATE INDEX findings_in_order ON findings (
    CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END, since, id,
    state, accepted, severity, family, site, target, check_name
);

-- Counts of what is not resolved, without a look at the rows.
CREATE INDEX findings_counted ON findings
    (check_name, site, family, severity, accepted, target, state) WHERE state <> 'resolved';
DROP INDEX findings_not_resolved;
DROP INDEX findings_not_resolved_by_check;

-- Counts of the latest outcomes, in the order in which they are told.
CREATE INDEX pairs_counted ON pairs (site, outcome, kind, target, check_name);

-- Targets and checks are asked of in lists made once: a join would look up both for every row.
DROP VIEW current_pairs;
CREATE VIEW current_pairs AS
SELECT * FROM pairs
WHERE +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

DROP VIEW current_findings;
CREATE VIEW current_findings AS
SELECT * FROM findings INDEXED BY findings_counted
WHERE state <> 'resolved' AND accepted = ''
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

DROP VIEW accepted_findings;
CREATE VIEW accepted_findings AS
SELECT * FROM findings INDEXED BY findings_counted
WHERE state <> 'resolved' AND accepted <> ''
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

-- The same, to be read in order.
CREATE VIEW current_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved' AND accepted = ''
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

CREATE VIEW accepted_findings_in_order AS
SELECT * FROM findings INDEXED BY findings_in_order
WHERE state <> 'resolved' AND accepted <> ''
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled);

-- How many findings that are not resolved have all of these in common, accepted or not.
CREATE VIEW counted_findings AS
SELECT check_name, site, family, severity, accepted <> '' AS is_accepted, count(*) AS number
FROM findings INDEXED BY findings_counted
WHERE state <> 'resolved' AND +target IN (SELECT target FROM targets WHERE NOT gone)
GROUP BY check_name, site, family, severity, accepted;

DROP INDEX pairs_not_checked;

-- Runs in the order of their list, and the few that are going on.
CREATE INDEX runs_in_order ON runs (slot, run_id);
CREATE INDEX runs_going_on ON runs (slot, run_id) WHERE state = 'running';
DROP INDEX runs_by_slot;

-- Jobs that wait or are being worked on; all others are final.
CREATE INDEX jobs_open ON jobs (position) WHERE state IN ('pending', 'dispatched') AND follows = '';

-- The counts of yesterday.
CREATE INDEX counts_by_age ON counts (at);
