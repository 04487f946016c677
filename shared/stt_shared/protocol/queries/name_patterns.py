"""Which names and labels a filter of findings means: whole names, beginnings, `key=value`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

ANY_END = "*"  # at the end of a name: every name that begins with what is before it
LABEL_SIGN = "="  # between the key and the value of a label


def prefix_of(wanted: str) -> str | None:
    """The beginning that `wanted` asks for; None if it is a whole name."""
    return wanted.removesuffix(ANY_END) if wanted.endswith(ANY_END) else None


def is_wanted(name: str, wanted: Collection[str]) -> bool:
    """Whether one of `wanted` means `name`; none of them means every name."""
    return (
        not wanted
        or name in wanted
        or any(name.startswith(start) for one in wanted if (start := prefix_of(one)) is not None)
    )


def has_labels(labels: Mapping[str, str], wanted: Iterable[str]) -> bool:
    """Whether `labels` have one of the wanted values of each wanted key, given as `key=value`."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for one in wanted:
        key, _, value = one.partition(LABEL_SIGN)
        values[key].append(value)
    return all(
        (there := labels.get(key)) is not None and is_wanted(there, asked)
        for key, asked in values.items()
    )
