-- The last epoch in which a coordinator began to write: none of an earlier one writes any more.
CREATE TABLE write_epoch (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL
);
INSERT INTO write_epoch (id, epoch) VALUES (1, 0);
