CREATE SCHEMA IF NOT EXISTS stt;

-- Whoever owned the schema could put a function of their own into the place of this one.
ALTER SCHEMA stt OWNER TO CURRENT_USER;

REVOKE ALL ON SCHEMA stt FROM PUBLIC;

CREATE OR REPLACE FUNCTION stt.password_kinds(OUT role text, OUT kind text)
  RETURNS SETOF record
  LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$
  SELECT rolname::text,
         CASE WHEN rolpassword IS NULL THEN 'none'
              WHEN rolpassword ~ '^md5[0-9a-f]{32}$' THEN 'md5'
              WHEN rolpassword ~ '^SCRAM-SHA-256[$]' THEN 'scram'
              ELSE 'other' END
    FROM pg_catalog.pg_authid
   WHERE rolcanlogin
$$;

-- One that somebody else made before keeps its owner when it is replaced.
ALTER FUNCTION stt.password_kinds() OWNER TO CURRENT_USER;

REVOKE ALL ON FUNCTION stt.password_kinds() FROM PUBLIC;
