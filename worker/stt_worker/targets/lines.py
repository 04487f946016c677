"""Finds the line of a key in an array of tables of a TOML file."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[(?P<array>\[)?(?P<name>[^\[\]]+)\]")
_KEY = re.compile(r"""\s*["']?(?P<key>[\w-]+)["']?\s*(?:\.[\w."' -]+)?=""")


def lines_of(text: str, array: str) -> dict[tuple[int, str], int]:
    """Line numbers by (index, key) of the tables `[[array]]`; the key "" is the header.

    Sub-tables like `[array.labels]` count as the key `labels`. Inline tables have
    no entry.
    """
    found: dict[tuple[int, str], int] = {}
    index, prefix = -1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            name = re.sub(r"\s*\.\s*", ".", header["name"].strip())
            if header["array"] and name == array:
                index += 1
                found[index, ""] = number
            prefix = name
            if name.startswith(f"{array}."):
                found.setdefault((index, name.removeprefix(f"{array}.").split(".")[0]), number)
        elif prefix == array and (key := _KEY.match(line)):
            found.setdefault((index, key["key"]), number)
    return found
