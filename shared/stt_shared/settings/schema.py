"""The JSON Schema of the configuration file, generated from the fields of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stt_shared.settings.field import fields_of
from stt_shared.settings.sections import SECTIONS

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def config_schema(lists: Mapping[str, type[msgspec.Struct]]) -> dict[str, Any]:
    """The schema of the file: a table for each section, and the arrays of tables in `lists`."""
    tables = {name: _table(name, kind) for name, kind in SECTIONS.items()}
    arrays = {name: {"type": "array", "items": _table("", kind)} for name, kind in lists.items()}
    return {
        "$schema": DRAFT,
        "title": "Configuration of STT",
        "type": "object",
        "properties": tables | arrays,
        "additionalProperties": False,
    }


def _table(section: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    fields = list(fields_of(section, kind))
    values: dict[str, dict[str, Any]] = {}
    for one in fields:
        value = msgspec.json.schema(one.annotated)
        value.pop("$defs", None)
        # An optional key that is empty by default is described without its default.
        has_default = one.default is not msgspec.NODEFAULT and bool(one.default)
        values[one.key] = value | ({"default": one.default} if has_default else {})
    table: dict[str, Any] = {
        "type": "object",
        "description": (kind.__doc__ or "").splitlines()[0],
        "properties": values,
        "additionalProperties": False,
    }
    required = [one.key for one in fields if one.default is msgspec.NODEFAULT]
    return table | ({"required": required} if required else {})
