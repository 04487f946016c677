"""The release data as their maintainer has them: read, checked, brought up to date, written."""
