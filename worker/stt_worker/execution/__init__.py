"""From a job to its outcomes: plan, inspect, run the scripts, convert their results, sanitize."""
