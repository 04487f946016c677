-- What several coordinators of one store have to know of each other. Sessions of the page, by the
-- digest of their ids; log-ins that failed; the key that signs the tokens of forms.
CREATE TABLE sessions (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest   TEXT COLLATE "C" NOT NULL UNIQUE,
    holder   TEXT COLLATE "C" NOT NULL,
    ends     TEXT COLLATE "C" NOT NULL
);
CREATE TABLE login_failures (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       TEXT COLLATE "C" NOT NULL,
    origin   TEXT COLLATE "C" NOT NULL
);
CREATE TABLE form_keys (
    id       SMALLINT PRIMARY KEY CHECK (id = 1),
    form_key TEXT COLLATE "C" NOT NULL
);
-- What the leader alone knows, as that something does not work: the others show it.
CREATE TABLE leader_report (
    id   SMALLINT PRIMARY KEY CHECK (id = 1),
    data BYTEA NOT NULL
);
-- The number of the control state on the broker, so that a copy never replaces a newer one, and the
-- digest of the pack that the known checks are of.
ALTER TABLE control ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
CREATE TABLE checks_pack (
    id     SMALLINT PRIMARY KEY CHECK (id = 1),
    digest TEXT COLLATE "C" NOT NULL
);
