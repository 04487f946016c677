"""The control service: one handler for each verb."""
