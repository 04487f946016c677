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
-- What does not work, as the leader sees it: the others show it on their pages.
CREATE TABLE leader_report (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    data BLOB NOT NULL
);
