-- One row: the name of this outbox, and the highest position ever given to a result.
CREATE TABLE identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch TEXT NOT NULL,
    sequence INTEGER NOT NULL
) STRICT;

-- Results that the watermark does not cover yet.
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    data BLOB NOT NULL
) STRICT;

-- Every job that has its result, also after that is covered: a job delivered again is not run again.
CREATE TABLE journal (
    job_id TEXT NOT NULL,
    dispatch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    finished TEXT NOT NULL,
    PRIMARY KEY (job_id, dispatch)
) STRICT, WITHOUT ROWID;

CREATE INDEX journal_by_finished ON journal (finished);

-- How often a job that was delivered again was begun: what kills its worker is given up.
CREATE TABLE attempt (
    job_id TEXT NOT NULL,
    dispatch INTEGER NOT NULL,
    starts INTEGER NOT NULL,
    started TEXT NOT NULL,
    PRIMARY KEY (job_id, dispatch)
) STRICT, WITHOUT ROWID;
