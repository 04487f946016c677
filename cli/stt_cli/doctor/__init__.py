"""Diagnosis of an installation from the answers of its parts."""
