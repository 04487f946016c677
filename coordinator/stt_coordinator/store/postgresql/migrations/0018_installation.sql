-- The installation whose coordinators write: the id that its NATS has as well. Empty: not known yet.
ALTER TABLE write_epoch ADD COLUMN installation TEXT COLLATE "C" NOT NULL DEFAULT '';
