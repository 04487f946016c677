DO $grant$
DECLARE
  database name;
BEGIN
  FOR database IN SELECT datname FROM pg_catalog.pg_database
    WHERE datallowconn AND datname NOT IN ('template0', 'template1')
  LOOP
    EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %%I TO %s', database);
  END LOOP;
END
$grant$
