-- Exceptions from what the checks say. `live` is 0 once one was ended or revoked; `target` is empty
-- where it may concern any target; `due` is when something has to be done about it, empty: never.
CREATE TABLE exceptions (
    id       TEXT PRIMARY KEY,
    live     INTEGER NOT NULL,
    outcome  TEXT NOT NULL,
    target   TEXT NOT NULL,
    accepts  INTEGER NOT NULL,
    until    TEXT NOT NULL,
    due      TEXT NOT NULL,
    created  TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE INDEX exceptions_live ON exceptions (target) WHERE live;
CREATE INDEX exceptions_due ON exceptions (due) WHERE live AND due <> '';
CREATE INDEX exceptions_ending ON exceptions (until) WHERE live AND accepts;
CREATE INDEX exceptions_by_age ON exceptions (created, id);
CREATE INDEX exceptions_by_outcome ON exceptions (outcome, created, id);

-- The id of the exception through which a finding is accepted; empty: it is not.
ALTER TABLE findings ADD COLUMN accepted TEXT NOT NULL DEFAULT '';
CREATE INDEX findings_accepted ON findings (accepted) WHERE accepted <> '';
CREATE INDEX findings_not_resolved_by_check ON findings (check_name) WHERE state <> 'resolved';

DROP VIEW current_findings;
CREATE VIEW current_findings AS
SELECT findings.* FROM findings
JOIN targets ON targets.target = findings.target AND NOT targets.gone
JOIN checks ON checks.check_name = findings.check_name AND checks.enabled
WHERE findings.state <> 'resolved' AND findings.accepted = '';

CREATE VIEW accepted_findings AS
SELECT findings.* FROM findings
JOIN targets ON targets.target = findings.target AND NOT targets.gone
JOIN checks ON checks.check_name = findings.check_name AND checks.enabled
WHERE findings.state <> 'resolved' AND findings.accepted <> '';
