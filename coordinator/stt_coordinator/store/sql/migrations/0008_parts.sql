-- The databases that the latest outcome left out, as a JSON array; empty: none, as for most pairs.
ALTER TABLE pairs ADD COLUMN parts TEXT NOT NULL DEFAULT '';
CREATE INDEX pairs_with_parts ON pairs (target, check_name) WHERE parts <> '';

-- Each database of a target once, however many checks left it out; of several reasons one stands.
CREATE VIEW current_parts AS
SELECT target, json_extract(each.value, '$.name') AS name, site, min(each.value) AS part
FROM pairs INDEXED BY pairs_with_parts, json_each(pairs.parts) AS each
WHERE parts <> ''
    AND +target IN (SELECT target FROM targets WHERE NOT gone)
    AND +check_name IN (SELECT check_name FROM checks WHERE enabled)
GROUP BY target, name;
