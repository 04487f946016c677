"""The half that plans runs, records results, and publishes findings, summaries and alerts."""
