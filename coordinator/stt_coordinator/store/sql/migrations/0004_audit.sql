-- Who did what; `data` is the whole entry as JSON.
CREATE TABLE audit (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    data     BLOB NOT NULL
);
CREATE INDEX audit_by_age ON audit (at);
