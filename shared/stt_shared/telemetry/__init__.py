"""Logs, traces and notifications of systemd."""
