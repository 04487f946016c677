"""The exception for a statement that is not allowed."""

from __future__ import annotations


class RefusedError(Exception):
    """The statement may not be sent; the message names the part that is not allowed."""
