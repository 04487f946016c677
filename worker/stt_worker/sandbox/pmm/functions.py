"""The functions in the context of scripts of PMM: they accept exactly what PMM's accept."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stt_worker.sandbox.addresses import is_private_in_pmm

_VERSION = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)([^\n]*)")
_REST = re.compile(r"-([0-9]+)")  # the build of Percona Server: 8.0.34-26
_LONG_VERSION = 10_000_000  # larger numbers end with three digits of a build
_GREATEST = 2**63 - 1  # of Go's int64
MAX_DIGITS = 19  # of it


def parse_version(text: str) -> dict[str, Any]:
    """The parts of a version of three numbers; raises ValueError for any other text."""
    match = _VERSION.fullmatch(_typed(text, str))
    if match is None:
        raise ValueError(f"cannot parse version {text!r:.100}")
    major, minor, patch = (_number(match[group]) for group in (1, 2, 3))
    build = _REST.match(match[4])
    return {
        "major": major,
        "minor": minor,
        "patch": patch,
        "rest": match[4],
        "num": major * 10_000 + minor * 100 + patch,
        "numrest": _number(build[1]) if build else 0,
    }


def _number(digits: str) -> int:
    """The number of `digits`; raises ValueError above 64 bits."""
    short = digits.lstrip("0") or "0"
    # Before the conversion: Python takes long for a million digits.
    if len(short) > MAX_DIGITS or int(short) > _GREATEST:
        raise ValueError(f"the number {digits:.30} has more than 64 bits")
    return int(short)


def format_version_num(num: int) -> str:
    """`80034` as `8.0.34`, a number with a build as `8.0.34-26`; raises TypeError, ValueError."""
    if abs(_typed(num, int)) > _GREATEST:
        raise ValueError(f"the number {num} has more than 64 bits")
    rest = ""
    if num > _LONG_VERSION:
        rest = f"-{num % 1000}"
        num = num // 1000
    # Go cuts towards zero: of a negative number each part is negative.
    sign, size = (-1 if num < 0 else 1), abs(num)
    parts = (size // 10_000, size // 100 % 100, size % 100)
    return f"{'.'.join(str(sign * part) for part in parts)}{rest}"


def _typed(value: Any, kind: type) -> Any:
    """`value`; raises TypeError for another type. A boolean is no integer in Starlark."""
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {value!r:.40}")
    return value


PMM_FUNCTIONS: dict[str, Callable[..., object]] = {
    "parse_version": parse_version,
    "format_version_num": format_version_num,
    "ip_is_private": is_private_in_pmm,
}
