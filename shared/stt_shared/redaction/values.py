"""Remove secrets from nested values: by the name of their key, at any depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stt_shared.redaction.addresses import HIDDEN
from stt_shared.redaction.names import is_plural, is_secret_name, words_of
from stt_shared.redaction.texts import hide_text, is_remark

MAX_DEPTH = 8
TOO_DEEP = "(nested too deeply to be shown)"
MAX_COUNT = 999  # a greater number may itself be a secret
# Rows such as {"name": "x_password", "setting": "..."} have the name in one field and the secret
# in another.
_NAMING = words_of(
    "name variable_name variable key setting_name parameter parameter_name option option_name"
    " field column property attribute"
)
_NAMING_SETTING = "setting"  # a name if there is `value`, a value if there is `name`
_HOLDING = words_of(
    "value val variable_value setting current reset_val boot_val global_value session_value"
    " option_value default content"
)


def hide_value(value: Any, depth: int = 0) -> Any:
    """`value` without secrets in its texts; levels below MAX_DEPTH are replaced.

    Dicts and lists keep their shape, tuples and sets become lists; any other value becomes its
    text.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return hide_text(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth >= MAX_DEPTH:
            return TOO_DEEP
        if isinstance(value, Mapping):
            return _mapping(cast("Mapping[object, object]", value), depth)
        return [hide_value(inner, depth + 1) for inner in cast("list[object]", value)]
    return hide_text(str(value))


def _mapping(value: Mapping[object, object], depth: int) -> dict[str, Any]:
    # Whether one field of a row names a secret, and another may contain it.
    keys = {str(key).lower(): key for key in value}
    naming = _NAMING | {_NAMING_SETTING} if "value" in keys else _NAMING
    names = [value[keys[key]] for key in keys.keys() & naming]
    held = any(isinstance(name, str) and is_secret_name(name) for name in names)
    found: dict[str, Any] = {}
    for key, inner in value.items():
        name = str(key)
        secret = is_secret_name(name) or (held and name.lower() in _HOLDING)
        if secret and not says_nothing(inner, several=is_plural(name)):
            found[hide_text(name)] = HIDDEN
        else:
            found[hide_text(name)] = hide_value(inner, depth + 1)
    return found


def says_nothing(value: object, *, several: bool = False) -> bool:
    """Whether `value`, the value of a secret's name, is a flag, a count or empty."""
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return several or abs(value) <= MAX_COUNT
    if isinstance(value, str):
        return is_remark(value) or value == HIDDEN
    return isinstance(value, Mapping | list | tuple | set | frozenset) and not value
