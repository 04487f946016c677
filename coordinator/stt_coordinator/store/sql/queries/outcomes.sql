-- name: of_targets
SELECT data FROM pairs WHERE target IN (SELECT value FROM json_each(:targets));

-- name: put
INSERT INTO pairs (target, check_name, site, outcome, kind, parts, data)
VALUES (:target, :check_name, :site, :outcome, :kind, :parts, :data)
ON CONFLICT (target, check_name) DO UPDATE SET site = excluded.site, outcome = excluded.outcome,
    kind = excluded.kind, parts = excluded.parts, data = excluded.data;

-- name: never_run
SELECT target, missing FROM (
    SELECT target,
        (SELECT count(*) FROM checks WHERE enabled AND checks.family = targets.family)
        - (SELECT count(*) FROM pairs WHERE pairs.target = targets.target
            AND check_name IN (SELECT check_name FROM checks WHERE enabled)) AS missing
    FROM targets
    WHERE NOT gone AND (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
) AS counted
WHERE missing > 0 ORDER BY target LIMIT :limit;

-- name: forget
DELETE FROM pairs WHERE target IN (SELECT value FROM json_each(:targets));

-- name: current
SELECT data FROM current_pairs WHERE (target, check_name) > (:target, :check_name)
ORDER BY target, check_name LIMIT :limit;

-- name: parts_not_checked
SELECT target, part FROM current_parts
WHERE (:targets = '[]' OR target IN (SELECT value FROM json_each(:targets)))
ORDER BY target, name LIMIT :limit;

-- name: parts_of_check
SELECT target, each.value
FROM pairs /*sqlite INDEXED BY pairs_with_parts */, json_each(pairs.parts) AS each
WHERE parts <> '' AND check_name = :check_name
    AND /*sqlite + */target IN (SELECT target FROM targets WHERE NOT gone)
ORDER BY target, json_extract(each.value, '$.name') LIMIT :limit;
