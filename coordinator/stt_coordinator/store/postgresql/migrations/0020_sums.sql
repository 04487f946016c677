-- Sums over all targets of what kept_counts has of each: a page reads some rows of each check and
-- site instead of some of each target. A transaction adds its differences to the rows of its slot:
-- coordinators have slots of their own where several write, so that none waits for a common row.
CREATE TABLE outcome_sums (
    outcome TEXT COLLATE "C" NOT NULL,
    site    TEXT COLLATE "C" NOT NULL,
    family  TEXT COLLATE "C" NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    slot    BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    PRIMARY KEY (outcome, site, family, kind, slot)
) WITH (fillfactor = 50);
INSERT INTO outcome_sums (outcome, site, family, kind, slot, number)
SELECT state, site, family, detail, 0, sum(number) FROM kept_counts
WHERE state IN ('passed', 'failed', 'skipped', 'error') GROUP BY state, site, family, detail;

-- Findings of every check, enabled or not, in the state open, accepted, gone or resolved.
-- severities: which ones the check found on each of `targets`: 1 critical, 2 major, 4 trivial, or
-- their sum. Resolved ones are of one severity a row, their targets are not counted.
-- Half of each page is left free: rows are updated often, and in place where there is room.
CREATE TABLE finding_sums (
    state      TEXT COLLATE "C" NOT NULL,
    check_name TEXT COLLATE "C" NOT NULL,
    site       TEXT COLLATE "C" NOT NULL,
    family     TEXT COLLATE "C" NOT NULL,
    severities BIGINT NOT NULL,
    slot       BIGINT NOT NULL,
    targets    BIGINT NOT NULL,
    critical   BIGINT NOT NULL,
    major      BIGINT NOT NULL,
    trivial    BIGINT NOT NULL,
    PRIMARY KEY (state, check_name, site, family, severities, slot)
) WITH (fillfactor = 50);
INSERT INTO finding_sums
SELECT state, check_name, site, family,
    (critical > 0)::int + 2 * (major > 0)::int + 4 * (trivial > 0)::int AS severities, 0,
    count(*), sum(critical), sum(major), sum(trivial)
FROM (
    SELECT CASE WHEN target IN (SELECT target FROM targets WHERE gone) THEN 'gone'
            WHEN accepted = '' THEN 'open' ELSE 'accepted' END AS state,
        check_name, site, family, target, count(*) FILTER (WHERE severity = 'critical') AS critical,
        count(*) FILTER (WHERE severity = 'major') AS major,
        count(*) FILTER (WHERE severity = 'trivial') AS trivial
    FROM findings WHERE state <> 'resolved' GROUP BY 1, 2, 3, 4, 5
) AS found GROUP BY 1, 2, 3, 4, 5;
INSERT INTO finding_sums
SELECT 'resolved', check_name, site, family,
    CASE severity WHEN 'critical' THEN 1 WHEN 'major' THEN 2 ELSE 4 END AS severities, 0, 0,
    count(*) FILTER (WHERE severity = 'critical'), count(*) FILTER (WHERE severity = 'major'),
    count(*) FILTER (WHERE severity = 'trivial')
FROM findings WHERE state = 'resolved' GROUP BY 1, 2, 3, 4, 5;

-- Pages are found in the index alone, as in SQLite: what is passed over is not looked up.
DROP INDEX findings_in_order;
CREATE INDEX findings_in_order ON findings (
    (CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END), since, id
) INCLUDE (state, accepted, severity, family, site, target, check_name);

-- What each suppression covers is counted in the index alone.
DROP INDEX findings_accepted;
CREATE INDEX findings_accepted ON findings (accepted, state, target, check_name)
WHERE accepted <> '';
