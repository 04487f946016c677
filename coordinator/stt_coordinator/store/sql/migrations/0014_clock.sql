-- The last reading on which the clocks agreed, and the instant that retention counts from, as JSON.
CREATE TABLE clock (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    data     BLOB NOT NULL
);
