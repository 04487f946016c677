-- name: session
SELECT holder, ends FROM sessions WHERE digest = :digest;

-- name: drop_ended
DELETE FROM sessions WHERE ends <= :now;

-- name: add_session
INSERT INTO sessions (digest, holder, ends) VALUES (:digest, :holder, :ends);

-- name: drop_oldest
DELETE FROM sessions WHERE position <= (
    SELECT position FROM sessions ORDER BY position DESC LIMIT 1 OFFSET :kept
);

-- name: drop_session
DELETE FROM sessions WHERE digest = :digest;

-- name: failures
SELECT at, origin FROM login_failures WHERE at > :since ORDER BY position;

-- name: add_failure
INSERT INTO login_failures (at, origin) VALUES (:at, :origin);

-- name: drop_failures
DELETE FROM login_failures WHERE position <= (
    SELECT position FROM login_failures ORDER BY position DESC LIMIT 1 OFFSET :kept
);

-- name: form_key
SELECT form_key FROM form_keys WHERE id = 1;

-- name: put_form_key
INSERT INTO form_keys (id, form_key) VALUES (1, :form_key)
ON CONFLICT (id) DO UPDATE SET form_key = excluded.form_key;
