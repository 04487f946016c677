-- What several coordinators of one store have to know of each other. Sessions of the page, by the
-- digest of their ids; log-ins that failed; the key that signs the tokens of forms.
CREATE TABLE sessions (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    digest   TEXT NOT NULL UNIQUE,
    holder   TEXT NOT NULL,
    ends     TEXT NOT NULL
);
CREATE TABLE login_failures (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    origin   TEXT NOT NULL
);
CREATE TABLE form_keys (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    form_key TEXT NOT NULL
);
-- What the leader alone knows, as that something does not work: the others show it.
CREATE TABLE leader_report (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    data BLOB NOT NULL
);
-- The number of the control state on the broker, so that a copy never replaces a newer one, and the
-- digest of the pack that the known checks are of.
ALTER TABLE control ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
CREATE TABLE checks_pack (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    digest TEXT NOT NULL
);
