-- What is kept of a day when its runs and events are gone. `open` is what the last count of that
-- day said, null where there was none; `counted` is when. Days are UTC.
CREATE TABLE daily (
    day      TEXT NOT NULL,
    severity TEXT NOT NULL,
    open     INTEGER,
    counted  TEXT NOT NULL DEFAULT '',
    opened   INTEGER NOT NULL DEFAULT 0,
    resolved INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, severity)
) WITHOUT ROWID;

-- How many findings were resolved that day after so many minutes.
CREATE TABLE fixes (
    day      TEXT NOT NULL,
    severity TEXT NOT NULL,
    minutes  INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    PRIMARY KEY (day, severity, minutes)
) WITHOUT ROWID;

-- The days before this table was there, from what is still stored of them.
INSERT INTO daily (day, severity, open, counted)
SELECT substr(last.at, 1, 10), each.value,
    coalesce(json_extract(CAST(counts.data AS TEXT), '$.' || each.value), 0), last.at
FROM (SELECT max(at) AS at FROM counts GROUP BY substr(at, 1, 10)) AS last
JOIN counts ON counts.at = last.at
JOIN json_each('["critical", "major", "trivial"]') AS each
WHERE true
ON CONFLICT DO NOTHING;

CREATE TEMP TABLE told AS
SELECT substr(at, 1, 10) AS day, at,
    json_extract(event, '$.change') AS change,
    json_extract(event, '$.after.severity') AS severity,
    json_extract(event, '$.before.severity') AS was,
    coalesce(json_extract(event, '$.before.since'), json_extract(event, '$.before.first_seen'))
        AS since,
    CASE json_extract(event, '$.change')
        WHEN 'resolved' THEN json_extract(event, '$.before.accepted')
        ELSE json_extract(event, '$.after.accepted')
    END AS accepted
FROM (SELECT at, CAST(data AS TEXT) AS event FROM history)
WHERE json_extract(event, '$.change') IN ('opened', 'reopened', 'resolved');

INSERT INTO daily (day, severity, opened)
SELECT day, severity, count(*) FROM told
WHERE change <> 'resolved' AND accepted IS NULL GROUP BY day, severity
ON CONFLICT (day, severity) DO UPDATE SET opened = excluded.opened;

INSERT INTO daily (day, severity, resolved)
SELECT day, was, count(*) FROM told
WHERE change = 'resolved' AND accepted IS NULL AND was IS NOT NULL GROUP BY day, was
ON CONFLICT (day, severity) DO UPDATE SET resolved = excluded.resolved;

INSERT INTO fixes (day, severity, minutes, number)
SELECT day, was, max(0, CAST((julianday(at) - julianday(since)) * 1440 + 0.0001 AS INTEGER))
    AS minutes, count(*)
FROM told
WHERE change = 'resolved' AND accepted IS NULL AND was IS NOT NULL
GROUP BY day, was, minutes;

DROP TABLE told;

-- What pruning looks for, and what a diff does.
CREATE INDEX rejected_by_age ON rejected (at);
CREATE INDEX findings_resolved ON findings (resolved) WHERE state = 'resolved';
CREATE INDEX runs_finished ON runs (schedule, slot) WHERE state = 'finished';
CREATE INDEX targets_unchecked ON targets (target) WHERE state = 'unchecked';
