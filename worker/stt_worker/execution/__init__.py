"""From a job to its outcomes: plan, inspect, run the scripts, judge, sanitize."""
