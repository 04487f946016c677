"""Whom databases belong to: move and forget them, list and forget workers."""
