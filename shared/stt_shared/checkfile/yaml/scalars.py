"""The values of plain YAML scalars: texts, numbers, booleans and null, within limits."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

MAX_DIGITS = 20  # of an integer: 64 bits
MAX_FLOAT_CHARACTERS = 40
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar; raises ValueError for a number beyond the limits."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        if len(text.lstrip("+-")) > MAX_DIGITS:
            raise ValueError(f"an integer of {len(text)} characters, the limit is {MAX_DIGITS}")
        return int(text)
    if NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a supported number")
    if FLOAT.fullmatch(text):
        if len(text) > MAX_FLOAT_CHARACTERS:
            raise ValueError(f"a float of {len(text)} characters, more than {MAX_FLOAT_CHARACTERS}")
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"{text:.40} is beyond the range of a float")
        return value
    return text
