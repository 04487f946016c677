CREATE SCHEMA IF NOT EXISTS stt;

-- Whoever owned the schema could put a function of their own into the place of this one.
ALTER SCHEMA stt OWNER TO CURRENT_USER;

REVOKE ALL ON SCHEMA stt FROM PUBLIC;

CREATE OR REPLACE FUNCTION stt.file_times(OUT file text, OUT modified timestamptz, OUT changed timestamptz)
  RETURNS SETOF record
  LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT f.name, s.modification, s.change
    FROM (SELECT current_setting('hba_file')
          UNION SELECT current_setting('ident_file')
          UNION SELECT row_to_json(h) ->> 'file_name' FROM pg_catalog.pg_hba_file_rules h) f(name),
         LATERAL pg_catalog.pg_stat_file(f.name, true) s
   WHERE f.name IS NOT NULL AND s.modification IS NOT NULL
$$;

-- One that somebody else made before keeps its owner when it is replaced.
ALTER FUNCTION stt.file_times() OWNER TO CURRENT_USER;

REVOKE ALL ON FUNCTION stt.file_times() FROM PUBLIC;
