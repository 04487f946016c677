-- Works on MySQL 5.7 and later, Percona Server and MariaDB 10.4 and later, without any privilege.

-- name: read_only
SET SESSION TRANSACTION READ ONLY

-- name: begin
START TRANSACTION READ ONLY

-- name: limits_mysql
SET SESSION max_execution_time = {milliseconds}, lock_wait_timeout = {seconds}, lc_messages = 'en_US'

-- name: limits_mariadb
SET SESSION max_statement_time = {seconds}, lock_wait_timeout = {seconds}, lc_messages = 'en_US'

-- name: limits_others
SET SESSION lock_wait_timeout = {seconds}

-- name: facts
SELECT VERSION() AS version, @@version_comment AS comment, @@basedir AS basedir,
       @@datadir AS datadir, @@read_only AS read_only, @@innodb_read_only AS innodb_read_only

-- name: facts_others
SELECT VERSION() AS version, @@version_comment AS comment

-- name: aurora
SELECT @@aurora_version AS aurora
