-- The oracle of the rights of roles: what an attacker who logs in as one of them gets to, tried on the server itself.
-- `truth.attack` runs in a transaction of a superuser that is rolled back. SET SESSION AUTHORIZATION stands for a log-in.
CREATE SCHEMA truth;
GRANT USAGE, CREATE ON SCHEMA truth TO PUBLIC;
CREATE TABLE truth.secret (line text);
CREATE TABLE truth.common (line text);
GRANT ALL ON truth.common TO PUBLIC;
CREATE TABLE truth.tenant (line text);
INSERT INTO truth.tenant VALUES ('of somebody else');
ALTER TABLE truth.tenant ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON truth.tenant TO PUBLIC;

-- Whether the current user may; what it does stays.
CREATE FUNCTION truth.can(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END $$;

-- The same in a session of `who`, where it is not empty.
CREATE FUNCTION truth.can_as(who text, statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF who <> '' THEN
        EXECUTE format('SET SESSION AUTHORIZATION %I', who);
    END IF;
    EXECUTE statement;
    RESET SESSION AUTHORIZATION;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END $$;

-- A function of a superuser, which anybody with its owner's privileges can replace.
CREATE FUNCTION truth.own(role_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE FUNCTION truth.%I() RETURNS int LANGUAGE sql AS ''SELECT 1''', 'of_' || role_name);
    EXECUTE format('ALTER FUNCTION truth.%I() OWNER TO %I', 'of_' || role_name, role_name);
END $$;
SELECT truth.own('postgres');

-- The gains of `attacker` among the keys of `deeds`, and super, createrole, base_backup. Every deed that succeeds is
-- kept, and all are tried again, until none is new or `rounds` are over. New log-ins come from new passwords.
CREATE FUNCTION truth.attack(attacker text, deeds jsonb, rounds int) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    login text; role text; other text; deed text; member text;
    changed boolean;
    logins text[] := ARRAY[attacker];
    gains text[] := '{}';
    supers text[] := ARRAY(SELECT rolname::text FROM pg_roles WHERE rolsuper);
    names text[] := ARRAY(SELECT rolname::text FROM pg_roles WHERE oid >= 16384 OR oid = 10 OR deeds ? rolname::text);
    -- From 16 on an explicit option replaces what an earlier grant by the same role said.
    options text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN ''
        ELSE ' WITH INHERIT TRUE, SET TRUE' END;
BEGIN
    FOR round IN 1..rounds LOOP
        changed := false;
        FOREACH login IN ARRAY logins LOOP
            EXECUTE format('SET SESSION AUTHORIZATION %I', login);
            IF NOT 'base_backup' = ANY (gains) AND (SELECT rolreplication FROM pg_roles WHERE rolname = login) THEN
                gains := gains || 'base_backup'::text;
            END IF;
            FOREACH role IN ARRAY names LOOP
                CONTINUE WHEN NOT truth.can(format('SET ROLE %I', role));
                FOREACH other IN ARRAY supers LOOP
                    PERFORM truth.can(format('CREATE OR REPLACE FUNCTION truth.%I() RETURNS int LANGUAGE plpgsql '
                        'SECURITY DEFINER AS ''BEGIN EXECUTE ''''ALTER ROLE %I SUPERUSER''''; RETURN 1; END''',
                        'of_' || other, attacker));
                    PERFORM truth.can(format('SELECT truth.%I()', 'of_' || other));
                END LOOP;
                PERFORM truth.can(format('ALTER ROLE %I SUPERUSER', attacker));
                IF (SELECT rolsuper FROM pg_roles WHERE rolname = attacker) THEN
                    RETURN gains || 'super'::text;
                END IF;
                FOR deed IN SELECT key FROM jsonb_object_keys(deeds) key LOOP
                    IF NOT deed = ANY (gains) AND truth.can(deeds ->> deed) THEN
                        gains := gains || deed;
                    END IF;
                END LOOP;
                IF NOT 'createrole' = ANY (gains) AND truth.can('CREATE ROLE truth_made LOGIN') THEN
                    gains := gains || 'createrole'::text;
                    logins := logins || 'truth_made'::text;
                    names := names || 'truth_made'::text;
                    changed := true;
                END IF;
                IF NOT 'base_backup' = ANY (gains) AND truth.can('CREATE ROLE truth_copies LOGIN REPLICATION') THEN
                    gains := gains || 'base_backup'::text;
                END IF;
                FOREACH other IN ARRAY names LOOP
                    FOREACH member IN ARRAY logins LOOP
                        IF NOT truth.reached(member, other) AND truth.can(
                            format('GRANT %I TO %I', other, member) || options) THEN
                            changed := true;
                        END IF;
                    END LOOP;
                    IF NOT other = ANY (logins) AND (truth.can(format('ALTER ROLE %I LOGIN PASSWORD ''new''', other))
                        OR (SELECT rolcanlogin FROM pg_roles WHERE rolname = other)
                            AND truth.can(format('ALTER ROLE %I PASSWORD ''new''', other))) THEN
                        logins := logins || other;
                        changed := true;
                    END IF;
                END LOOP;
            END LOOP;
        END LOOP;
        EXIT WHEN NOT changed;
    END LOOP;
    RETURN gains;
END $$;

-- Whether a grant would add nothing.
CREATE FUNCTION truth.reached(member text, role text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('server_version_num')::int < 160000 THEN
        RETURN pg_has_role(member, role, 'MEMBER');
    END IF;
    RETURN pg_has_role(member, role, 'SET') AND pg_has_role(member, role, 'USAGE');
END $$;
