"""Alerts: rules for Prometheus, and the channels Alertmanager, webhook and mail."""
