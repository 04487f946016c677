-- The store as migration 15 of SQLite leaves it. `data` is the whole row as JSON; columns beside it
-- are what is looked up, ordered or counted. COLLATE "C": texts are compared by code point.

-- What the portable statements take apart: SQLite's functions of these names.
CREATE FUNCTION json_each(text) RETURNS TABLE (value text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT json_array_elements_text($1::json)';

CREATE FUNCTION json_extract(text, text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT $1::json ->> substr($2, 3)';

CREATE TABLE store_identity (
    id    SMALLINT PRIMARY KEY CHECK (id = 1),
    store TEXT COLLATE "C" NOT NULL
);
INSERT INTO store_identity (id, store) VALUES (1, replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE write_probe (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    at TEXT COLLATE "C" NOT NULL
);

CREATE TABLE upgrades (
    what TEXT COLLATE "C" PRIMARY KEY,
    at   TEXT COLLATE "C" NOT NULL
);

CREATE TABLE sequences (
    name TEXT COLLATE "C" PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO sequences (name, last) VALUES ('runs', 0);

CREATE TABLE runs (
    run_id   TEXT COLLATE "C" PRIMARY KEY,
    number   BIGINT NOT NULL,
    schedule TEXT COLLATE "C" NOT NULL,
    slot     TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL,
    data     BYTEA NOT NULL
);
CREATE UNIQUE INDEX runs_in_order ON runs (number);
CREATE INDEX runs_going_on ON runs (number) WHERE state = 'running';
CREATE INDEX runs_finished ON runs (schedule, number) WHERE state = 'finished';
CREATE INDEX runs_by_slot ON runs (slot);

CREATE TABLE slots (
    schedule TEXT COLLATE "C" PRIMARY KEY,
    slot     TEXT COLLATE "C" NOT NULL
);

CREATE TABLE jobs (
    position   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id     TEXT COLLATE "C" NOT NULL UNIQUE,
    run_id     TEXT COLLATE "C" NOT NULL,
    target     TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    follows    TEXT COLLATE "C" NOT NULL,
    deadline   TEXT COLLATE "C" NOT NULL,
    not_before TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL
);
CREATE INDEX jobs_by_run ON jobs (run_id, target);
CREATE INDEX jobs_by_run_and_state ON jobs (run_id, state);
-- Only the few outstanding ones: most jobs are final.
CREATE INDEX jobs_outstanding ON jobs (target, position) WHERE state IN ('pending', 'dispatched');
CREATE INDEX jobs_pending ON jobs (position) WHERE state = 'pending';
CREATE INDEX jobs_by_deadline ON jobs (deadline) WHERE state IN ('pending', 'dispatched');
CREATE INDEX jobs_by_followed ON jobs (follows) WHERE follows <> '';
CREATE INDEX jobs_open ON jobs (position) WHERE state IN ('pending', 'dispatched') AND follows = '';

CREATE TABLE results (
    worker   TEXT COLLATE "C" NOT NULL,
    epoch    TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    job_id   TEXT COLLATE "C" NOT NULL,
    received TEXT COLLATE "C" NOT NULL,
    data     BYTEA NOT NULL,
    content  TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (worker, epoch, sequence)
);
CREATE INDEX results_by_age ON results (received);

CREATE TABLE watermarks (
    worker   TEXT COLLATE "C" NOT NULL,
    epoch    TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    at       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (worker, epoch)
);

CREATE TABLE rejected (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code     TEXT COLLATE "C" NOT NULL,
    reason   TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    at       TEXT COLLATE "C" NOT NULL,
    data     BYTEA NOT NULL
);
CREATE INDEX rejected_by_age ON rejected (at);

CREATE TABLE pairs (
    target     TEXT COLLATE "C" NOT NULL,
    check_name TEXT COLLATE "C" NOT NULL,
    site       TEXT COLLATE "C" NOT NULL,
    outcome    TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL,
    parts      TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (target, check_name)
);
CREATE INDEX pairs_counted ON pairs (site, outcome, kind, target, check_name);
CREATE INDEX pairs_with_parts ON pairs (target, check_name) WHERE parts <> '';

CREATE TABLE findings (
    id         TEXT COLLATE "C" PRIMARY KEY,
    target     TEXT COLLATE "C" NOT NULL,
    family     TEXT COLLATE "C" NOT NULL,
    site       TEXT COLLATE "C" NOT NULL,
    check_name TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    severity   TEXT COLLATE "C" NOT NULL,
    since      TEXT COLLATE "C" NOT NULL,
    resolved   TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL,
    accepted   TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX findings_by_target ON findings (target);
CREATE INDEX findings_accepted ON findings (accepted) WHERE accepted <> '';
CREATE INDEX findings_resolved ON findings (resolved) WHERE state = 'resolved';
-- Its first column is written as ORDER BY of the lists has it.
CREATE INDEX findings_in_order ON findings (
    (CASE severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END), since, id
);
CREATE INDEX findings_counted ON findings
    (check_name, site, family, severity, accepted, target, state) WHERE state <> 'resolved';

CREATE TABLE history (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    finding  TEXT COLLATE "C" NOT NULL,
    at       TEXT COLLATE "C" NOT NULL,
    data     BYTEA NOT NULL
);
CREATE INDEX history_by_finding ON history (finding, position);
CREATE INDEX history_by_age ON history (at, position);

CREATE TABLE cursors (
    name     TEXT COLLATE "C" PRIMARY KEY,
    position BIGINT NOT NULL
);

CREATE TABLE exceptions (
    id      TEXT COLLATE "C" PRIMARY KEY,
    live    BOOLEAN NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    target  TEXT COLLATE "C" NOT NULL,
    accepts BOOLEAN NOT NULL,
    until   TEXT COLLATE "C" NOT NULL,
    due     TEXT COLLATE "C" NOT NULL,
    created TEXT COLLATE "C" NOT NULL,
    data    BYTEA NOT NULL
);
CREATE INDEX exceptions_live ON exceptions (target) WHERE live;
CREATE INDEX exceptions_due ON exceptions (due) WHERE live AND due <> '';
CREATE INDEX exceptions_ending ON exceptions (until) WHERE live AND accepts;
CREATE INDEX exceptions_by_age ON exceptions (created, id);
CREATE INDEX exceptions_by_outcome ON exceptions (outcome, created, id);

CREATE TABLE audit (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       TEXT COLLATE "C" NOT NULL,
    data     BYTEA NOT NULL
);
CREATE INDEX audit_by_age ON audit (at);

CREATE TABLE targets (
    target     TEXT COLLATE "C" PRIMARY KEY,
    family     TEXT COLLATE "C" NOT NULL,
    site       TEXT COLLATE "C" NOT NULL,
    gone       BOOLEAN NOT NULL,
    learned    BOOLEAN NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL,
    awaits_run BOOLEAN NOT NULL DEFAULT false
);
CREATE INDEX targets_unchecked ON targets (target) WHERE state = 'unchecked';
CREATE INDEX targets_present ON targets (target, site, family, learned) WHERE NOT gone;
CREATE INDEX targets_gone ON targets (target, site, family) WHERE gone;
CREATE INDEX targets_awaiting ON targets (target) WHERE awaits_run AND NOT gone;

CREATE TABLE workers (
    worker TEXT COLLATE "C" PRIMARY KEY,
    data   BYTEA NOT NULL
);

CREATE TABLE checks (
    check_name TEXT COLLATE "C" PRIMARY KEY,
    family     TEXT COLLATE "C" NOT NULL,
    enabled    BOOLEAN NOT NULL,
    data       BYTEA NOT NULL
);
CREATE INDEX checks_enabled ON checks (check_name) WHERE enabled;

CREATE TABLE control (
    only_row SMALLINT PRIMARY KEY CHECK (only_row = 1),
    data     BYTEA NOT NULL
);

CREATE TABLE clock (
    only_row SMALLINT PRIMARY KEY CHECK (only_row = 1),
    data     BYTEA NOT NULL
);

CREATE TABLE counts (
    hour TEXT COLLATE "C" PRIMARY KEY,
    at   TEXT COLLATE "C" NOT NULL,
    data BYTEA NOT NULL
);
CREATE INDEX counts_by_age ON counts (at);

-- `open` is null where a day was never counted.
CREATE TABLE daily (
    day      TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    open     BIGINT,
    counted  TEXT COLLATE "C" NOT NULL DEFAULT '',
    opened   BIGINT NOT NULL DEFAULT 0,
    resolved BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (day, severity)
);

CREATE TABLE fixes (
    day      TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    minutes  BIGINT NOT NULL,
    number   BIGINT NOT NULL,
    PRIMARY KEY (day, severity, minutes)
);

CREATE TABLE outbox (
    position   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject    TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL
);

-- What people see now: not of targets that are gone, nor of checks that are switched off.
CREATE VIEW current_pairs AS
SELECT * FROM pairs
WHERE target IN (SELECT target FROM targets WHERE NOT gone)
    AND check_name IN (SELECT check_name FROM checks WHERE enabled);

CREATE VIEW current_findings AS
SELECT * FROM findings
WHERE state <> 'resolved' AND accepted = ''
    AND target IN (SELECT target FROM targets WHERE NOT gone)
    AND check_name IN (SELECT check_name FROM checks WHERE enabled);

CREATE VIEW accepted_findings AS
SELECT * FROM findings
WHERE state <> 'resolved' AND accepted <> ''
    AND target IN (SELECT target FROM targets WHERE NOT gone)
    AND check_name IN (SELECT check_name FROM checks WHERE enabled);

CREATE VIEW gone_findings AS
SELECT * FROM findings
WHERE state <> 'resolved'
    AND target IN (SELECT target FROM targets WHERE gone)
    AND check_name IN (SELECT check_name FROM checks WHERE enabled);

-- Views of their own in SQLite, where they name an index.
CREATE VIEW current_findings_in_order AS SELECT * FROM current_findings;
CREATE VIEW accepted_findings_in_order AS SELECT * FROM accepted_findings;
CREATE VIEW gone_findings_in_order AS SELECT * FROM gone_findings;

-- How many findings that are not resolved have all of these in common, accepted or not.
CREATE VIEW counted_findings AS
SELECT check_name, site, family, severity, accepted <> '' AS is_accepted, count(*) AS number
FROM findings
WHERE state <> 'resolved' AND target IN (SELECT target FROM targets WHERE NOT gone)
GROUP BY check_name, site, family, severity, accepted;

-- Each database of a target once, however many checks left it out; of several reasons one stands.
CREATE VIEW current_parts AS
SELECT target, json_extract(each.value, '$.name') COLLATE "C" AS name, site,
    min(each.value COLLATE "C") AS part
FROM pairs, json_each(pairs.parts) AS each
WHERE parts <> ''
    AND target IN (SELECT target FROM targets WHERE NOT gone)
    AND check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY 1, 2, 3;
