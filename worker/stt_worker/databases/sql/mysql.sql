-- Works on MySQL 5.7 and later, Percona Server and MariaDB 10.4 and later, without any privilege.

-- name: begin
START TRANSACTION READ ONLY

-- name: session_mysql
SET SESSION transaction_read_only = 1, max_execution_time = {milliseconds},
    lock_wait_timeout = {seconds}, lc_messages = 'en_US'

-- name: session_mysql_before_5_7_20
SET SESSION tx_read_only = 1, max_execution_time = {milliseconds},
    lock_wait_timeout = {seconds}, lc_messages = 'en_US'

-- name: session_mariadb_before_11_1
-- Later versions still know the old name, so that it comes first.
SET SESSION tx_read_only = 1, max_statement_time = {seconds},
    lock_wait_timeout = {seconds}, lc_messages = 'en_US'

-- name: session_mariadb
SET SESSION transaction_read_only = 1, max_statement_time = {seconds},
    lock_wait_timeout = {seconds}, lc_messages = 'en_US'

-- name: session_others
SET SESSION TRANSACTION READ ONLY

-- name: facts
SELECT VERSION() AS version, @@version_comment AS comment, @@basedir AS basedir,
       @@datadir AS datadir, @@read_only AS read_only, @@innodb_read_only AS innodb_read_only

-- name: facts_others
SELECT VERSION() AS version, @@version_comment AS comment

-- name: aurora
SELECT @@aurora_version AS aurora
