-- Which targets there are is asked by every list and every count: from an index, without their rows.
CREATE INDEX targets_present ON targets (target, site, family, learned) WHERE NOT gone;

-- And which checks are switched on.
CREATE INDEX checks_enabled ON checks (check_name) WHERE enabled;
