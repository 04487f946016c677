"""From the delivery of a job to its settlement."""
