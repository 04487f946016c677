-- One row, rewritten to learn whether the store can be written; before, two of the slots were.
CREATE TABLE write_probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at TEXT NOT NULL
);
DELETE FROM slots WHERE schedule IN ('alive', 'ready');
