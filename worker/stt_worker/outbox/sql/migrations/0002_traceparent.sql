-- Where each result belongs in the trace of its run; empty without tracing.
ALTER TABLE outbox ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
