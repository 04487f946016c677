"""How a half offers its commands: options, output, exit codes, and asking the coordinator."""
