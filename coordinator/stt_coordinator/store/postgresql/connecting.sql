-- name: mark
SELECT current_setting(%s, true);

-- name: put
SELECT set_config(%s, %s, false);
