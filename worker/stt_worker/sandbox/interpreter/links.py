"""What the pieces of a script bind, and the loads by which one uses what another binds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_AT_LEFT = re.compile(r"^[^\s#].*", re.MULTILINE)
# The lines at the left of a text that say which names it binds; others are not understood.
_BINDING = re.compile(r"(?:def (?P<function>\w+)\(|(?P<names>\w+(?:, \w+)*) = |[)\]}])")
_NAME = re.compile(r"[^\W\d]\w*")
# In a text of several lines, or behind such an end, the left of a line may be anything.
_UNSURE = ('"""', "'''", "\\\n", "\r", "\f")


def bound(text: str, taken: Collection[str]) -> frozenset[str] | None:
    """The names that `text` binds; None if one text has to be made of it and what is around it.

    So it is where a name is bound twice, or is one of those `taken`: functions of the first text
    would call what the second binds. And where the lines do not tell what they bind.
    """
    if any(word in text for word in _UNSURE):
        return None
    names: list[str] = []
    for line in _AT_LEFT.findall(text):
        found = _BINDING.match(line)
        if found is None:
            return None
        names += filter(None, [found["function"], *(found["names"] or "").split(", ")])
    once = frozenset(names)
    return once if len(once) == len(names) and once.isdisjoint(taken) else None


def loading(text: str, above: int, homes: Mapping[str, str]) -> str:
    """`text` with a load of each name in it that has a module in `homes`.

    The `above` lines that precede it in the whole script are empty, so that lines stay as they are.
    """
    used = sorted(set(_NAME.findall(text)) & homes.keys())
    loads = "; ".join(f'load("{homes[name]}", {name}="{name}")' for name in used)
    return loads + "\n" * above + text
