-- name: integrity
PRAGMA quick_check(1);

-- name: version
PRAGMA user_version;

-- name: holds
SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM current_findings);
