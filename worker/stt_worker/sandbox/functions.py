"""The functions in the context of our scripts: versions and addresses, wider than PMM's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stt_worker.sandbox.addresses import ip_is_private

_VERSION = re.compile(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(.*)", re.DOTALL)
_LONG_VERSION = 10_000_000  # larger numbers end with three digits of a build


def parse_version(text: str) -> dict[str, Any]:
    """The parts of a version of two or three numbers; raises ValueError for any other text."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"cannot parse version {text!r:.100}")
    major, minor, patch = (int(match[group] or 0) for group in (1, 2, 3))
    digits = re.search(r"[0-9]+", match[4])
    return {
        "major": major,
        "minor": minor,
        "patch": patch,
        "rest": match[4],
        "num": major * 10_000 + minor * 100 + patch,
        "numrest": int(digits[0]) if digits else 0,
    }


def format_version_num(num: int) -> str:
    """`80034` as `8.0.34`, a number with a build as `8.0.34-26`."""
    rest = ""
    if num > _LONG_VERSION:
        rest = f"-{num % 1000}"
        num = num // 1000
    return f"{num // 10_000}.{num // 100 % 100}.{num % 100}{rest}"


FUNCTIONS: dict[str, Callable[..., object]] = {
    "parse_version": parse_version,
    "format_version_num": format_version_num,
    "ip_is_private": ip_is_private,
}
