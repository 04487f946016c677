"""Telling people what is wrong where they already look: rules, Alertmanager, webhook, mail."""
