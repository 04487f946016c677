-- Which store this is: a random id, the same in its backups. Made once, here.
CREATE TABLE store_identity (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    store TEXT NOT NULL
);
INSERT INTO store_identity (id, store) VALUES (1, lower(hex(randomblob(16))));
