-- The newest answers that repeated what was known of the checks and findings of a target. An
-- unchanged day writes this row, and no row of each check and finding.
CREATE TABLE confirmed (
    target TEXT NOT NULL PRIMARY KEY,
    data   BLOB NOT NULL
);
