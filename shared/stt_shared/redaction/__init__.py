"""Remove secrets from texts and nested values: names of secrets, their shapes, their places."""

from __future__ import annotations

from stt_shared.redaction.addresses import HIDDEN
from stt_shared.redaction.names import is_secret_name
from stt_shared.redaction.texts import hide_addresses, hide_text
from stt_shared.redaction.values import hide_value

__all__ = ["HIDDEN", "hide_addresses", "hide_text", "hide_value", "is_secret_name"]
