-- Sums over all targets of what kept_counts has of each: a page reads some rows of each check and
-- site instead of some of each target. A transaction adds its differences to the rows of its slot:
-- coordinators have slots of their own where several write, so that none waits for a common row.
CREATE TABLE outcome_sums (
    outcome TEXT NOT NULL,
    site    TEXT NOT NULL,
    family  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    slot    INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (outcome, site, family, kind, slot)
) WITHOUT ROWID;
INSERT INTO outcome_sums (outcome, site, family, kind, slot, number)
SELECT state, site, family, detail, 0, sum(number) FROM kept_counts
WHERE state IN ('passed', 'failed', 'skipped', 'error') GROUP BY state, site, family, detail;

-- Findings of every check, enabled or not, in the state open, accepted, gone or resolved.
-- severities: which ones the check found on each of `targets`: 1 critical, 2 major, 4 trivial, or
-- their sum. Resolved ones are of one severity a row, their targets are not counted.
CREATE TABLE finding_sums (
    state      TEXT NOT NULL,
    check_name TEXT NOT NULL,
    site       TEXT NOT NULL,
    family     TEXT NOT NULL,
    severities INTEGER NOT NULL,
    slot       INTEGER NOT NULL,
    targets    INTEGER NOT NULL,
    critical   INTEGER NOT NULL,
    major      INTEGER NOT NULL,
    trivial    INTEGER NOT NULL,
    PRIMARY KEY (state, check_name, site, family, severities, slot)
) WITHOUT ROWID;
INSERT INTO finding_sums
SELECT state, check_name, site, family,
    (critical > 0) + 2 * (major > 0) + 4 * (trivial > 0) AS severities, 0,
    count(*), sum(critical), sum(major), sum(trivial)
FROM (
    SELECT CASE WHEN target IN (SELECT target FROM targets WHERE gone) THEN 'gone'
            WHEN accepted = '' THEN 'open' ELSE 'accepted' END AS state,
        check_name, site, family, target, sum(severity = 'critical') AS critical,
        sum(severity = 'major') AS major, sum(severity = 'trivial') AS trivial
    FROM findings WHERE state <> 'resolved' GROUP BY 1, 2, 3, 4, 5
) GROUP BY 1, 2, 3, 4, 5;
INSERT INTO finding_sums
SELECT 'resolved', check_name, site, family,
    CASE severity WHEN 'critical' THEN 1 WHEN 'major' THEN 2 ELSE 4 END AS severities, 0, 0,
    sum(severity = 'critical'), sum(severity = 'major'), sum(severity = 'trivial')
FROM findings WHERE state = 'resolved' GROUP BY 1, 2, 3, 4, 5;

-- What each suppression covers is counted in the index alone.
DROP INDEX findings_accepted;
CREATE INDEX findings_accepted ON findings (accepted, state, target, check_name)
WHERE accepted <> '';
