-- Targets that are new or at a new site wait for a run of all their checks. Those that were known
-- before do not: their checks run at their slots.
ALTER TABLE targets ADD COLUMN awaits_run INTEGER NOT NULL DEFAULT 0;
CREATE INDEX targets_awaiting ON targets (target) WHERE awaits_run AND NOT gone;
