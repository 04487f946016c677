-- How far each reader of the history is, by its name: the position of the last event it has told.
CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
);

-- Metrics count pairs that were not evaluated at every scrape: few of many.
CREATE INDEX pairs_not_checked ON pairs (kind) WHERE kind <> '' AND kind <> 'not_applicable';
