-- answers: {"epoch": "2fb93828774d4558", "pending": [[2, "stt.v1.result.mysql.eu-west.t1.w1", "standard-1.t1/1-1-1/2fb93828774d4558"], [3, "stt.v1.result.mysql.eu-west.t2.w1", "standard-1.t2/1-1-1/2fb93828774d4558"]]}
BEGIN;
CREATE TABLE identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch TEXT NOT NULL,
    sequence INTEGER NOT NULL
) STRICT;
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    data BLOB NOT NULL
, traceparent TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE journal (
    job_id TEXT NOT NULL,
    dispatch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    finished TEXT NOT NULL,
    PRIMARY KEY (job_id, dispatch)
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_by_finished ON journal (finished);
CREATE TABLE attempt (
    job_id TEXT NOT NULL,
    dispatch INTEGER NOT NULL,
    starts INTEGER NOT NULL,
    started TEXT NOT NULL,
    PRIMARY KEY (job_id, dispatch)
) STRICT, WITHOUT ROWID;
INSERT INTO identity VALUES (1, '2fb93828774d4558', 3);
INSERT INTO outbox VALUES (2, 'stt.v1.result.mysql.eu-west.t1.w1', 'standard-1.t1/1-1-1/2fb93828774d4558', CAST('{"job_id":"standard-1.t1","run_id":"standard-1","dispatch":1,"execution":"1-1-1","target":"t1","family":"mysql","site":"eu-west","worker":"w1","sequence":2,"epoch":"2fb93828774d4558","started":"2026-11-23T17:41:50.710451Z","finished":"2026-11-23T17:41:50.710451Z","outcomes":[{"check":"c1","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"''app''@''%''","severity":"critical","summary":"''app''@''%'' has no password","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0}],"facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":""},"schema":"stt.result/v1"}' AS BLOB), '');
INSERT INTO outbox VALUES (3, 'stt.v1.result.mysql.eu-west.t2.w1', 'standard-1.t2/1-1-1/2fb93828774d4558', CAST('{"job_id":"standard-1.t2","run_id":"standard-1","dispatch":1,"execution":"1-1-1","target":"t2","family":"mysql","site":"eu-west","worker":"w1","sequence":3,"epoch":"2fb93828774d4558","started":"2026-11-23T17:41:50.719180Z","finished":"2026-11-23T17:41:50.719180Z","outcomes":[{"check":"c1","outcome":"failed","digest":"","kind":null,"reason":"","findings":[{"key":"''app''@''%''","severity":"critical","summary":"''app''@''%'' has no password","object":"''app''@''%''","description":"","remediation":"","read_more_url":"","evidence":[],"labels":{}}],"duration_ms":0.0}],"facts":{"flavour":"mysql","version":[8,4,6],"version_text":"8.4.6","provider":"self-managed","role":""},"schema":"stt.result/v1"}' AS BLOB), '');
INSERT INTO journal VALUES ('standard-1.t0', 1, 1, '2026-11-23T17:41:50.706194Z');
INSERT INTO journal VALUES ('standard-1.t1', 1, 2, '2026-11-23T17:41:50.710451Z');
INSERT INTO journal VALUES ('standard-1.t2', 1, 3, '2026-11-23T17:41:50.719180Z');
INSERT INTO attempt VALUES ('standard-1.t0', 1, 1, '2026-11-23T17:41:50.706167Z');
INSERT INTO attempt VALUES ('standard-1.t1', 1, 1, '2026-11-23T17:41:50.706167Z');
INSERT INTO attempt VALUES ('standard-1.t2', 1, 1, '2026-11-23T17:41:50.706167Z');
PRAGMA user_version = 2;
COMMIT;
