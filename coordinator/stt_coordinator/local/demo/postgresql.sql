-- A PostgreSQL as it should not be: the application, and whoever deploys it, may do everything.
CREATE ROLE app LOGIN SUPERUSER;
CREATE ROLE dba NOLOGIN SUPERUSER;
CREATE ROLE deploy LOGIN IN ROLE dba;
CREATE ROLE reports LOGIN;
