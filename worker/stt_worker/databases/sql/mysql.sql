-- Works on MySQL 5.7 and later, Percona Server and MariaDB 10.4 and later, without any privilege.

-- name: pins
SET SESSION {assignments}

-- name: home
-- No account can create a function in information_schema. In any other database the name of a
-- function that this server lacks could call a stored function. A reset keeps the database that a
-- log-in hook or a proxy selected.
USE information_schema

-- name: begin
START TRANSACTION READ ONLY

-- name: facts
SELECT VERSION() AS version, @@version_comment AS comment, @@basedir AS basedir,
       @@datadir AS datadir, @@read_only AS read_only, @@innodb_read_only AS innodb_read_only,
       @@init_connect AS init_connect, @@max_allowed_packet AS max_allowed_packet,
       DATABASE() AS home, CONCAT_WS('|', {readings}) AS kept

-- name: version
SELECT VERSION() AS version, @@version_comment AS comment

-- name: aurora
SELECT @@aurora_version AS aurora

-- name: role
-- MariaDB has one active role at a time, and no statement that restores the role of the log-in.
SELECT CURRENT_ROLE() AS now,
       (SELECT MAX(ROLE_NAME) FROM information_schema.APPLICABLE_ROLES WHERE IS_DEFAULT = 'YES')
       AS at_login

-- name: all_roles
SELECT @@GLOBAL.activate_all_roles_on_login AS all_roles

-- name: roles
SET ROLE {roles}
