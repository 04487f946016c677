-- name: of_targets
SELECT data FROM pairs WHERE target IN (SELECT value FROM json_each(:targets));

-- name: put
INSERT INTO pairs (target, check_name, site, outcome, kind, parts, data)
VALUES (:target, :check_name, :site, :outcome, :kind, :parts, :data)
ON CONFLICT (target, check_name) DO UPDATE SET site = excluded.site, outcome = excluded.outcome,
    kind = excluded.kind, parts = excluded.parts, data = excluded.data;

-- name: confirmed
SELECT target, data FROM confirmed WHERE target IN (SELECT value FROM json_each(:targets));

-- name: confirm
INSERT INTO confirmed (target, data) VALUES (:target, :data)
ON CONFLICT (target) DO UPDATE SET data = excluded.data;

-- name: unconfirm
DELETE FROM confirmed WHERE target IN (SELECT value FROM json_each(:targets));

-- name: never_run
SELECT target, missing FROM (
    SELECT target, wanted.number - coalesce((
        SELECT CAST(sum(kept_counts.number) AS BIGINT)
        FROM kept_counts /*sqlite INDEXED BY kept_counts_by_target */
        WHERE kept_counts.target = targets.target
            AND kept_counts.state IN ('passed', 'failed', 'skipped', 'error')
    ), 0) AS missing
    FROM targets /*sqlite CROSS */ JOIN (
        SELECT family, count(*) AS number FROM checks WHERE enabled GROUP BY family
    ) AS wanted USING (family)
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
    AND /*sqlite + */target NOT IN (SELECT target FROM targets WHERE gone)
ORDER BY target, json_extract(each.value, '$.name') LIMIT :limit;
