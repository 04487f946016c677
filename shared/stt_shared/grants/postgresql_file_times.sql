CREATE SCHEMA IF NOT EXISTS stt;

-- Whoever owned the schema could put a function of their own into the place of this one.
ALTER SCHEMA stt OWNER TO CURRENT_USER;

REVOKE ALL ON SCHEMA stt FROM PUBLIC;

CREATE OR REPLACE FUNCTION stt.file_times(
    OUT file text, OUT of_maps boolean, OUT modified timestamptz, OUT changed timestamptz)
  RETURNS SETOF record
  LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT f.name, f.of_maps, s.modification, s.change
    FROM (SELECT current_setting('hba_file'), false
          UNION SELECT current_setting('ident_file'), true
          UNION SELECT row_to_json(h) ->> 'file_name', false FROM pg_catalog.pg_hba_file_rules h) f(name, of_maps),
         LATERAL pg_catalog.pg_stat_file(f.name, true) s
   WHERE f.name IS NOT NULL AND s.modification IS NOT NULL
$$;

-- One that somebody else made before keeps its owner when it is replaced.
ALTER FUNCTION stt.file_times() OWNER TO CURRENT_USER;

REVOKE ALL ON FUNCTION stt.file_times() FROM PUBLIC;
