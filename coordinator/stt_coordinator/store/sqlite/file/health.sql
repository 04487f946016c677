-- name: integrity
PRAGMA quick_check(3);

-- name: version
PRAGMA user_version;
