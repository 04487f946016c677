"""The only reader of YAML: events of libyaml made into plain values, with limits."""
