-- What each job counts for in the report of its run, without suppressions, so that no report has to
-- read all outcomes of all jobs; and its findings by check, to which suppressions are applied. Both
-- are NULL in jobs of earlier releases.
ALTER TABLE jobs ADD COLUMN counts TEXT;
ALTER TABLE jobs ADD COLUMN failed BLOB;
