"""What helps to write checks: templates, policies of content, and what a check would send."""
