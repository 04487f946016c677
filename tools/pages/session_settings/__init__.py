"""What flips the settings of real servers and writes docs/session-settings-*.md."""
