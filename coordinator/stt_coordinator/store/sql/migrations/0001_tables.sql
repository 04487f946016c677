-- `data` is the whole row as JSON; columns beside it are what is looked up, ordered or counted.

CREATE TABLE runs (
    run_id   TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    slot     TEXT NOT NULL,
    state    TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE INDEX runs_by_slot ON runs (slot);

CREATE TABLE slots (
    schedule TEXT PRIMARY KEY,
    slot     TEXT NOT NULL
);

CREATE TABLE jobs (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     TEXT NOT NULL UNIQUE,
    run_id     TEXT NOT NULL,
    target     TEXT NOT NULL,
    state      TEXT NOT NULL,
    follows    TEXT NOT NULL,
    deadline   TEXT NOT NULL,
    not_before TEXT NOT NULL,
    data       BLOB NOT NULL
);
CREATE INDEX jobs_by_run ON jobs (run_id, target);
CREATE INDEX jobs_by_run_and_state ON jobs (run_id, state);
-- Only the few outstanding ones: most jobs are final.
CREATE INDEX jobs_outstanding ON jobs (target, position) WHERE state IN ('pending', 'dispatched');
CREATE INDEX jobs_pending ON jobs (position) WHERE state = 'pending';
CREATE INDEX jobs_by_deadline ON jobs (deadline) WHERE state IN ('pending', 'dispatched');
CREATE INDEX jobs_by_followed ON jobs (follows) WHERE follows <> '';

CREATE TABLE results (
    worker   TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    job_id   TEXT NOT NULL,
    received TEXT NOT NULL,
    data     BLOB NOT NULL,
    PRIMARY KEY (worker, epoch, sequence)
);
CREATE INDEX results_by_age ON results (received);

CREATE TABLE watermarks (
    worker   TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (worker, epoch)
);

CREATE TABLE pairs (
    target     TEXT NOT NULL,
    check_name TEXT NOT NULL,
    site       TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (target, check_name)
) WITHOUT ROWID;

CREATE TABLE findings (
    id         TEXT PRIMARY KEY,
    target     TEXT NOT NULL,
    family     TEXT NOT NULL,
    site       TEXT NOT NULL,
    check_name TEXT NOT NULL,
    state      TEXT NOT NULL,
    severity   TEXT NOT NULL,
    since      TEXT NOT NULL,
    resolved   TEXT NOT NULL,
    data       BLOB NOT NULL
);
CREATE INDEX findings_by_target ON findings (target);
CREATE INDEX findings_not_resolved ON findings (severity, since) WHERE state <> 'resolved';

CREATE TABLE history (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    finding  TEXT NOT NULL,
    at       TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE INDEX history_by_finding ON history (finding, position);
CREATE INDEX history_by_age ON history (at, position);

CREATE TABLE targets (
    target  TEXT PRIMARY KEY,
    family  TEXT NOT NULL,
    site    TEXT NOT NULL,
    gone    INTEGER NOT NULL,
    learned INTEGER NOT NULL,
    state   TEXT NOT NULL,
    data    BLOB NOT NULL
);

CREATE TABLE workers (
    worker TEXT PRIMARY KEY,
    data   BLOB NOT NULL
);

CREATE TABLE checks (
    check_name TEXT PRIMARY KEY,
    family     TEXT NOT NULL,
    enabled    INTEGER NOT NULL,
    data       BLOB NOT NULL
);

CREATE TABLE control (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    data     BLOB NOT NULL
);

CREATE TABLE counts (
    hour TEXT PRIMARY KEY,
    at   TEXT NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE outbox (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    TEXT NOT NULL,
    message_id TEXT NOT NULL,
    data       BLOB NOT NULL
);

CREATE TABLE rejected (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    code     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    at       TEXT NOT NULL,
    data     BLOB NOT NULL
);

-- What people see now: not of targets that are gone, nor of checks that are switched off.
CREATE VIEW current_pairs AS
SELECT pairs.* FROM pairs
JOIN targets ON targets.target = pairs.target AND NOT targets.gone
JOIN checks ON checks.check_name = pairs.check_name AND checks.enabled;

CREATE VIEW current_findings AS
SELECT findings.* FROM findings
JOIN targets ON targets.target = findings.target AND NOT targets.gone
JOIN checks ON checks.check_name = findings.check_name AND checks.enabled
WHERE findings.state <> 'resolved';
