"""The one exception by which a judge refuses a statement."""

from __future__ import annotations


class RefusedError(Exception):
    """The statement may not be sent; the message says what in it is not allowed."""
