-- How far each reader of the history is, by its name: the position of the last event it has told.
CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
);
