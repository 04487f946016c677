-- What a message at an outbox position said: another message at the same position is not a repeat.
-- Empty in rows of earlier releases, where it equals any.
ALTER TABLE results ADD COLUMN content TEXT NOT NULL DEFAULT '';

-- When this store was upgraded to something that workers must follow. A store that was empty then
-- has no row: it is new.
CREATE TABLE upgrades (
    what TEXT PRIMARY KEY,
    at   TEXT NOT NULL
);
INSERT INTO upgrades (what, at)
SELECT 'nonces', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')
WHERE EXISTS (SELECT 1 FROM runs) OR EXISTS (SELECT 1 FROM workers);
