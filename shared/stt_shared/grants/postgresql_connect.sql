DO $grant$
DECLARE
  database name;
BEGIN
  FOR database IN SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate LOOP
    EXECUTE format('GRANT CONNECT ON DATABASE %%I TO %s', database);
  END LOOP;
END
$grant$
