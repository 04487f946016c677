-- Runs are ordered by numbers that only grow: their slots follow the clock, which may be wrong.
CREATE TABLE sequences (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
);
ALTER TABLE runs ADD COLUMN number INTEGER NOT NULL DEFAULT 0;

-- Rows are in the order in which runs were recorded.
UPDATE runs SET number = ranked.number
FROM (SELECT run_id, row_number() OVER (ORDER BY rowid) AS number FROM runs) AS ranked
WHERE runs.run_id = ranked.run_id;
UPDATE runs SET data = CAST(json_set(CAST(data AS TEXT), '$.number', number) AS BLOB);
INSERT INTO sequences (name, last) SELECT 'runs', coalesce(max(number), 0) FROM runs;

DROP INDEX runs_in_order;
DROP INDEX runs_going_on;
DROP INDEX runs_finished;
CREATE UNIQUE INDEX runs_in_order ON runs (number);
CREATE INDEX runs_going_on ON runs (number) WHERE state = 'running';
CREATE INDEX runs_finished ON runs (schedule, number) WHERE state = 'finished';
CREATE INDEX runs_by_slot ON runs (slot);

-- Outcomes are ordered by run and dispatch. Of a run that was pruned no result can come late.
UPDATE pairs SET data = CAST(json_set(
    CAST(data AS TEXT),
    '$.order', json_array(coalesce((
        SELECT number FROM runs WHERE run_id = json_extract(CAST(pairs.data AS TEXT), '$.run_id')
    ), 0), 1)
) AS BLOB);
-- Which run an earlier verdict was of is not known: no late result of a run counts as older.
UPDATE pairs SET data = CAST(json_set(
    CAST(data AS TEXT),
    '$.verdict', CASE
        WHEN outcome IN ('passed', 'failed') THEN json_extract(CAST(data AS TEXT), '$.order')
        ELSE json_array(0, 0)
    END
) AS BLOB)
WHERE json_extract(CAST(data AS TEXT), '$.learned') IS NOT NULL;
UPDATE targets SET data = CAST(json_set(
    CAST(data AS TEXT),
    '$.order', json_array(coalesce((
        SELECT max(json_extract(CAST(data AS TEXT), '$.order[0]'))
        FROM pairs WHERE pairs.target = targets.target
    ), 0), 1)
) AS BLOB);
